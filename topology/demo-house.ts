import { InvalidArgumentError } from '../common/errors.ts'
import type { DeviceConfig, HouseConfig, RoomConfig } from './rooms-config.ts'

const ROOMS_PER_FLOOR = 4
const MOST_ROOMS = 3_000
/** A Z-Wave network has nodes 2 to 232 besides its controller. */
const FIRST_ZWAVE_NODE = 2
const LAST_ZWAVE_NODE = 232
/** A middle group has sub-groups 1 to 255. */
const SUB_GROUPS = 255

const NAMES = ['Reception', 'Kitchen', 'Library', 'Workshop', 'Office', 'Meeting room', 'Studio', 'Archive'] as const
const MEASURED = ['temperature', 'humidity', 'luminance', 'motion'] as const

/** Middle groups of what is on KNX. */
const MIDDLE = { switch: 0, blinds: 1, radiator: 2, light: 3 } as const

export interface DemoHouseOptions {
  /** The rooms are spread over so many floors (default: four to a floor). */
  readonly floors?: number
  /** Most devices on Z-Wave (default 231, all that a network can have); with 0 there is no Z-Wave. */
  readonly zwaveNodes?: number
}

/**
 * A house of any number of rooms; twelve, four to a floor, unless asked otherwise. Every room has sensors (a Z-Wave multisensor, in
 * every third room MQTT instead), a dimmer (Z-Wave; on KNX where the Z-Wave network is full), KNX blinds and a KNX radiator
 * valve; every fourth has a KNX switch too. KNX: set by `1/x/y`, reported on `4/x/y`, y being the number of the room; other main
 * groups from the 256th room on.
 * @throws {InvalidArgumentError} unless there are 1 to 3,000 rooms, and no more floors than rooms.
 */
export function demoHouse(rooms = 12, options: DemoHouseOptions = {}): HouseConfig {
  const { floors: floorCount, zwaveNodes = LAST_ZWAVE_NODE - FIRST_ZWAVE_NODE + 1 } = options
  if (!isWithin(rooms, 1, MOST_ROOMS))
    throw new InvalidArgumentError(`a demo house has 1 to ${MOST_ROOMS} rooms, not ${rooms}`)
  if (floorCount !== undefined && !isWithin(floorCount, 1, rooms))
    throw new InvalidArgumentError(`a demo house of ${rooms} rooms has 1 to ${rooms} floors, not ${floorCount}`)
  if (!isWithin(zwaveNodes, 0, LAST_ZWAVE_NODE - FIRST_ZWAVE_NODE + 1))
    throw new InvalidArgumentError(
      `a Z-Wave network has 0 to ${LAST_ZWAVE_NODE - FIRST_ZWAVE_NODE + 1} nodes besides its controller, not ${zwaveNodes}`,
    )
  const nodes = new ZwaveNodes(zwaveNodes)
  const perFloor = floorCount === undefined ? ROOMS_PER_FLOOR : Math.ceil(rooms / floorCount)
  // Room 1 of floor 2 is 201; where a floor has a hundred rooms, 20001.
  const floorStep = perFloor < 100 ? 100 : 10_000
  const floors: { floor: string; rooms: RoomConfig[] }[] = []
  for (let i = 0; i < rooms; i++) {
    const floor = Math.floor(i / perFloor) + 1
    if (i % perFloor === 0) floors.push({ floor: String(floor), rooms: [] })
    floors.at(-1)?.rooms.push(demoRoom(i, floor * floorStep + (i % perFloor) + 1, nodes))
  }
  return { name: 'Demo house', timeZone: 'Europe/Zurich', floors }
}

function demoRoom(index: number, number: number, nodes: ZwaveNodes): RoomConfig {
  const roomId = `room-${number}`
  const name = `${NAMES[index % NAMES.length]} ${number}`
  const devices = [
    sensor(index, number, roomId, nodes),
    dimmer(index, number, nodes),
    onKnx('blinds', 'Blinds', index, number),
    onKnx('radiator', 'Radiator', index, number),
    ...(index % 4 === 3 ? [onKnx('switch', 'Socket', index, number)] : []),
  ]
  return { roomId, name, devices }
}

function sensor(index: number, number: number, roomId: string, nodes: ZwaveNodes): DeviceConfig {
  const common = { deviceId: `sensor-${number}`, name: `Sensor ${number}`, kinds: MEASURED }
  const nodeId = index % 3 === 2 ? undefined : nodes.take()
  return nodeId === undefined
    ? { ...common, type: 'sensor', mqtt: { topic: `building/${roomId}/sensor-${number}` } }
    : { ...common, type: 'multisensor', zwave: { nodeId } }
}

function dimmer(index: number, number: number, nodes: ZwaveNodes): DeviceConfig {
  const nodeId = nodes.take()
  if (nodeId === undefined) return { ...onKnx('light', 'Lamp', index, number), type: 'dimmer' }
  return { deviceId: `dimmer-${number}`, name: `Lamp ${number}`, type: 'dimmer', kinds: ['light'], zwave: { nodeId } }
}

function onKnx(kind: keyof typeof MIDDLE, name: string, index: number, number: number): DeviceConfig {
  const page = Math.floor(index / SUB_GROUPS)
  const [write, status] = page === 0 ? [1, 4] : [4 + 2 * page, 5 + 2 * page]
  const rest = `${MIDDLE[kind]}/${(index % SUB_GROUPS) + 1}`
  return {
    deviceId: `${kind === 'light' ? 'dimmer' : kind}-${number}`,
    name: `${name} ${number}`,
    type: kind === 'light' ? 'dimmer' : kind,
    kinds: [kind],
    knx: [{ kind, write: `${write}/${rest}`, status: `${status}/${rest}`, dpt: kind === 'switch' ? '1.001' : '5.001' }],
  }
}

/** Hands out node numbers for as long as there are any. */
class ZwaveNodes {
  #next = FIRST_ZWAVE_NODE
  readonly #end: number

  constructor(count: number) {
    this.#end = FIRST_ZWAVE_NODE + count
  }

  take(): number | undefined {
    return this.#next >= this.#end ? undefined : this.#next++
  }
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}
