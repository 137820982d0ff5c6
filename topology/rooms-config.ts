import { withDefaults } from '../schemas/avro-type.ts'
import { Device, KnxAddress, KnxGroup, type ReadingKind, RoomRules } from '../schemas/types.ts'

/** A device as a house description has it: what is on which bus. One of `knx`, `zwave` and `mqtt` is given. */
export interface DeviceConfig {
  readonly deviceId: string
  readonly name: string
  readonly type: Exclude<Device['type'], 'unknown'>
  /** What it measures or can be set to. */
  readonly kinds: readonly Exclude<ReadingKind, 'unknown'>[]
  /** Group addresses per kind; `dpt` defaults to 5.001 (percent). */
  readonly knx?: readonly {
    readonly kind: ReadingKind
    readonly write?: string
    readonly status?: string
    readonly dpt?: string
    readonly statusDpt?: string
    readonly inverted?: boolean
  }[]
  readonly zwave?: { readonly nodeId: number }
  readonly mqtt?: { readonly topic: string }
}

export interface RoomConfig {
  readonly roomId: string
  readonly name: string
  readonly devices: readonly DeviceConfig[]
  /** What differs from the default rules. */
  readonly rules?: Partial<Omit<RoomRules, 'roomId'>>
}

/** A house as a file (JSON or YAML) may describe it. */
export interface HouseConfig {
  readonly name: string
  /** IANA time zone of all rooms that name none themselves. */
  readonly timeZone: string
  readonly floors: readonly { readonly floor: string; readonly rooms: readonly RoomConfig[] }[]
}

/** The records that make a house known: for `building.devices` (by deviceId) and `building.rules` (by roomId). */
export interface HousePublications {
  readonly devices: readonly Device[]
  readonly rules: readonly RoomRules[]
}

export function housePublications(house: HouseConfig): HousePublications {
  const rooms = house.floors.flatMap(({ floor, rooms }) => rooms.map((room) => ({ floor, room })))
  return {
    devices: rooms.flatMap(({ floor, room }) => room.devices.map((d) => deviceRecord(d, room.roomId, floor))),
    rules: rooms.map(({ room }) =>
      withDefaults(RoomRules, { timeZone: house.timeZone, ...room.rules, roomId: room.roomId }),
    ),
  }
}

/** Every room of the house, in its order. */
export function roomIds(house: HouseConfig): readonly string[] {
  return house.floors.flatMap(({ rooms }) => rooms.map(({ roomId }) => roomId))
}

/** What is wrong with a description, as sentences; empty when nothing is. */
export function houseProblems(house: HouseConfig): readonly string[] {
  const { devices } = housePublications(house)
  const addresses = devices.flatMap((device) =>
    addressesOf(device).map((address) => ({ address, id: device.deviceId })),
  )
  return [
    ...repeated(roomIds(house)).map((id) => `there are two rooms ${id}`),
    ...repeated(devices.map((d) => d.deviceId)).map((id) => `there are two devices ${id}`),
    ...repeated(addresses.map((a) => a.address)).map((address) => {
      const owners = addresses.filter((a) => a.address === address).map((a) => a.id)
      return `${address} is given to ${owners.join(' and ')}`
    }),
    ...devices.filter((d) => d.bus === 'unknown').map((d) => `device ${d.deviceId} has no address on any bus`),
    ...devices.filter((d) => d.kinds.length === 0).map((d) => `device ${d.deviceId} measures and sets nothing`),
    ...devices.flatMap((d) =>
      d.bus === 'knx'
        ? d.kinds
            .filter((kind) => !d.knx?.groups.some((group) => group.kind === kind))
            .map((kind) => `device ${d.deviceId} has no group address for ${kind}`)
        : [],
    ),
  ]
}

function deviceRecord(config: DeviceConfig, roomId: string, floor: string): Device {
  const { deviceId, name, type, kinds, knx, zwave, mqtt } = config
  const groups = knx?.map((group) => withDefaults(KnxGroup, { dpt: '5.001', ...group }))
  return withDefaults(Device, {
    deviceId,
    roomId,
    floor,
    name,
    type,
    bus: knx ? 'knx' : zwave ? 'zwave' : mqtt ? 'mqtt' : 'unknown',
    kinds: [...kinds],
    knx: groups ? withDefaults(KnxAddress, { groups }) : null,
    zwave: zwave ?? null,
    mqtt: mqtt ?? null,
  })
}

function addressesOf({ knx, zwave, mqtt }: Device): readonly string[] {
  const groups = (knx?.groups ?? []).flatMap(({ write, status }) =>
    [...new Set([write, status])].flatMap((address) => (address === null ? [] : [`KNX group ${address}`])),
  )
  return [...groups, ...(zwave ? [`Z-Wave node ${zwave.nodeId}`] : []), ...(mqtt ? [`MQTT topic ${mqtt.topic}`] : [])]
}

function repeated(values: readonly string[]): readonly string[] {
  const seen = new Set<string>()
  const again = new Set<string>()
  for (const value of values) (seen.has(value) ? again : seen).add(value)
  return [...again]
}
