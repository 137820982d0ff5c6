import { InvalidArgumentError } from '../../../common/errors.ts'
import type { Windows } from '../../processors/aggregates/windows.ts'

/**
 * One window per key, from a start on and without an end (its `endMs` is the greatest safe integer). It never closes, so no record is
 * late; records before the start are in no window and change nothing. Rows are kept for good.
 * @see org.apache.kafka.streams.kstream.UnlimitedWindows
 */
export class UnlimitedWindows implements Windows {
  readonly startMs: number
  readonly sizeMs = Number.MAX_SAFE_INTEGER
  readonly fixedSize = true
  readonly graceMs = 0
  readonly overlapping = false

  private constructor(startMs: number) {
    this.startMs = startMs
  }

  /** The window of all records: it starts at the epoch and has no end. @see org.apache.kafka.streams.kstream.UnlimitedWindows.of */
  static of(): UnlimitedWindows {
    return new UnlimitedWindows(0)
  }

  /**
   * The window of all records from this instant on: a date, or milliseconds since the epoch.
   * @throws {InvalidArgumentError} when it is before the epoch, or no whole number of milliseconds.
   */
  startOn(start: Date | number): UnlimitedWindows {
    const startMs = start instanceof Date ? start.getTime() : start
    if (!Number.isSafeInteger(startMs) || startMs < 0)
      throw new InvalidArgumentError(`a window starts at a whole millisecond from the epoch on, not at ${startMs}`)
    return new UnlimitedWindows(startMs)
  }

  /** Start of the one window, in milliseconds since the epoch, whatever the time. @see {@link Windows} */
  firstStartMs(_timestampMs: number): number {
    return this.startMs
  }

  /** There is no other window: the next one would start at infinity. @see {@link Windows} */
  nextStartMs(_startMs: number): number {
    return Number.POSITIVE_INFINITY
  }

  /** The greatest safe integer, which stands for no end. @see {@link Windows} */
  endMs(_startMs: number): number {
    return Number.MAX_SAFE_INTEGER
  }
}
