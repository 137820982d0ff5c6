import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withoutPassword } from '../common/config-kinds.ts'
import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import type { RoomOfGroups } from '../connectors/knx/group-devices.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { readMapping } from '../connectors/mqtt/mapping-file.ts'
import { topics } from '../schemas/topics.ts'
import type { Device } from '../schemas/types.ts'
import { demoHouse } from '../topology/demo-house.ts'
import { type HouseConfig, housePublications } from '../topology/rooms-config.ts'
import { ActuatorMemory } from './actuator-memory.ts'
import { openMqtt } from './embedded-mqtt.ts'
import { type BusName, type Field, startField } from './field.ts'
import { readHouseFile } from './house-file.ts'
import { makeGroupsKnown } from './knx-groups.ts'
import type { MqttPlan } from './mqtt-connections.ts'
import type { Platform } from './platform.ts'
import type { Closing } from './program.ts'
import { publishHouse } from './publish-house.ts'
import type { BuildingSettings } from './settings.ts'
import { SimulatedWorld } from './simulated-world.ts'
import { startSimulation } from './simulation.ts'

const READY_MS = 20_000

export interface OpenField {
  readonly field: Field
  readonly house: HouseConfig | undefined
  /** Of the KNX group addresses that ETS exported. */
  readonly groupRooms: readonly RoomOfGroups[]
  readonly mqttUrl: string | undefined
}

export interface OpenFieldOptions {
  readonly settings: BuildingSettings
  readonly platform: Platform
  readonly buses: ReadonlySet<BusName>
  readonly directory: string
  readonly metrics: Metrics
  readonly closing: Closing
  readonly log: Logger
}

/**
 * Starts the connectors of some buses, with a broker and simulators for those that no setting leads to. The house (of a file, or a
 * simulated one) is made known first; its rules only where a room has none, since people may have changed them.
 */
export async function openField(options: OpenFieldOptions): Promise<OpenField> {
  const { settings, platform, buses, closing, log, directory } = options
  const house = await knownHouse(settings)
  const devices = house === undefined ? [] : await makeKnown(house, platform, log)
  const groupRooms =
    buses.has('knx') && settings.knxGroups !== undefined
      ? await makeGroupsKnown(settings.knxGroups, settings.timeZone, directory, platform, log)
      : []
  const mqtt = buses.has('mqtt') ? await openMqtt(settings, `${settings.applicationId}-mqtt`, closing, log) : undefined
  const simulated = new Set(
    house === undefined || settings.simulate === 'none'
      ? []
      : [...buses].filter((bus) => !hasRealDevices(bus, settings)),
  )
  const simulation =
    simulated.size === 0
      ? undefined
      : await startSimulation({
          devices,
          buses: simulated,
          world: await SimulatedWorld.open(join(directory, 'simulated-world.json'), devices),
          memory: await ActuatorMemory.open(join(directory, 'simulated-levels.json'), log),
          mqtt,
          log,
        })
  if (simulation) closing.add('the simulated house', () => simulation.stop())
  const knx = buses.has('knx') ? (settings.knxGateway ?? simulation?.knx) : undefined
  const zwavePath = buses.has('zwave') ? (settings.zwavePort ?? simulation?.zwavePath) : undefined
  const field = await startField(
    {
      directory,
      answersUnknownDevices: buses.has('knx'),
      ...(mqtt ? { mqtt: { ...mqtt, ...(await mqttPlan(settings, platform)) } } : {}),
      ...(knx ? { knx } : {}),
      ...(zwavePath
        ? { zwave: { path: zwavePath, simulated: settings.zwavePort === undefined, driver: settings.zwaveDriver } }
        : {}),
    },
    platform,
    options.metrics,
    log,
  )
  closing.add('the connectors', () => field.stop())
  return { field, house, groupRooms, mqttUrl: mqtt && withoutPassword(mqtt.url) }
}

/** The house of the settings: of a file, or one that is made up. @throws {ConfigError} */
async function knownHouse({ simulate, timeZone, house }: BuildingSettings): Promise<HouseConfig | undefined> {
  if (house !== undefined) return readHouseFile(house, timeZone)
  return simulate === 'none' ? undefined : { ...demoHouse(simulate === 'house' ? 12 : simulate), timeZone }
}

/** A connector that joins late would miss the first commands: wait for them, within reason. */
export async function untilRunning(field: Field, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_MS
  while (Date.now() < deadline && field.statuses().some(({ state }) => state === 'created' || state === 'connecting')) {
    await sleep(100, undefined, { signal })
  }
}

/** What is read over MQTT, and over how many connections; topics that records go to are created. @throws {ConfigError} */
async function mqttPlan(settings: BuildingSettings, { kafka }: Platform): Promise<Omit<MqttPlan, keyof MqttEndpoint>> {
  const {
    mqttMapping,
    mqttShards: shards,
    mqttShardBy: by,
    mqttShard: shard,
    partitions,
    applicationId: group,
  } = settings
  const mapping = readMapping(mqttMapping)
  const { recordTopics } = mapping
  if (recordTopics.length > 0) await kafka.admin().createTopics(recordTopics.map((name) => ({ name, partitions })))
  return { mapping, shards: { shards, by, group }, ...(shard === undefined ? {} : { shard }) }
}

function hasRealDevices(bus: BusName, settings: BuildingSettings): boolean {
  if (bus === 'knx') return settings.knxGateway !== undefined
  if (bus === 'zwave') return settings.zwavePort !== undefined
  return false
}

async function makeKnown(house: HouseConfig, platform: Platform, log: Logger): Promise<readonly Device[]> {
  const { devices, rules } = housePublications(house)
  const deviceSerde = platform.value(topics.devices.value)
  const rulesSerde = platform.value(topics.rules.value)
  const written = await publishHouse(platform.kafka, platform.key, [
    ...devices.map((value) => ({
      topic: topics.devices.name,
      key: value.deviceId,
      value,
      serde: deviceSerde as never,
    })),
    ...rules.map((value) => ({
      topic: topics.rules.name,
      key: value.roomId,
      value,
      serde: rulesSerde as never,
      onlyIfMissing: true,
    })),
  ])
  log.info({ devices: devices.length, rooms: rules.length, written }, 'the house is known')
  return devices
}
