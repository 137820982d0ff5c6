import { join } from 'node:path'

/** The topic of a step that is no record: the wall clock goes on by its timestamp. */
export const WALL_CLOCK = '@wall-clock'

/** A record of strings and, per topic, what came out after it: `[key, value, timestamp, headers]`, bytes in hex; or `@error`. */
export type Step = readonly [
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number,
  produced: Readonly<Record<string, unknown>>,
]

export interface Recorded {
  readonly describe: string
  /** With the default record cache; absent where only the text of describe() counts. */
  readonly steps?: readonly Step[]
  /** The same records with `statestore.cache.max.bytes` 0. */
  readonly withoutCache?: readonly Step[]
  readonly dropped?: number
  readonly droppedWithoutCache?: number
}

/** What the Java side recorded of one area. */
export interface Recording {
  readonly version: string
  readonly scenarios: Readonly<Record<string, Recorded>>
}

export const GOLDEN = join(import.meta.dirname, 'golden')

export function recordingFile(area: string): string {
  return join(GOLDEN, `${area}.json.gz`)
}
