import { type Duration, durationMs } from '../../common/duration.ts'
import { InvalidArgumentError } from '../../common/errors.ts'
import { readInt64 } from '../shared/bytes.ts'
import type { DueTime } from '../state-store.ts'
import type { DueRule } from './due-key-value-store.ts'

/**
 * How long a row lives after the time of its last change: until stream time has gone on by as much, or, when the wall clock is named, until
 * the wall clock is that far beyond the row's time, so that rows go while nothing comes.
 */
export type TimeToLive = Duration | { readonly after: Duration; readonly time: DueTime }

/** @throws {InvalidArgumentError} when rows would live for less than a millisecond. */
export function timeToLiveRule(ttl: TimeToLive, store: string): DueRule<unknown> {
  const { after, time } = typeof ttl === 'object' ? ttl : { after: ttl, time: 'stream-time' as const }
  const ttlMs = durationMs(after, `time to live of store ${store}`)
  if (ttlMs < 1)
    throw new InvalidArgumentError(`rows of store ${store} must live for a millisecond or more, not ${ttlMs} ms`)
  return {
    time,
    version: ttlMs,
    dueMs: (_value, timestampMs) => timestampMs + ttlMs,
    restoredDueMs: (_value, timestampMs) => timestampMs + ttlMs,
  }
}

/** Rows are timers: their value is when they are due. */
export function timerRule(time: DueTime): DueRule<number> {
  return { time, version: 0, dueMs: (dueMs) => dueMs, restoredDueMs: (value) => readInt64(value, 0) }
}
