import { partitionName, type TopicPartition } from '../../common/record.ts'
import type { Admin } from '../../kafka/port.ts'
import type { OptionValues } from './command.ts'
import { UsageError } from './errors.ts'

/** Where the offsets of the inputs go. */
export type ResetTarget =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'datetime'; readonly timestampMs: number }
  | { readonly kind: 'shift'; readonly by: number }

export interface OffsetMove extends TopicPartition {
  readonly from: number | null
  readonly to: number
}

const TARGETS = ['to-earliest', 'to-latest', 'to-datetime', 'shift-by'] as const

/** @throws {UsageError} for more than one target, or one that cannot be read. */
export function targetOf(options: OptionValues): ResetTarget | undefined {
  const given = TARGETS.filter((name) => options[name] !== undefined)
  if (given.length > 1) throw new UsageError(`${given.map((name) => `--${name}`).join(' and ')}: give one of them`)
  switch (given[0]) {
    case 'to-earliest':
      return { kind: 'earliest' }
    case 'to-latest':
      return { kind: 'latest' }
    case 'to-datetime':
      return { kind: 'datetime', timestampMs: timestampOf(String(options['to-datetime'])) }
    case 'shift-by':
      return { kind: 'shift', by: shiftOf(String(options['shift-by'])) }
    case undefined:
      return undefined
  }
}

function timestampOf(text: string): number {
  const timestampMs = Date.parse(text)
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(timestampMs))
    return timestampMs
  throw new UsageError(
    `--to-datetime must be a time with its zone such as 2026-11-22T08:00:00Z, got ${JSON.stringify(text)}`,
  )
}

function shiftOf(text: string): number {
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new UsageError(`--shift-by must be a whole number such as -100, got ${JSON.stringify(text)}`)
}

/** What each partition's committed offset would become; within what the log holds. */
export async function offsetMoves(
  admin: Admin,
  groupId: string,
  partitions: readonly TopicPartition[],
  target: ResetTarget,
): Promise<readonly OffsetMove[]> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const [committed, begins, ends, atTime] = await Promise.all([
    admin.committedOffsets(groupId, topics),
    admin.beginningOffsets(partitions),
    admin.endOffsets(partitions),
    target.kind === 'datetime'
      ? admin.offsetsForTime(partitions.map((p) => ({ ...p, timestampMs: target.timestampMs })))
      : new Map<string, number>(),
  ])
  return partitions.map(({ topic, partition }) => {
    const name = partitionName(topic, partition)
    const bounds = { begin: begins.get(name) ?? 0, end: ends.get(name) ?? 0 }
    const from = committed.get(name)?.offset ?? null
    return { topic, partition, from, to: offsetAfter(target, from, bounds, atTime.get(name)) }
  })
}

/** Pure. A shift counts from the committed offset, or from the beginning where there is none, and stays within the log. */
export function offsetAfter(
  target: ResetTarget,
  committed: number | null,
  { begin, end }: { readonly begin: number; readonly end: number },
  atTime: number | undefined,
): number {
  switch (target.kind) {
    case 'earliest':
      return begin
    case 'latest':
      return end
    case 'datetime':
      return atTime ?? end
    case 'shift':
      return Math.min(end, Math.max(begin, (committed ?? begin) + target.by))
  }
}
