import type { Logger } from '../common/log.ts'
import { GatewaySimulator } from '../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../connectors/knx/simulated-building.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { MqttSimulator } from '../connectors/mqtt/simulator.ts'
import type { HouseModel } from '../connectors/simulation/house-model.ts'
import { SimulatedSensors } from '../connectors/simulation/simulated-sensors.ts'
import { SerialSimulator } from '../connectors/zwave/serial-simulator.ts'
import { DIMMER, MULTISENSOR, type NodeModel, type SensorName } from '../connectors/zwave/simulated-node.ts'
import type { Device, ReadingKind } from '../schemas/types.ts'
import type { ActuatorMemory } from './actuator-memory.ts'
import type { BusName } from './field.ts'
import type { HostAndPort } from './settings.ts'
import type { SimulatedWorld } from './simulated-world.ts'

const TICK_MS = 1_000
/** Sensors report this often even when nothing changes; motion, at once. */
const REPORT_MS = 5_000
/** Full dimmer level of Z-Wave. */
const ZWAVE_FULL = 99
const BLINDS_TRAVEL_MS = 4_000

export interface SimulationOptions {
  readonly devices: readonly Device[]
  readonly buses: ReadonlySet<BusName>
  /** The house behind the wires; time passes in it from now on. */
  readonly world: SimulatedWorld
  /** Where actuators stand, beyond the end of the program; without it they begin as they leave the factory. */
  readonly memory?: ActuatorMemory
  /** Where sensors that speak MQTT publish. */
  readonly mqtt: MqttEndpoint | undefined
  /** Where the KNX gateway listens (default: a free port of 127.0.0.1). */
  readonly knx?: HostAndPort
  /** TCP port of the Z-Wave stick on 127.0.0.1 (default: a free one). */
  readonly zwavePort?: number
  readonly log: Logger
}

/** The simulators of the wires: what can be looked at, and what can be made to fail. */
export interface SimulatedWires {
  readonly knx?: GatewaySimulator
  readonly zwave?: SerialSimulator
  readonly mqtt?: MqttSimulator
}

/** A house behind its three wires: the ends that connectors connect to. */
export interface Simulation {
  readonly model: HouseModel
  readonly sensors: SimulatedSensors
  readonly wires: SimulatedWires
  readonly knx: HostAndPort | undefined
  readonly zwavePath: string | undefined
  stop(): Promise<void>
}

/** Starts the wire simulators of the buses and lets time pass in the house behind them. */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { devices, buses, world, memory, log } = options
  const { model } = world
  const sensors = new SimulatedSensors(model)
  for (const [id, level] of memory?.levels ?? []) {
    const [deviceId = '', kind = ''] = id.split('/')
    model.setActuator(deviceId, kind as ReadingKind, level)
  }
  world.advance(Date.now())
  const changed = (deviceId: string, kind: ReadingKind, level: number): void => {
    model.setActuator(deviceId, kind, level)
    memory?.set(deviceId, kind, level)
  }
  const knx = buses.has('knx') ? await startKnx(options, changed) : undefined
  const zwave = buses.has('zwave') ? await startZwave(options, sensors, changed) : undefined
  const mqtt = buses.has('mqtt') && options.mqtt ? mqttSensors(devices, sensors, options.mqtt, log) : undefined
  const timer = setInterval(() => {
    const nowMs = Date.now()
    world.advance(nowMs)
    zwave?.report(nowMs)
  }, TICK_MS)
  const stop = async (): Promise<void> => {
    clearInterval(timer)
    await Promise.all([mqtt?.stop(), knx?.gateway.stop(), zwave?.stick.stop()])
    await memory?.settled()
  }
  try {
    await mqtt?.start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    model,
    sensors,
    wires: {
      ...(knx ? { knx: knx.gateway } : {}),
      ...(zwave ? { zwave: zwave.stick } : {}),
      ...(mqtt ? { mqtt } : {}),
    },
    knx: knx?.endpoint,
    zwavePath: zwave?.stick.path,
    stop,
  }
}

type Changed = (deviceId: string, kind: ReadingKind, level: number) => void

async function startKnx({ devices, world: { model }, memory, knx, log }: SimulationOptions, changed: Changed) {
  const owners = new Map<string, { deviceId: string; kind: ReadingKind }>()
  const datapoints = simulatedDatapoints(devices, { blindsTravelMs: BLINDS_TRAVEL_MS })
  for (const { deviceId, knx: address } of devices) {
    for (const { kind, write, status } of address?.groups ?? []) {
      for (const group of [write, status]) if (group !== null) owners.set(group, { deviceId, kind })
    }
  }
  const withLevels = datapoints.map((point) => {
    const owner = owners.get(point.write ?? point.status ?? '')
    return owner === undefined
      ? point
      : {
          ...point,
          initial: memory?.levels.get(`${owner.deviceId}/${owner.kind}`) ?? model.measure(owner.deviceId, owner.kind),
        }
  })
  const gateway = new GatewaySimulator({ datapoints: withLevels, logger: log, ...knx })
  gateway.onWrite((address, value) => {
    const owner = owners.get(address)
    if (owner !== undefined) changed(owner.deviceId, owner.kind, value)
  })
  const { address: host, port } = await gateway.start()
  return { gateway, endpoint: { host, port } }
}

async function startZwave({ devices, zwavePort }: SimulationOptions, sensors: SimulatedSensors, changed: Changed) {
  const byNode = new Map<number, Device>()
  for (const device of devices) if (device.zwave !== null) byNode.set(device.zwave.nodeId, device)
  const isDimmer = (device: Device): boolean => device.type === 'dimmer'
  const nodes = new Map<number, NodeModel>(
    [...byNode].map(([id, device]) => [id, isDimmer(device) ? DIMMER : MULTISENSOR]),
  )
  const stick = new SerialSimulator({
    nodes,
    ...(zwavePort === undefined ? {} : { port: zwavePort }),
    onLevel: (nodeId, level) => {
      const device = byNode.get(nodeId)
      if (device !== undefined) changed(device.deviceId, 'light', level >= ZWAVE_FULL ? 100 : level)
    },
  })
  for (const [nodeId, device] of byNode) {
    if (isDimmer(device))
      stick.turnByHand(nodeId, Math.min(ZWAVE_FULL, Math.round(sensors.measure(device.deviceId, 'light'))))
    else for (const kind of sensorKinds(device)) stick.setSensor(nodeId, kind, sensors.measure(device.deviceId, kind))
  }
  await stick.start()
  const motion = new Map<number, boolean>()
  let reportedMs = 0
  const report = (nowMs: number): void => {
    const all = nowMs - reportedMs >= REPORT_MS
    if (all) reportedMs = nowMs
    for (const [nodeId, { deviceId, kinds, type }] of byNode) {
      if (type === 'dimmer' || sensors.silent.has(deviceId)) continue
      const moving = kinds.includes('motion') && sensors.measure(deviceId, 'motion') === 1
      if (all) for (const kind of sensorKinds({ kinds })) stick.report(nodeId, kind, sensors.measure(deviceId, kind))
      // While somebody moves, the detector says so again and again; that it is quiet it says once.
      if (motion.get(nodeId) === moving && !(moving && all)) continue
      motion.set(nodeId, moving)
      stick.setMotion(nodeId, moving)
    }
  }
  return { stick, report }
}

function sensorKinds({ kinds }: Pick<Device, 'kinds'>): readonly SensorName[] {
  return (['temperature', 'humidity', 'luminance'] as const).filter((kind) => kinds.includes(kind))
}

function mqttSensors(
  devices: readonly Device[],
  measured: SimulatedSensors,
  endpoint: MqttEndpoint,
  logger: Logger,
): MqttSimulator {
  const sensors = devices
    .filter((device) => device.mqtt !== null)
    .map(({ deviceId, roomId, kinds }) => ({ deviceId, roomId, kinds: kinds.filter((kind) => kind !== 'unknown') }))
  return new MqttSimulator({
    endpoint: { ...endpoint, clientId: `${endpoint.clientId}-simulator` },
    sensors,
    model: (deviceId, kind) => measured.measure(deviceId, kind),
    defaultIntervalMs: REPORT_MS,
    intervalMs: { motion: 2_000 },
    logger,
  })
}
