import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Logger } from '../../common/log.ts'
import type { Device } from '../../schemas/types.ts'
import { demoHouse } from '../../topology/demo-house.ts'
import { type HouseConfig, housePublications } from '../../topology/rooms-config.ts'
import type { BusName } from '../field.ts'
import type { BuildingSettings } from '../settings.ts'
import { SimulatedWorld } from '../simulated-world.ts'
import { type Simulation, startSimulation } from '../simulation.ts'
import { FaultBoard } from './fault-board.ts'
import { OwnBroker } from './own-broker.ts'
import { OwnStick } from './own-stick.ts'
import type { SimulateOptions } from './simulate-options.ts'

/** A simulated house that runs, and how to reach it. */
export interface SimulatedBuilding {
  readonly house: HouseConfig
  readonly devices: readonly Device[]
  readonly simulation: Simulation
  readonly faults: FaultBoard
  /** Settings of a building whose devices these are. */
  readonly env: Readonly<Record<string, string>>
  /** Ends faults, then everything else. */
  stop(): Promise<void>
}

export interface SimulatedBuildingContext {
  readonly settings: BuildingSettings
  readonly log: Logger
  readonly onFault?: ConstructorParameters<typeof FaultBoard>[0]['onChange']
}

/** The house of these options: its devices are on the wires that are not off. */
export function simulatedHouse(options: SimulateOptions, timeZone: string): HouseConfig {
  const { rooms, floors, zwaveNodes } = options
  const nodes = options.zwave === undefined ? 0 : zwaveNodes
  const house = demoHouse(rooms, {
    ...(floors === undefined ? {} : { floors }),
    ...(nodes === undefined ? {} : { zwaveNodes: nodes }),
  })
  const isThere = (device: HouseConfig['floors'][number]['rooms'][number]['devices'][number]): boolean =>
    device.mqtt ? options.mqtt !== undefined : device.knx ? options.knx !== undefined : true
  return {
    ...house,
    timeZone,
    floors: house.floors.map((floor) => ({
      ...floor,
      rooms: floor.rooms.map((room) => ({ ...room, devices: room.devices.filter(isThere) })),
    })),
  }
}

/** Writes the house into the directory and starts its wires. @throws what a wire throws that cannot be started; nothing is left open then. */
export async function startSimulatedBuilding(
  options: SimulateOptions,
  { settings, log, onFault }: SimulatedBuildingContext,
): Promise<SimulatedBuilding> {
  const directory = resolve(options.directory)
  await mkdir(directory, { recursive: true })
  const house = simulatedHouse(options, settings.timeZone)
  const { devices } = housePublications(house)
  const housePath = join(directory, 'house.json')
  await writeFile(housePath, `${JSON.stringify(house, undefined, 2)}\n`)
  const world = SimulatedWorld.begin(devices, {
    seed: options.seed,
    startMs: options.startMs,
    speed: options.speed,
    beginsAtMs: Date.now(),
    ...(options.people === undefined ? {} : { people: options.people }),
  })
  const { mqttUsername: username, mqttPassword: password, mqttHost: host, mqttPort: port } = settings
  const login = username === undefined ? {} : { username, ...(password === undefined ? {} : { password }) }
  const credentials = username !== undefined && password !== undefined ? { credentials: { username, password } } : {}
  const broker =
    options.mqtt === 'own' ? new OwnBroker({ dataDir: directory, host, port, ...credentials, logger: log }) : undefined
  await broker?.giveBack()
  const mqttUrl = broker?.url ?? (typeof options.mqtt === 'object' ? options.mqtt.url : undefined)
  const closeBroker = async (): Promise<void> => broker?.take()
  const simulation = await startSimulation({
    devices,
    buses: busesOf(options),
    world,
    mqtt: mqttUrl === undefined ? undefined : { url: mqttUrl, clientId: `brook-simulate-${options.seed}`, ...login },
    ...(options.knx === undefined ? {} : { knx: options.knx }),
    ...(options.zwave === undefined ? {} : { zwavePort: options.zwave.port }),
    log,
  }).catch(async (error: unknown) => {
    await closeBroker()
    throw error
  })
  const stick = simulation.wires.zwave && new OwnStick(simulation.wires.zwave, options.zwave?.ptyPath)
  const stopWires = async (): Promise<void> => {
    await stick?.take()
    await simulation.stop()
    await closeBroker()
  }
  await stick?.giveBack().catch(async (error: unknown) => {
    await stopWires()
    throw error
  })
  const faults = new FaultBoard({
    field: { devices, simulation, ...(broker ? { broker } : {}), ...(stick ? { stick } : {}) },
    log,
    ...(onFault ? { onChange: onFault } : {}),
  })
  return {
    house,
    devices,
    simulation,
    faults,
    env: {
      BROOK_SIMULATE: 'none',
      BROOK_HOUSE: housePath,
      ...(mqttUrl === undefined ? {} : { BROOK_MQTT_URL: mqttUrl }),
      ...(simulation.knx ? { BROOK_KNX_GATEWAY: `${simulation.knx.host}:${simulation.knx.port}` } : {}),
      ...(stick ? { BROOK_ZWAVE_PORT: stick.path } : {}),
    },
    async stop() {
      await faults.close()
      await stopWires()
    },
  }
}

function busesOf({ mqtt, knx, zwave }: SimulateOptions): ReadonlySet<BusName> {
  const buses = new Set<BusName>()
  if (mqtt !== undefined) buses.add('mqtt')
  if (knx !== undefined) buses.add('knx')
  if (zwave !== undefined) buses.add('zwave')
  return buses
}
