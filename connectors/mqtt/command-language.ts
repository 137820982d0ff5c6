/**
 * How a command becomes an MQTT message: the part `commands` of the mapping file. Rules are ordered; the first that is for the device and the kind
 * counts.
 */
export interface CommandRule {
  /** For people. */
  readonly name?: string
  /** The devices it is for, by deviceId, or its beginning and `*` (default: every device on MQTT). */
  readonly devices?: readonly string[]
  /** What they can be told by it (default: whatever they are told). */
  readonly kinds?: readonly string[]
  /** Where the message goes. `<deviceId>`, `<roomId>`, `<kind>` and `<topic>`, the device's own MQTT topic, are filled in. */
  readonly topic: string
  /** The message, in which `<value>` and the names above are filled in (default `<value>`). */
  readonly payload?: string
  /** What `<value>` is for which value of the command; a value that is not there cannot be set. */
  readonly map?: Readonly<Record<string, string | number | boolean>>
  /** What stands for 0 and 100 %: `<value>` is a whole number between them. */
  readonly range?: readonly [from: number, to: number]
  /** The command is confirmed when the device reports the value (`reading`, default), or as soon as the broker has the message. */
  readonly confirmedBy?: 'reading' | 'broker'
}

/** What may stand between `<` and `>`. */
export const COMMAND_NAMES = ['deviceId', 'roomId', 'kind', 'topic'] as const

/** The counterpart of `building/<roomId>/<deviceId>/<kind>` with `{"value": 23.4}`. */
export const BUILT_IN_COMMANDS: readonly CommandRule[] = [
  { name: 'one value', topic: '<topic>/<kind>/set', payload: '{"value": <value>}' },
]
