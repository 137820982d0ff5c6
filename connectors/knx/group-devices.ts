import { withDefaults } from '../../schemas/avro-type.ts'
import { Device, KnxAddress, KnxGroup, type ReadingKind } from '../../schemas/types.ts'
import { formatGroupAddress } from './addresses.ts'
import { dptsOf } from './carriers.ts'
import type { EtsGroup } from './ets-group.ts'
import type { GroupMapping } from './group-mapping.ts'
import { roomMeaning, type UnderstoodGroup, understand } from './group-meaning.ts'
import { type GroupRole, plain } from './group-words.ts'

/** What became of one group address: part of a device, or unused with the reason. */
export type GroupOutcome =
  | (UnderstoodGroup & { readonly deviceId: string; readonly roomId: string; readonly unused?: undefined })
  | { readonly group: EtsGroup; readonly unused: string }

export interface RoomOfGroups {
  readonly roomId: string
  readonly name: string
  readonly floor: string
}

export interface GroupDevices {
  readonly devices: readonly Device[]
  readonly rooms: readonly RoomOfGroups[]
  /** One for each group address, in the order of the file. */
  readonly outcomes: readonly GroupOutcome[]
}

type Placed = UnderstoodGroup & { readonly deviceId: string; readonly roomId: string }

/**
 * Makes devices and rooms of group addresses. Addresses whose names tell the same room and device are one device; per kind it has one
 * write and one status address, and what is left over is told.
 */
export function groupDevices(groups: readonly EtsGroup[], mapping: GroupMapping): GroupDevices {
  const unused = new Map<EtsGroup, string>()
  const placed: Placed[] = []
  const owners = new Map<string, string>()
  for (const group of groups) {
    const understood = understand(group, mapping)
    if (typeof understood === 'string') unused.set(group, understood)
    else placed.push(place(understood, mapping, owners))
  }
  const rooms = new Map<string, RoomOfGroups>()
  for (const { roomId, roomName, floor } of placed) {
    const known = rooms.get(roomId)
    if (known === undefined || (known.floor === mapping.floor && floor !== undefined))
      rooms.set(roomId, { roomId, name: known?.name ?? roomName, floor: floor ?? mapping.floor })
  }
  const devices = [...Map.groupBy(placed, ({ deviceId }) => deviceId).values()].map((parts) =>
    deviceOf(parts, rooms, (group, why) => unused.set(group, why)),
  )
  const byGroup = new Map(placed.map((one) => [one.group, one]))
  const outcomes = groups.map((group): GroupOutcome => {
    const why = unused.get(group)
    return why === undefined ? byGroup.get(group)! : { group, unused: why }
  })
  return { devices: devices.filter(({ kinds }) => kinds.length > 0), rooms: [...rooms.values()], outcomes }
}

/** `owners`: which room has a device id. */
function place(understood: UnderstoodGroup, mapping: GroupMapping, owners: Map<string, string>): Placed {
  const { roomName, roomKey, deviceName, kind } = understood
  const roomId = roomMeaning(mapping, roomKey, roomName)?.id ?? slug(roomKey)
  const device = slug(deviceName ?? kind)
  const usual = `${roomId}-${device}`
  // "a - b c" and "a b - c" are two rooms.
  const deviceId = (owners.get(usual) ?? roomId) === roomId ? usual : `${roomId}--${device}`
  owners.set(deviceId, roomId)
  return { ...understood, roomId, deviceId }
}

function deviceOf(
  parts: readonly Placed[],
  rooms: ReadonlyMap<string, RoomOfGroups>,
  leaveOut: (group: EtsGroup, why: string) => void,
): Device {
  const [first] = parts as readonly [Placed]
  const groups = [...Map.groupBy(parts, ({ kind }) => kind)].map(([kind, all]) => knxGroup(kind, all, leaveOut))
  const kinds = groups.map(({ kind }) => kind)
  return withDefaults(Device, {
    deviceId: first.deviceId,
    roomId: first.roomId,
    floor: rooms.get(first.roomId)?.floor ?? '',
    name: first.deviceName ?? `${first.roomName} ${first.kind}`,
    type: typeOf(kinds),
    bus: 'knx',
    kinds,
    knx: withDefaults(KnxAddress, { groups }),
  })
}

function knxGroup(
  kind: ReadingKind,
  all: readonly Placed[],
  leaveOut: (group: EtsGroup, why: string) => void,
): KnxGroup {
  const rank = ({ dpt }: Placed): number => dptsOf(kind).indexOf(dpt)
  const best = (role: GroupRole, first?: string): Placed | undefined =>
    all
      .filter((one) => one.role === role)
      .sort((a, b) => Number(b.dpt === first) - Number(a.dpt === first) || rank(a) - rank(b))[0]
  const write = best('write')
  const status = best('status', write?.dpt)
  for (const one of all) {
    const used = one.role === 'write' ? write : status
    if (used === undefined || one === used) continue
    leaveOut(
      one.group,
      `${kind} of ${one.deviceId} has ${formatGroupAddress(used.group.address)} (${used.dpt}) for that already`,
    )
  }
  const main = write ?? status
  return withDefaults(KnxGroup, {
    kind,
    dpt: main?.dpt ?? '',
    inverted: [write, status].some((one) => one?.inverted),
    write: write ? formatGroupAddress(write.group.address) : null,
    status: status ? formatGroupAddress(status.group.address) : null,
    statusDpt: write && status && status.dpt !== write.dpt ? status.dpt : null,
  })
}

function typeOf(kinds: readonly ReadingKind[]): Device['type'] {
  for (const type of ['blinds', 'radiator', 'switch'] as const) if (kinds.includes(type)) return type
  if (kinds.includes('light')) return 'dimmer'
  return kinds.length > 1 ? 'multisensor' : 'sensor'
}

/** `Büro EG 2` is `buero-eg-2`. */
function slug(text: string): string {
  const spelled = text.toLowerCase().replaceAll('ä', 'ae').replaceAll('ö', 'oe').replaceAll('ü', 'ue')
  const words = plain(spelled).match(/[a-z0-9]+/g) ?? []
  return words.join('-').slice(0, 100) || 'unnamed'
}
