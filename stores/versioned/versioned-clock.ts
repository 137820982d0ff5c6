import { InvalidArgumentError } from '../../common/errors.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** How much time old versions of a key share a row. @see RocksDbVersionedKeyValueBytesStoreSupplier.defaultSegmentInterval */
export function defaultSegmentIntervalMs(historyRetentionMs: number): number {
  const part = (parts: number, leastMs: number): number => Math.max(Math.floor(historyRetentionMs / parts), leastMs)
  if (historyRetentionMs <= MINUTE_MS) return part(3, 2 * SECOND_MS)
  if (historyRetentionMs <= 5 * MINUTE_MS) return part(5, 20 * SECOND_MS)
  if (historyRetentionMs <= HOUR_MS) return part(12, MINUTE_MS)
  return part(24, HOUR_MS)
}

/** The stream time of one versioned store: the latest time that was put. */
export class VersionedClock {
  readonly #historyRetentionMs: number
  /** Of segments. */
  readonly intervalMs: number
  /** -1 before the first put. */
  observedMs = -1

  constructor(historyRetentionMs: number, intervalMs: number) {
    this.#historyRetentionMs = historyRetentionMs
    this.intervalMs = intervalMs
  }

  /** History ends here: the oldest time that can be put, or asked for. */
  get oldestMs(): number {
    return this.observedMs - this.#historyRetentionMs
  }

  /** False when the time is older than history. @throws {InvalidArgumentError} when it is no time. */
  admit(timestampMs: number): boolean {
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0)
      throw new InvalidArgumentError(`a version cannot begin at ${timestampMs}`)
    if (timestampMs < this.oldestMs) return false
    if (timestampMs > this.observedMs) this.observedMs = timestampMs
    return true
  }

  segment(timestampMs: number): number {
    return Math.floor(timestampMs / this.intervalMs)
  }

  segmentStartMs(segment: number): number {
    return segment * this.intervalMs
  }

  firstLiveSegment(): number {
    return this.segment(Math.max(this.oldestMs, 0))
  }
}
