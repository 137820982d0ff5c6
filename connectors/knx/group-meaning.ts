import type { ReadingKind } from '../../schemas/types.ts'
import { dptsOf, kindsOf } from './carriers.ts'
import { datapointTypeOf, parseDptName } from './dpt.ts'
import type { EtsGroup } from './ets-group.ts'
import type { GroupMapping, GroupMeaning, RoomMeaning } from './group-mapping.ts'
import type { NameParts } from './group-names.ts'
import { type GroupRole, kindsSpokenOf, plain, speaksOfOther, speaksOfStatus } from './group-words.ts'

/** What one group address is to the building. */
export interface UnderstoodGroup {
  readonly group: EtsGroup
  readonly roomName: string
  /** Tells the room from others: with its floor, where the name has one. */
  readonly roomKey: string
  /** Of the room, where the name or the mapping tells it. */
  readonly floor: string | undefined
  /** As names tell it; the room has one of this kind where they do not. */
  readonly deviceName: string | undefined
  readonly kind: ReadingKind
  readonly role: GroupRole
  readonly dpt: string
  readonly inverted: boolean
  /** What had to be guessed. */
  readonly note?: string
}

/** Kinds that are measured: their addresses are never written to. */
const MEASURED: ReadonlySet<ReadingKind> = new Set([
  'temperature',
  'humidity',
  'luminance',
  'motion',
  'pressure',
  'battery',
])

/** What the address is, or a sentence why it is not used. */
export function understand(group: EtsGroup, mapping: GroupMapping): UnderstoodGroup | string {
  const own = mapping.addresses.get(group.address)
  const parts = firstMatch(group, mapping)
  const byFunction = parts && mapping.functions.get(plain(parts.function))
  if (own === 'ignore' || (own === undefined && byFunction === 'ignore')) return 'the mapping file says so'
  const said: Exclude<GroupMeaning, 'ignore'> = { ...(byFunction === 'ignore' ? {} : byFunction), ...own }
  if (own === undefined && group.central) return 'it is a central function'
  const roomName = said.room ?? parts?.room
  if (roomName === undefined)
    return 'no name pattern fits (Room - Device - Function, or one under names in the mapping file)'
  const what = parts?.function ?? group.name
  if (said.kind === undefined && speaksOfOther(what))
    return `${JSON.stringify(what)} is nothing that the building sets or measures`
  const typed = dptAndKind(group, said, [what, parts?.device ?? '', group.description, ...[...group.path].reverse()])
  if (typeof typed === 'string') return typed
  const roomKey = said.room === undefined && parts?.floor !== undefined ? `${parts.floor} ${roomName}` : roomName
  const room = roomMeaning(mapping, roomKey, roomName)
  return {
    group,
    ...typed,
    roomName,
    roomKey,
    floor: room?.floor ?? said.floor ?? parts?.floor,
    deviceName: said.device ?? parts?.device,
    role: said.role ?? (MEASURED.has(typed.kind) || speaksOfStatus(what) ? 'status' : 'write'),
    inverted: said.inverted ?? (typed.kind === 'blinds' && typed.dpt === '5.001' && mapping.blindsOpenAt === 0),
  }
}

/** What the mapping says of a room, with its floor or without. */
export function roomMeaning({ rooms }: GroupMapping, roomKey: string, roomName: string): RoomMeaning | undefined {
  return rooms.get(plain(roomKey)) ?? rooms.get(plain(roomName))
}

function firstMatch(group: EtsGroup, { names }: GroupMapping): NameParts | undefined {
  for (const pattern of names) {
    const parts = pattern(group.path, group.name)
    if (parts) return parts
  }
  return undefined
}

type DptAndKind = Pick<UnderstoodGroup, 'dpt' | 'kind' | 'note'>

function dptAndKind(
  group: EtsGroup,
  said: Exclude<GroupMeaning, 'ignore'>,
  texts: readonly string[],
): DptAndKind | string {
  const dpt = said.dpt ?? firstDpt(group.dpt)
  const spoken = said.kind === undefined ? kindsSpokenOf(...texts) : [said.kind]
  const parsed = dpt === undefined ? undefined : parseDptName(dpt)
  if (dpt !== undefined && parsed === undefined) return `${JSON.stringify(dpt)} is no datapoint type`
  if (parsed?.sub === undefined) {
    // Only the main number, or nothing: the usual type of the kind, as far as it agrees.
    for (const kind of parsed === undefined ? spoken.slice(0, 1) : spoken) {
      const usual = dptsOf(kind).find((id) => parsed === undefined || id.startsWith(`${parsed.main}.`))
      const given = parsed === undefined ? 'the export names no datapoint type' : `the export says only ${dpt}`
      if (usual !== undefined && isSafeGuess(kind, parsed === undefined))
        return { kind, dpt: usual, note: `${given}: taken as ${usual}` }
    }
    return parsed === undefined
      ? 'the export names no datapoint type'
      : `${dpt} is a main type only, and the name does not tell which of its types it is`
  }
  let id: string
  try {
    id = datapointTypeOf(dpt ?? '').id
  } catch {
    return `the datapoint type ${dpt} is not known`
  }
  const carried = kindsOf(id)
  const kind =
    spoken.find((one) => carried.includes(one)) ??
    (spoken.length === 0 || carried.length === 1 ? onlyOne(carried) : undefined)
  if (kind !== undefined) return { kind, dpt: id }
  if (said.kind !== undefined) return `the datapoint type ${id} does not carry ${said.kind}`
  return carried.length === 0
    ? `the building has no use for the datapoint type ${id} (${datapointTypeOf(id).name})`
    : `the name does not tell whether it is ${carried.join(', ')}`
}

/** An actuator that is written to with the wrong type would do something else than it was told. */
function isSafeGuess(kind: ReadingKind, isBare: boolean): boolean {
  return !isBare || MEASURED.has(kind) || kind === 'switch'
}

/** Exports may list several; the first is the one of the address. */
export function firstDpt(dpts: string | undefined): string | undefined {
  return dpts?.split(/[\s,;]+(?=DP)/i)[0]
}

function onlyOne(kinds: readonly ReadingKind[]): ReadingKind | undefined {
  return kinds.length === 1 ? kinds[0] : undefined
}
