import type { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import type { GatewayFaults } from '../../connectors/knx/tunnelling-server.ts'
import type { MqttSimulator } from '../../connectors/mqtt/simulator.ts'
import type { SerialSimulator } from '../../connectors/zwave/serial-simulator.ts'
import type { Device } from '../../schemas/types.ts'
import type { BusName } from '../field.ts'
import type { Simulation } from '../simulation.ts'
import { garbageFrames, garbagePayloads, publishAll, sendTelegrams } from './disturbances.ts'

/** Something that can be taken away and brought back. */
export interface Removable {
  take(): Promise<void>
  giveBack(): Promise<void>
}

/** What faults can get at. */
export interface FaultField {
  readonly devices: readonly Device[]
  readonly simulation: Pick<Simulation, 'wires' | 'sensors'>
  /** The MQTT broker, where it is the simulation's own. */
  readonly broker?: Removable
  /** The Z-Wave stick with its serial device. */
  readonly stick?: Removable
}

/** Ends what a fault has begun. */
export type EndFault = () => void | Promise<void>

/** One sort of fault: what it is called, what it befalls, and how it is brought about. */
export interface FaultKind {
  readonly name: string
  readonly wire: BusName | 'any'
  readonly summary: string
  /** Which devices it can befall; a fault without it befalls the whole wire. */
  readonly befalls?: (device: Device) => boolean
  /** Why it cannot be brought about here; `undefined` when it can. */
  unfit(field: FaultField): string | undefined
  begin(field: FaultField, device: Device | undefined): EndFault | Promise<EndFault>
}

const CLOCK_AHEAD_MS = 3_600_000
const LOW_PERCENT = 5
const EVERY_MS = 500
/** Messages a second of a device that floods MQTT. */
const FLOOD_PER_SECOND = 1_000
/** Telegrams a second of one that floods KNX: more than a line can carry. */
const KNX_FLOOD_PER_SECOND = 60
const SLOW_MS = 1_500

type Begin<W> = (wire: W) => EndFault | Promise<EndFault>
type BeginAt<W, A> = (wire: W, at: A) => EndFault

function on<B extends BusName>(wire: B, spoken: string) {
  return {
    wire,
    unfit: ({ simulation: { wires } }: FaultField) => (wires[wire] ? undefined : `there is no ${spoken} here`),
  }
}

const ON_KNX = on('knx', 'KNX')
const ON_ZWAVE = on('zwave', 'Z-Wave')
const ON_MQTT = on('mqtt', 'MQTT')

function onKnx(name: string, summary: string, begin: Begin<GatewaySimulator>): FaultKind {
  return { ...ON_KNX, name, summary, begin: ({ simulation: { wires } }) => begin(wires.knx!) }
}

function onGateway(name: string, summary: string, faults: Partial<GatewayFaults>): FaultKind {
  return onKnx(name, summary, (gateway) => change(gateway.faults, faults))
}

/** Returns how to have it as it was. */
function change(faults: GatewayFaults, changes: Partial<GatewayFaults>): EndFault {
  const before = { ...faults }
  Object.assign(faults, changes)
  const back = Object.fromEntries(Object.keys(changes).map((name) => [name, before[name as keyof GatewayFaults]]))
  return () => void Object.assign(faults, back)
}

/** A device that tells percents: what the disturbances send. */
function onKnxDevice(name: string, summary: string, begin: BeginAt<GatewaySimulator, string>): FaultKind {
  const statusOf = ({ knx }: Device): string | null | undefined =>
    knx?.groups.find(({ status, dpt }) => status !== null && dpt === '5.001')?.status
  return {
    ...ON_KNX,
    name,
    summary,
    befalls: (device) => typeof statusOf(device) === 'string',
    begin: ({ simulation: { wires } }, device) => begin(wires.knx!, statusOf(device!)!),
  }
}

function onZwave(name: string, summary: string, begin: Begin<SerialSimulator>): FaultKind {
  return { ...ON_ZWAVE, name, summary, begin: ({ simulation: { wires } }) => begin(wires.zwave!) }
}

function onZwaveDevice(name: string, summary: string, begin: BeginAt<SerialSimulator, number>): FaultKind {
  return {
    ...ON_ZWAVE,
    name,
    summary,
    befalls: ({ zwave }) => zwave !== null,
    begin: ({ simulation: { wires } }, device) => begin(wires.zwave!, device!.zwave!.nodeId),
  }
}

function onMqttDevice(name: string, summary: string, begin: BeginAt<MqttSimulator, Device>): FaultKind {
  return {
    ...ON_MQTT,
    name,
    summary,
    befalls: ({ mqtt }) => mqtt !== null,
    begin: ({ simulation: { wires } }, device) => begin(wires.mqtt!, device!),
  }
}

function taken(
  name: string,
  wire: BusName,
  summary: string,
  thing: (field: FaultField) => Removable | undefined,
  unless: string,
): FaultKind {
  return {
    name,
    wire,
    summary,
    unfit: (field) => (thing(field) ? undefined : unless),
    async begin(field) {
      await thing(field)!.take()
      return () => thing(field)!.giveBack()
    },
  }
}

function onSensor(name: string, summary: string, begin: (field: FaultField, sensor: Device) => EndFault): FaultKind {
  return {
    name,
    wire: 'any',
    summary,
    befalls: ({ type, mqtt, zwave }) =>
      (type === 'sensor' || type === 'multisensor') && (mqtt !== null || zwave !== null),
    unfit: () => undefined,
    begin: (field, device) => begin(field, device!),
  }
}

function setBattery({ simulation: { sensors, wires } }: FaultField, device: Device, percent: number | undefined): void {
  const { deviceId, roomId, zwave } = device
  if (percent === undefined) sensors.batteryPercent.delete(deviceId)
  else sensors.batteryPercent.set(deviceId, percent)
  if (zwave) wires.zwave?.setBattery(zwave.nodeId, percent ?? 100)
  else void wires.mqtt?.publish({ deviceId, roomId, kinds: ['battery'] }, 'battery').catch(() => {})
}

function every(intervalMs: number, run: () => void): EndFault {
  run()
  const timer = setInterval(run, intervalMs)
  return () => clearInterval(timer)
}

export const FAULT_KINDS: readonly FaultKind[] = [
  onGateway('knx-silent', 'the gateway takes and sends nothing: no power, or the network is down', { silent: true }),
  onKnx('knx-refuses', 'the gateway ends its tunnels and has no free connection for new ones', (gateway) => {
    const end = change(gateway.faults, { refuseConnections: true })
    gateway.disconnectAll()
    return end
  }),
  onKnx('knx-link-lost', 'the gateway is gone without a word, and back as after a restart', async (gateway) => {
    await gateway.stop({ abrupt: true })
    return async () => void (await gateway.start())
  }),
  onKnx('knx-line-cut', 'the line behind the gateway is cut: telegrams go nowhere', (gateway) => {
    gateway.setLine('silent')
    return () => gateway.setLine('works')
  }),
  onKnx('knx-telegrams-lost', 'now and then a telegram to the gateway is lost', ({ faults }) =>
    every(EVERY_MS, () => void change(faults, { loseRequests: 1 })),
  ),
  onKnx('knx-acks-lost', 'now and then an acknowledgement of the gateway is lost', ({ faults }) =>
    every(EVERY_MS, () => void change(faults, { loseAcks: 1 })),
  ),
  onGateway('knx-telegrams-doubled', 'the gateway sends every telegram twice', { duplicates: true }),
  onGateway('knx-slow', `everything that the gateway sends is ${SLOW_MS} ms late`, { delayMs: SLOW_MS }),
  onKnxDevice('knx-device-dead', 'a device has no power: it neither acts nor answers', (gateway, address) => {
    gateway.mute(address)
    return () => gateway.mute(address, false)
  }),
  onKnxDevice('knx-garbage', 'a device sends payloads that do not fit its datapoint', (gateway, address) =>
    every(EVERY_MS, () => sendTelegrams(gateway, address, 'garbage', 1)),
  ),
  onKnxDevice('knx-flood', `a device sends ${KNX_FLOOD_PER_SECOND} telegrams a second`, (gateway, address) =>
    every(EVERY_MS, () => sendTelegrams(gateway, address, 'valid', (KNX_FLOOD_PER_SECOND * EVERY_MS) / 1_000)),
  ),
  taken(
    'zwave-unplugged',
    'zwave',
    'the stick is pulled, and plugged in again',
    ({ stick }) => stick,
    'there is no Z-Wave here',
  ),
  onZwave('zwave-hangs', 'the firmware of the stick hangs: bytes are taken and nothing is answered', (stick) => {
    stick.setSilent(true)
    return () => stick.setSilent(false)
  }),
  onZwave('zwave-garbage', 'bytes that belong to nothing come from the stick', (stick) =>
    every(EVERY_MS, () => stick.sendGarbage(garbageFrames())),
  ),
  onZwaveDevice('zwave-node-asleep', 'a node hears nothing, and still says what it measures', (stick, nodeId) => {
    const node = stick.node(nodeId)
    const { awake } = node
    node.awake = false
    return () => {
      node.awake = awake
    }
  }),
  onZwaveDevice('zwave-node-dead', 'a node is out of reach: it hears and says nothing', (stick, nodeId) => {
    stick.setDead(nodeId, true)
    return () => stick.setDead(nodeId, false)
  }),
  taken(
    'mqtt-broker-gone',
    'mqtt',
    'the broker is gone with all its connections, and back on the same port',
    ({ broker }) => broker,
    'the broker is not part of the simulation: stop it yourself',
  ),
  onMqttDevice('mqtt-flood', `a device publishes ${FLOOD_PER_SECOND} messages a second`, (mqtt, device) =>
    every(EVERY_MS, () => publishAll(mqtt, device, 'valid', (FLOOD_PER_SECOND * EVERY_MS) / 1_000)),
  ),
  onMqttDevice('mqtt-garbage', 'a device publishes what nobody can read', (mqtt, device) =>
    every(EVERY_MS, () => publishAll(mqtt, device, 'garbage', garbagePayloads.length)),
  ),
  onMqttDevice('mqtt-doubled', 'every message of a device comes twice', ({ faults }, { deviceId }) => {
    faults.doubled.add(deviceId)
    return () => void faults.doubled.delete(deviceId)
  }),
  onMqttDevice('clock-wrong', 'the clock of a device is an hour ahead', ({ faults }, { deviceId }) => {
    faults.clockAheadMs.set(deviceId, CLOCK_AHEAD_MS)
    return () => void faults.clockAheadMs.delete(deviceId)
  }),
  onSensor('sensor-silent', 'a sensor says nothing any more', ({ simulation }, { deviceId }) => {
    const silent = [simulation.sensors.silent, simulation.wires.mqtt?.faults.silent]
    for (const set of silent) set?.add(deviceId)
    return () => {
      for (const set of silent) set?.delete(deviceId)
    }
  }),
  onSensor('sensor-stuck', 'a sensor tells the same values for ever', ({ simulation: { sensors } }, { deviceId }) => {
    sensors.stick(deviceId)
    return () => sensors.letGo(deviceId)
  }),
  onSensor('battery-low', `a sensor says that ${LOW_PERCENT} % of its battery is left`, (field, device) => {
    setBattery(field, device, LOW_PERCENT)
    return () => setBattery(field, device, undefined)
  }),
]
