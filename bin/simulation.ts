import { join } from 'node:path'
import type { Logger } from '../common/log.ts'
import { GatewaySimulator } from '../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../connectors/knx/simulated-building.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { MqttSimulator } from '../connectors/mqtt/simulator.ts'
import type { HouseModel } from '../connectors/simulation/house-model.ts'
import { SerialSimulator } from '../connectors/zwave/serial-simulator.ts'
import { DIMMER, MULTISENSOR, type NodeModel, type SensorName } from '../connectors/zwave/simulated-node.ts'
import type { Device, ReadingKind } from '../schemas/types.ts'
import { ActuatorMemory } from './actuator-memory.ts'
import type { BusName } from './field.ts'
import type { HostAndPort } from './settings.ts'
import { SimulatedWorld } from './simulated-world.ts'

const TICK_MS = 1_000
/** Sensors report this often even when nothing changes; motion, at once. */
const REPORT_MS = 5_000
/** Full dimmer level of Z-Wave. */
const ZWAVE_FULL = 99
const BLINDS_TRAVEL_MS = 4_000

export interface SimulationOptions {
  readonly devices: readonly Device[]
  readonly buses: ReadonlySet<BusName>
  /** Where sensors that speak MQTT publish. */
  readonly mqtt: MqttEndpoint | undefined
  readonly directory: string
  readonly log: Logger
}

/** A house behind its three wires: the ends that connectors connect to. */
export interface Simulation {
  readonly model: HouseModel
  readonly knx: HostAndPort | undefined
  readonly zwavePath: string | undefined
  stop(): Promise<void>
}

/** Starts the wire simulators of the buses and lets time pass in the house behind them. */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { devices, buses, directory, log } = options
  const world = await SimulatedWorld.open(join(directory, 'simulated-world.json'), devices)
  const { model } = world
  const memory = await ActuatorMemory.open(join(directory, 'simulated-levels.json'), log)
  for (const [id, level] of memory.levels) {
    const [deviceId = '', kind = ''] = id.split('/')
    model.setActuator(deviceId, kind as ReadingKind, level)
  }
  world.advance(Date.now())
  const changed = (deviceId: string, kind: ReadingKind, level: number): void => {
    model.setActuator(deviceId, kind, level)
    memory.set(deviceId, kind, level)
  }
  const knx = buses.has('knx') ? await startKnx(devices, model, memory, changed, log) : undefined
  const zwave = buses.has('zwave') ? await startZwave(devices, model, changed) : undefined
  const mqtt = buses.has('mqtt') && options.mqtt ? startMqtt(devices, model, options.mqtt, log) : undefined
  const timer = setInterval(() => {
    const nowMs = Date.now()
    world.advance(nowMs)
    zwave?.report(nowMs)
  }, TICK_MS)
  await mqtt?.start()
  return {
    model,
    knx: knx?.endpoint,
    zwavePath: zwave?.path,
    async stop() {
      clearInterval(timer)
      await Promise.all([mqtt?.stop(), knx?.stop(), zwave?.stop()])
      await memory.settled()
    },
  }
}

type Changed = (deviceId: string, kind: ReadingKind, level: number) => void

async function startKnx(
  devices: readonly Device[],
  model: HouseModel,
  memory: ActuatorMemory,
  changed: Changed,
  logger: Logger,
) {
  const owners = new Map<string, { deviceId: string; kind: ReadingKind }>()
  const datapoints = simulatedDatapoints(devices, { blindsTravelMs: BLINDS_TRAVEL_MS })
  for (const { deviceId, knx } of devices) {
    for (const { kind, write, status } of knx?.groups ?? []) {
      for (const address of [write, status]) if (address !== null) owners.set(address, { deviceId, kind })
    }
  }
  const withLevels = datapoints.map((point) => {
    const owner = owners.get(point.write ?? point.status ?? '')
    return owner === undefined
      ? point
      : {
          ...point,
          initial: memory.levels.get(`${owner.deviceId}/${owner.kind}`) ?? model.measure(owner.deviceId, owner.kind),
        }
  })
  const gateway = new GatewaySimulator({ datapoints: withLevels, logger })
  gateway.onWrite((address, value) => {
    const owner = owners.get(address)
    if (owner !== undefined) changed(owner.deviceId, owner.kind, value)
  })
  const { address: host, port } = await gateway.start()
  return { endpoint: { host, port }, stop: () => gateway.stop() }
}

async function startZwave(devices: readonly Device[], model: HouseModel, changed: Changed) {
  const byNode = new Map<number, Device>()
  for (const device of devices) if (device.zwave !== null) byNode.set(device.zwave.nodeId, device)
  const isDimmer = (device: Device): boolean => device.type === 'dimmer'
  const nodes = new Map<number, NodeModel>(
    [...byNode].map(([id, device]) => [id, isDimmer(device) ? DIMMER : MULTISENSOR]),
  )
  const stick = new SerialSimulator({
    nodes,
    onLevel: (nodeId, level) => {
      const device = byNode.get(nodeId)
      if (device !== undefined) changed(device.deviceId, 'light', level >= ZWAVE_FULL ? 100 : level)
    },
  })
  for (const [nodeId, device] of byNode) {
    if (isDimmer(device))
      stick.turnByHand(nodeId, Math.min(ZWAVE_FULL, Math.round(model.measure(device.deviceId, 'light'))))
    else for (const kind of sensorKinds(device)) stick.setSensor(nodeId, kind, model.measure(device.deviceId, kind))
  }
  await stick.start()
  const motion = new Map<number, boolean>()
  let reportedMs = 0
  const report = (nowMs: number): void => {
    const all = nowMs - reportedMs >= REPORT_MS
    if (all) reportedMs = nowMs
    for (const [nodeId, { deviceId, kinds, type }] of byNode) {
      if (type === 'dimmer') continue
      const moving = kinds.includes('motion') && model.measure(deviceId, 'motion') === 1
      if (all) for (const kind of sensorKinds({ kinds })) stick.report(nodeId, kind, model.measure(deviceId, kind))
      // While somebody moves, the detector says so again and again; that it is quiet it says once.
      if (motion.get(nodeId) === moving && !(moving && all)) continue
      motion.set(nodeId, moving)
      stick.setMotion(nodeId, moving)
    }
  }
  return { path: stick.path, report, stop: () => stick.stop() }
}

function sensorKinds({ kinds }: Pick<Device, 'kinds'>): readonly SensorName[] {
  return (['temperature', 'humidity', 'luminance'] as const).filter((kind) => kinds.includes(kind))
}

function startMqtt(
  devices: readonly Device[],
  model: HouseModel,
  endpoint: MqttEndpoint,
  logger: Logger,
): MqttSimulator {
  const sensors = devices
    .filter((device) => device.mqtt !== null)
    .map(({ deviceId, roomId, kinds }) => ({ deviceId, roomId, kinds: kinds.filter((kind) => kind !== 'unknown') }))
  return new MqttSimulator({
    endpoint: { ...endpoint, clientId: `${endpoint.clientId}-simulator` },
    sensors,
    model: (deviceId, kind) => model.measure(deviceId, kind),
    defaultIntervalMs: REPORT_MS,
    intervalMs: { motion: 2_000 },
    logger,
  })
}
