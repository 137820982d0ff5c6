import type { DropReason } from './processors/processor.ts'
import type { RecordMetadata } from './record.ts'

/** What an operator knows beyond the reason when it drops a record. */
export interface DropDetails {
  /** The window that a late record came too late for, [startMs, endMs) (sliding and session windows: endMs inclusive). */
  readonly startMs?: number
  readonly endMs?: number
  /** What was thrown. */
  readonly error?: Error
}

/**
 * A record that went no further, as the value of an operator's `dropped` stream; key, time and headers of that stream's records are
 * the dropped one's. A plain object: `serdes.json()` writes it when it can write the value.
 */
export interface DroppedRecord<V> {
  readonly value: V | null
  readonly reason: DropReason
  /** The operator. */
  readonly node: string
  readonly timestampMs: number
  /** Of the task, when the record was dropped; -1 before its first record. */
  readonly streamTimeMs: number
  /** The window that it came too late for, where that is the reason; a record is dropped once for each such window. */
  readonly windowStartMs?: number
  readonly windowEndMs?: number
  /** What went wrong, where something threw. */
  readonly error?: string
  /** Where the record was read; absent for records that a punctuation or a commit sent on. */
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
}

/** The value of a `dropped` stream. */
export function droppedRecord<V>(
  value: V | null,
  at: Pick<DroppedRecord<V>, 'reason' | 'node' | 'timestampMs' | 'streamTimeMs'>,
  origin: RecordMetadata | undefined,
  details: DropDetails | undefined,
): DroppedRecord<V> {
  return {
    value,
    ...at,
    ...(details?.startMs !== undefined && { windowStartMs: details.startMs }),
    ...(details?.endMs !== undefined && { windowEndMs: details.endMs }),
    ...(details?.error && { error: details.error.message }),
    ...(origin && { topic: origin.topic, partition: origin.partition, offset: origin.offset }),
  }
}
