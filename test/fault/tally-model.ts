import { lastHeader } from '../../common/record.ts'
import type { LogRecord } from '../../kafka/port.ts'
import type { ProcessingGuarantee } from '../../streams/index.ts'
import { decodeReading, decodeTotal, OWNER, roomOf, type Total, WINDOW_MS, windowName } from './tally-topology.ts'

type Topic = readonly (readonly LogRecord[])[]

/** Committed records of the application of `tally-topology.ts`, by partition. */
export interface Tally {
  readonly readings: Topic
  readonly totals: Topic
  readonly sums: Topic
}

export interface Verdict {
  /** What is wrong, at most a few of each kind; nothing when the guarantee was kept. */
  readonly problems: readonly string[]
  readonly inputs: number
  /** Totals beyond one a reading; under exactly once a problem as well. */
  readonly repeated: number
}

const MOST_PROBLEMS = 10

/**
 * Compares what came out with what the input makes of it. Exactly once: the totals of each room are 1, 2, 3, … for its readings 1, 2, 3, …, and the
 * sums of each window are those of its readings one after the other: nothing more, nothing less, no other order. At least once: each
 * reading is in a total and in the sum of its window, however often.
 */
export function judge({ readings, totals, sums }: Tally, guarantee: ProcessingGuarantee): Verdict {
  const expected = modelOf(readings)
  const gotTotals = byKey(totals)
  const gotSums = byKey(sums)
  const exact = guarantee === 'exactly_once'
  const problems = exact
    ? [...differences('totals', expected.totals, gotTotals), ...differences('sums', expected.sums, gotSums)]
    : [...losses(expected.totals, gotTotals), ...tooSmall(expected.sums, gotSums)]
  const inputs = readings.reduce((sum, records) => sum + records.length, 0)
  const outputs = totals.reduce((sum, records) => sum + records.length, 0)
  return { problems: problems.slice(0, MOST_PROBLEMS), inputs, repeated: outputs - inputs }
}

/**
 * Records of each partition that an owner wrote after another one had begun to: a zombie at work. An owner is an opening of a task (`OWNER`). To be
 * asked of all records, also those of aborted transactions.
 */
export function zombieWrites(totals: Topic): readonly string[] {
  return totals.flatMap((records, partition) => {
    const over = new Set<string>()
    let current = ''
    const found: string[] = []
    for (const record of records) {
      const owner = String(lastHeader(record.headers, OWNER))
      if (over.has(owner))
        found.push(`${owner} wrote offset ${record.offset} of partition ${partition} after ${current}`)
      else if (owner !== current) {
        over.add(current)
        current = owner
      }
    }
    return found.slice(0, MOST_PROBLEMS)
  })
}

interface Model {
  readonly totals: ReadonlyMap<string, readonly string[]>
  readonly sums: ReadonlyMap<string, readonly string[]>
}

function modelOf(readings: Topic): Model {
  const totals = new Map<string, string[]>()
  const sums = new Map<string, string[]>()
  for (const { key, value, timestampMs } of readings.flat()) {
    const room = roomOf(String(key))
    const { sequence, amount } = decodeReading(String(value))
    const before = totals.get(room) ?? []
    totals.set(room, before)
    before.push(`${before.length + 1}:${sequence}`)
    const window = windowName(room, timestampMs - (timestampMs % WINDOW_MS))
    const inside = sums.get(window) ?? []
    sums.set(window, inside)
    inside.push(String(Number(inside.at(-1) ?? 0) + amount))
  }
  return { totals, sums }
}

function byKey(topic: Topic): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { key, value } of topic.flat()) {
    const list = found.get(String(key)) ?? []
    found.set(String(key), list)
    list.push(String(value))
  }
  return found
}

function* differences(
  what: string,
  expected: ReadonlyMap<string, readonly string[]>,
  got: ReadonlyMap<string, readonly string[]>,
): Generator<string> {
  for (const key of got.keys()) if (!expected.has(key)) yield `${what} of ${key}, which had no input`
  for (const [key, wanted] of expected) {
    const found = got.get(key) ?? []
    const at = Array.from({ length: Math.max(wanted.length, found.length) }, (_, i) => i).find(
      (i) => wanted[i] !== found[i],
    )
    if (at !== undefined)
      yield `${what} of ${key}: result ${at + 1} is ${found[at] ?? 'missing'}, not ${wanted[at] ?? 'there'} (after ${found.slice(Math.max(0, at - 3), at)})`
  }
}

/** A count that is below the sequence of its reading has lost one before it. */
function* losses(
  expected: ReadonlyMap<string, readonly string[]>,
  got: ReadonlyMap<string, readonly string[]>,
): Generator<string> {
  for (const [room, wanted] of expected) {
    const found: Total[] = (got.get(room) ?? []).map(decodeTotal)
    const seen = new Set(found.map((total) => total.sequence))
    const missing = wanted.map((text) => decodeTotal(text).sequence).find((sequence) => !seen.has(sequence))
    if (missing !== undefined) yield `reading ${missing} of ${room} is in no total`
    const short = found.find(({ count, sequence }) => count < sequence)
    if (short !== undefined) yield `${room} counted ${short.count} at its reading ${short.sequence}`
    if ((found.at(-1)?.count ?? 0) < wanted.length) yield `${room} ends at ${found.at(-1)?.count} of ${wanted.length}`
  }
}

function* tooSmall(
  expected: ReadonlyMap<string, readonly string[]>,
  got: ReadonlyMap<string, readonly string[]>,
): Generator<string> {
  for (const [window, wanted] of expected) {
    const last = Number(got.get(window)?.at(-1) ?? 0)
    if (last < Number(wanted.at(-1))) yield `the sum of ${window} ends at ${last} of ${wanted.at(-1)}`
  }
}
