import type { LogRecord } from '../../kafka/port.ts'

/** A record as it is compared: without its offset, which differs where transactions have markers. */
export interface Seen {
  readonly value: string | null
  readonly timestampMs: number
  readonly headers: readonly string[]
}

/** By topic and key. */
export type Output = Readonly<Record<string, readonly Seen[]>>

/** What several tasks write for one key: the order of their records is not the same in any two runs, the last value is. */
const WRITTEN_BY_SEVERAL: readonly string[] = ['groups', 'foreign']
/** Their results without a partner come with some later record: which one it is depends on where Kafka Streams was restarted. */
const WITHOUT_PARTNER: readonly string[] = ['left', 'outer']
/** Kafka Streams does not find after a restart what a join with grace held back before (docs/interchange.md). */
const LOST_BY_RESTART = 'graced'

/** With the record cache, the time it waits from is that of a commit. */
const WAITS = 'later'

const topicOf = (key: string): string => key.split(' ')[0] as string

/**
 * Everything that has an order, record by record; results of joins without a partner in the order of their times.
 * @param heldBackUntilMs up to here the joins with grace are to be compared too
 */
export function everyRecord(output: Output, heldBackUntilMs: number): Output {
  const kept = Object.entries(output).filter(([key]) => !WRITTEN_BY_SEVERAL.includes(topicOf(key)))
  return Object.fromEntries(
    kept.map(([key, records]) => {
      if (WITHOUT_PARTNER.includes(topicOf(key))) return [key, byTime(records)]
      if (topicOf(key) === LOST_BY_RESTART) return [key, records.filter((r) => r.timestampMs <= heldBackUntilMs)]
      return [key, records]
    }),
  )
}

function byTime(records: readonly Seen[]): readonly Seen[] {
  const alone = (value: string | null): boolean => value?.includes('null') ?? false
  const without = records.filter(({ value }) => alone(value)).map((record) => ({ ...record, headers: [] }))
  const order = (a: Seen, b: Seen): number =>
    a.timestampMs - b.timestampMs || ((a.value ?? '') < (b.value ?? '') ? -1 : 1)
  return [...records.filter(({ value }) => !alone(value)), ...without.sort(order)]
}

/** What is there in the end: the last record of each key that is not deleted, with the headers where the record cache does not change them. */
export function inTheEnd(output: Output, cached: boolean): Readonly<Record<string, Partial<Seen>>> {
  const last = Object.entries(output).map(([key, records]) => [key, records.at(-1) as Seen] as const)
  const kept = last.filter(
    ([key, { value }]) => value !== null && topicOf(key) !== LOST_BY_RESTART && !(cached && topicOf(key) === WAITS),
  )
  return Object.fromEntries(
    kept.map(([key, { value, timestampMs }]) => [
      key,
      WRITTEN_BY_SEVERAL.includes(topicOf(key)) ? { value } : { value, timestampMs },
    ]),
  )
}

export function seen({ value, timestampMs, headers }: LogRecord): Seen {
  const text = (bytes: Buffer | null): string =>
    /^[\w ]*$/.test(String(bytes)) ? String(bytes) : (bytes as Buffer).toString('hex')
  return {
    value: value === null ? null : value.toString('utf8'),
    timestampMs,
    headers: headers.map((header) => `${header.key}=${text(header.value)}`),
  }
}
