import type { SimulatedNode } from './simulated-node.ts'

type Payload = readonly number[]
type Answer = (node: SimulatedNode, payload: Buffer) => readonly Payload[]

const MOTION_SENSOR = 0x0c
const HOME_SECURITY = 0x07
const MOTION_DETECTION = 0x08
const MAX_LEVEL = 99
const ON_AS_BEFORE = 0xff
const NOT_KNOWN = 0xfe

/** Bit n - `first` of the mask stands for n; bits in order of significance, bytes from the lowest. */
export function bitMask(numbers: Iterable<number>, sizeBytes: number, first = 1): number[] {
  const mask = new Array<number>(sizeBytes).fill(0)
  for (const n of numbers) {
    const bit = n - first
    const index = bit >> 3
    if (index >= 0 && index < sizeBytes) mask[index]! |= 1 << (bit & 7)
  }
  return mask
}

export function sensorReport(node: SimulatedNode, type: number): Payload {
  const sensor = node.sensors.get(type)
  if (!sensor) return [0x31, 0x05, type, 0x01, 0x00]
  const value = Buffer.alloc(4)
  value.writeInt32BE(Math.round(sensor.value * 10 ** sensor.precision))
  return [0x31, 0x05, type, (sensor.precision << 5) | (sensor.scale << 3) | value.length, ...value]
}

export function notificationReport(node: SimulatedNode): Payload {
  return node.motion
    ? [0x71, 0x05, 0, 0, 0, 0xff, HOME_SECURITY, MOTION_DETECTION, 0]
    : [0x71, 0x05, 0, 0, 0, 0xff, HOME_SECURITY, 0, 1, MOTION_DETECTION]
}

export function binarySensorReport(node: SimulatedNode): Payload {
  return [0x30, 0x03, node.motion ? 0xff : 0, MOTION_SENSOR]
}

export function levelReport(node: SimulatedNode): Payload {
  const version = node.model.commandClasses.get(0x26) ?? 1
  if (version < 4) return [0x26, 0x03, node.level]
  return [0x26, 0x03, node.level, node.targetLevel, node.level === node.targetLevel ? 0 : NOT_KNOWN]
}

function setLevel(node: SimulatedNode, value: number): readonly Payload[] {
  if (value === ON_AS_BEFORE) node.changeLevel(node.lastLevel)
  else if (value <= MAX_LEVEL) node.changeLevel(value)
  return []
}

function uint24(value: number): Payload {
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]
}

const parameterValue = (node: SimulatedNode, parameter: number): Buffer =>
  node.configuration.get(parameter) ?? Buffer.of(0)

/** Command class and command → what a device answers. Supported command classes ask for nothing that is not here. */
const ANSWERS: ReadonlyMap<number, Answer> = new Map<number, Answer>([
  // Version
  [0x8611, () => [[0x86, 0x12, 3, 4, 5, 1, 0]]],
  [0x8613, (node, p) => [[0x86, 0x14, p[2] ?? 0, node.model.commandClasses.get(p[2] ?? 0) ?? 0]]],
  // Manufacturer Specific
  [
    0x7204,
    ({ model: { manufacturerId: m, productType: t, productId: p } }) => [
      [0x72, 0x05, m >> 8, m & 0xff, t >> 8, t & 0xff, p >> 8, p & 0xff],
    ],
  ],
  // Multilevel Sensor
  [0x3101, (node) => [[0x31, 0x02, ...bitMask(node.sensors.keys(), 2)]]],
  [0x3103, (node, p) => [[0x31, 0x06, p[2] ?? 0, 1 << (node.sensors.get(p[2] ?? 0)?.scale ?? 0)]]],
  [
    0x3104,
    (node, p) => {
      const asked = p[2]
      const first = node.sensors.keys().next().value ?? 0
      return [sensorReport(node, asked !== undefined && asked !== 0 ? asked : first)]
    },
  ],
  // Binary Sensor
  [0x3001, () => [[0x30, 0x04, ...bitMask([MOTION_SENSOR], 2, 0)]]],
  [0x3002, (node) => [binarySensorReport(node)]],
  // Notification
  [0x7107, () => [[0x71, 0x08, 1, 1 << HOME_SECURITY]]],
  [
    0x7101,
    (_node, p) => [p[2] === HOME_SECURITY ? [0x71, 0x02, HOME_SECURITY, 2, 0x00, 0x01] : [0x71, 0x02, p[2] ?? 0, 0]],
  ],
  [0x7104, (node) => [notificationReport(node)]],
  [0x7106, () => []],
  // Battery
  [0x8002, (node) => [[0x80, 0x03, node.batteryPercent]]],
  // Wake Up
  [
    0x8404,
    (node, p) => {
      node.wakeUpIntervalS = p.readUIntBE(2, 3)
      return []
    },
  ],
  [0x8405, (node) => [[0x84, 0x06, ...uint24(node.wakeUpIntervalS), 0x01]]],
  [
    0x8408,
    (node) => {
      node.awake = node.model.sleeps !== true
      return []
    },
  ],
  // Multilevel Switch
  [0x2601, (node, p) => setLevel(node, p[2] ?? 0)],
  [0x2602, (node) => [levelReport(node)]],
  [0x2604, (node, p) => setLevel(node, (p[2] ?? 0) & 0x40 ? 0 : MAX_LEVEL)],
  [0x2605, () => []],
  [0x2606, () => [[0x26, 0x07, 0x02, 0x00]]],
  // Basic
  [0x2001, (node, p) => (node.supports(0x26) ? setLevel(node, p[2] ?? 0) : [])],
  [0x2002, (node) => [[0x20, 0x03, node.supports(0x26) ? node.level : node.motion ? 0xff : 0]]],
  // No Operation: a ping, the acknowledgement is the answer
  [0x0000, () => []],
  // Switch All and Multi Channel: OpenZWave asks every dimmer, whatever it claims
  [0x2703, () => []],
  [0x2702, () => [[0x27, 0x03, 0x00]]],
  [0x6007, () => [[0x60, 0x08, 0, 0]]],
  // Configuration
  [
    0x7004,
    (node, p) => {
      node.configuration.set(p[2] ?? 0, Buffer.from(p.subarray(4, 4 + ((p[3] ?? 0) & 7))))
      return []
    },
  ],
  [
    0x7005,
    (node, p) => {
      const value = parameterValue(node, p[2] ?? 0)
      return [[0x70, 0x06, p[2] ?? 0, value.length, ...value]]
    },
  ],
  // Association
  [
    0x8501,
    (node, p) => {
      for (const id of p.subarray(3)) node.associations.add(id)
      return []
    },
  ],
  [0x8502, (node, p) => [[0x85, 0x03, p[2] ?? 1, 5, 0, ...node.associations]]],
  [
    0x8504,
    (node, p) => {
      for (const id of p.subarray(3)) node.associations.delete(id)
      return []
    },
  ],
  [0x8505, () => [[0x85, 0x06, 1]]],
])

/** What the node answers; `undefined` when it does not know the command. */
export function answer(node: SimulatedNode, payload: Buffer): readonly Payload[] | undefined {
  return ANSWERS.get(((payload[0] ?? 0) << 8) | (payload[1] ?? 0))?.(node, payload)
}
