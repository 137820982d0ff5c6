import { asError } from '../../common/errors.ts'
import { parseYamlWithLines, type YamlPath } from '../../common/yaml.ts'
import type { ReadingKind } from '../../schemas/types.ts'
import { isReadingKind } from '../reading-kinds.ts'
import { parseAnyGroupAddress } from './addresses.ts'
import { dptsOf } from './carriers.ts'
import { datapointTypeOf } from './dpt.ts'
import type { LineProblem } from './ets-group.ts'
import { type NamePattern, namePattern, usualNames } from './group-names.ts'
import { type GroupRole, plain } from './group-words.ts'

/** What a mapping says of one address or function: not to use it, or what it is; what is missing is taken from the name. */
export type GroupMeaning =
  | 'ignore'
  | {
      readonly room?: string
      readonly floor?: string
      readonly device?: string
      readonly kind?: ReadingKind
      readonly role?: GroupRole
      readonly dpt?: string
      readonly inverted?: boolean
    }

export interface RoomMeaning {
  readonly id?: string
  readonly floor?: string
}

/** How group addresses become devices and rooms. */
export interface GroupMapping {
  readonly names: readonly NamePattern[]
  /** Of rooms of which nothing tells it. */
  readonly floor: string
  /** The percentage on the bus at which blinds are open. */
  readonly blindsOpenAt: 0 | 100
  /** By the plain text of the name. */
  readonly rooms: ReadonlyMap<string, RoomMeaning>
  /** By the plain text of the function. */
  readonly functions: ReadonlyMap<string, GroupMeaning>
  readonly addresses: ReadonlyMap<number, GroupMeaning>
}

/** Without a mapping file: names as `Kitchen - Ceiling - Switch`, percent of blinds as KNX has them (0 is open). */
export const USUAL_MAPPING: GroupMapping = {
  names: [usualNames],
  floor: '0',
  blindsOpenAt: 0,
  rooms: new Map(),
  functions: new Map(),
  addresses: new Map(),
}

const MEMBERS = ['names', 'floor', 'blindsOpenAt', 'rooms', 'functions', 'addresses']
const ROOM_MEMBERS = ['id', 'floor'] as const
const MEANING_MEMBERS = ['room', 'floor', 'device', 'kind', 'role', 'dpt', 'inverted']

/** Reads a mapping file. Parts that cannot be used are told by line and left out; the others count. */
export function readMapping(text: string): {
  readonly mapping: GroupMapping
  readonly problems: readonly LineProblem[]
} {
  const problems: LineProblem[] = []
  let document: ReturnType<typeof parseYamlWithLines>
  try {
    document = parseYamlWithLines(text)
  } catch (error) {
    const reason = asError(error).message
    return { mapping: USUAL_MAPPING, problems: [{ line: Number(/line (\d+)/.exec(reason)?.[1] ?? 1), reason }] }
  }
  const { value, lineOf } = document
  if (value === null) return { mapping: USUAL_MAPPING, problems }
  const attempt = <T>(path: YamlPath, read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      problems.push({ line: lineOf(path), reason: asError(error).message })
      return undefined
    }
  }
  const root = attempt([], () => membersOf(value, MEMBERS)) ?? {}
  const entries = <K, V>(member: string, read: (key: string, entry: unknown) => readonly [K, V]): ReadonlyMap<K, V> => {
    const rows = attempt([member], () => membersOf(root[member] ?? {})) ?? {}
    return new Map(
      Object.entries(rows).flatMap(([key, entry]) => {
        const row = attempt([member, key], () => read(key, entry))
        return row === undefined ? [] : [row]
      }),
    )
  }
  const names = attempt(['names'], () => listOf(root['names'] ?? [])) ?? []
  const patterns = names.flatMap(
    (name, i) => attempt(['names', i], () => namePattern(textOf('a name pattern', name))) ?? [],
  )
  const mapping: GroupMapping = {
    names: names.length === 0 ? USUAL_MAPPING.names : patterns,
    floor: attempt(['floor'], () => textOf('floor', root['floor'] ?? USUAL_MAPPING.floor)) ?? USUAL_MAPPING.floor,
    blindsOpenAt: attempt(['blindsOpenAt'], () => oneOf('blindsOpenAt', [0, 100], root['blindsOpenAt'] ?? 0)) ?? 0,
    rooms: entries('rooms', (key, entry) => [plain(key), roomMeaning(entry)] as const),
    functions: entries('functions', (key, entry) => [plain(key), meaning(entry)] as const),
    addresses: entries('addresses', (key, entry) => [parseAnyGroupAddress(key), meaning(entry)] as const),
  }
  return { mapping, problems }
}

function roomMeaning(entry: unknown): RoomMeaning {
  if (typeof entry === 'string' || typeof entry === 'number') return { id: String(entry) }
  return texts(membersOf(entry, ROOM_MEMBERS), ROOM_MEMBERS)
}

function meaning(entry: unknown): GroupMeaning {
  if (entry === 'ignore') return entry
  const members = membersOf(entry, MEANING_MEMBERS)
  const { kind, role, dpt, inverted } = members
  if (kind !== undefined && !(typeof kind === 'string' && isReadingKind(kind) && dptsOf(kind).length > 0))
    throw new Error(`there is no kind ${JSON.stringify(kind)} on KNX`)
  return {
    ...texts(members, ['room', 'floor', 'device']),
    ...(kind === undefined ? {} : { kind: kind as ReadingKind }),
    ...(role === undefined ? {} : { role: oneOf('role', ['write', 'status'] as const, role) }),
    ...(dpt === undefined ? {} : { dpt: dptId(dpt) }),
    ...(inverted === undefined ? {} : { inverted: oneOf('inverted', [true, false], inverted) }),
  }
}

/** A number has lost the zeros that tell 5.010 from 5.001. */
function dptId(dpt: unknown): string {
  if (typeof dpt !== 'string') throw new Error('the datapoint type has to be in quotation marks, such as "5.001"')
  return datapointTypeOf(dpt).id
}

function texts<K extends string>(
  members: Readonly<Record<string, unknown>>,
  names: readonly K[],
): { [N in K]?: string } {
  const given = names.filter((name) => members[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, textOf(name, members[name])])) as { [N in K]?: string }
}

function membersOf(value: unknown, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(
      `here has to be ${known ? `an object with ${known.join(', ')}` : 'an object'}, not ${JSON.stringify(value)}`,
    )
  const stranger = known && Object.keys(value).find((key) => !known.includes(key))
  if (stranger !== undefined)
    throw new Error(`there is no ${JSON.stringify(stranger)} here; there is ${known?.join(', ')}`)
  return value as Readonly<Record<string, unknown>>
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new Error(`names has to be a list, not ${JSON.stringify(value)}`)
}

function textOf(what: string, value: unknown): string {
  if ((typeof value === 'string' && value.trim() !== '') || typeof value === 'number') return String(value).trim()
  throw new Error(`${what} has to be a text, not ${JSON.stringify(value)}`)
}

function oneOf<T>(what: string, allowed: readonly T[], value: unknown): T {
  const found = allowed.find((one) => one === value)
  if (found !== undefined) return found
  throw new Error(`${what} has to be ${allowed.join(' or ')}, not ${JSON.stringify(value)}`)
}
