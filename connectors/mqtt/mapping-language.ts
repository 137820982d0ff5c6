import type { CommandRule } from './command-language.ts'

/**
 * The language of the mapping file: what an MQTT message becomes.
 *
 * A *source* is a text that says where something is taken from. One that begins with `/` is a JSON pointer (RFC 6901) into the
 * payload. Any other stands for itself, with each `<name>` in it replaced by the topic's level of that name.
 */
export type Source = string

export interface MappingDocument {
  /** Ordered: the first whose topic matches counts. */
  readonly rules: readonly MappingRule[]
  /** The room of each device, by deviceId: for rules whose messages do not tell it. */
  readonly rooms?: Readonly<Record<string, string>>
  /** How devices are told what to do; ordered, the first that is for the device and the kind counts. */
  readonly commands?: readonly CommandRule[]
  /** Whether Brook's own two forms are understood, and its own form of a command is sent, too, after all other rules (default yes). */
  readonly builtIn?: boolean
}

/** Needs one of `readings`, `record` and `ignore`. */
export interface MappingRule {
  /** For people. */
  readonly name?: string
  /** An MQTT filter; `<name>` stands for one level that is taken over. `<deviceId>`, `<roomId>` count without another word. */
  readonly topic: string
  /** Which texts the named levels may have; other topics are not the rule's, and are not subscribed to. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** `json` (default); `number`, `text`: the payload is one value, written as it is; `bytes`: anything, for `record` only. */
  readonly payload?: PayloadForm
  /** A pointer beside `<deviceId>` in the topic: both must say the same where the payload has it. */
  readonly deviceId?: Source
  readonly roomId?: Source
  /** When it was measured: milliseconds since the epoch or ISO 8601. Without it, or where it is missing, the receive time. */
  readonly time?: Source | TimeRule
  /** Pointer to a whole number by which a repeated message is known; may be missing. */
  readonly sequence?: Source
  readonly readings?: readonly ReadingRule[]
  /** The message goes on as it is, to a topic that is not one of the building's. */
  readonly record?: RecordRule
  /** The message is known and wanted by nobody. */
  readonly ignore?: true
  /** What becomes of a message none of whose optional readings is there (default `dead-letter`). */
  readonly whenEmpty?: 'dead-letter' | 'ignore'
}

export type PayloadForm = 'json' | 'number' | 'text' | 'bytes'

export interface TimeRule {
  readonly from: Source
  /** Of a number (default milliseconds). */
  readonly unit?: 'milliseconds' | 'seconds'
  /** The IANA time zone of a time that names none; without it, the zone of the machine. */
  readonly zone?: string
}

/** One value of the payload, or with `each` all members of one of its objects. */
export interface ReadingRule {
  /** A kind of reading, or `<name>`. */
  readonly kind?: Source
  /** Pointer to an object: each member is a reading, its name the kind. */
  readonly each?: Source
  /** Which kind is meant by which name, where they differ. */
  readonly kinds?: Readonly<Record<string, string>>
  /** Pointer to the value; the whole payload where that is one value. */
  readonly value?: Source
  /** A value that is missing or null is no mistake. */
  readonly optional?: boolean
  /** A number may stand in quotes. */
  readonly quoted?: boolean
  /** What texts (or `true` and `false`) mean. */
  readonly map?: Readonly<Record<string, number | boolean>>
  /** What stands for 0 and 100 %; turned round where the device counts the other way. */
  readonly range?: readonly [from: number, to: number]
  /** The value is multiplied by this, */
  readonly scale?: number
  /** then this is added, */
  readonly offset?: number
  /** and then it is in this unit: by name, or a pointer to its name. Without it, in the unit of its kind. */
  readonly unit?: Source
}

export interface RecordRule {
  readonly topic: string
  readonly key: Source
}

/** `building/<roomId>/<deviceId>/<kind>` with one value, `sensors/<deviceId>` with a whole sensor message. */
export const BUILT_IN_RULES: readonly MappingRule[] = [
  {
    name: 'one value',
    topic: 'building/<roomId>/<deviceId>/<kind>',
    deviceId: '/deviceId',
    time: '/timestamp',
    sequence: '/sequence',
    readings: [{ kind: '<kind>', value: '/value' }],
  },
  {
    name: 'sensor message',
    topic: 'sensors/<deviceId>',
    deviceId: '/deviceId',
    roomId: '/location/room',
    time: '/timestamp',
    sequence: '/sequence',
    readings: [{ each: '/readings' }, { kind: 'battery', value: '/metadata/battery_level', optional: true }],
  },
]
