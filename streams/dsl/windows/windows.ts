import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { type Windows, windowStartsFor } from '../../processors/aggregates/windows.ts'

/**
 * Windows of a fixed size: tumbling, or hopping with `advanceBy`. A window is [start, end), its start a multiple of the advance
 * from the epoch. A record is late for a window when stream time less grace has reached the window's end.
 * @see org.apache.kafka.streams.kstream.TimeWindows
 */
export class TimeWindows implements Windows {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
  readonly fixedSize = true

  private constructor(sizeMs: number, advanceMs: number, graceMs: number) {
    this.sizeMs = sizeMs
    this.advanceMs = advanceMs
    this.graceMs = graceMs
  }

  /** Tumbling windows that take no record after their end. @throws {InvalidArgumentError} when the size is not positive. */
  static ofSizeWithNoGrace(size: Duration): TimeWindows {
    return TimeWindows.ofSizeAndGrace(size, 0)
  }

  /**
   * Tumbling windows that take out-of-order records until `grace` after their end.
   * @throws {InvalidArgumentError} when the size is not positive, or grace is negative.
   */
  static ofSizeAndGrace(size: Duration, grace: Duration): TimeWindows {
    const sizeMs = durationMs(size, 'window size')
    const graceMs = durationMs(grace, 'grace')
    if (sizeMs <= 0) throw new InvalidArgumentError(`the window size must be positive, got ${sizeMs} ms`)
    if (graceMs < 0) throw new InvalidArgumentError(`grace must not be negative, got ${graceMs} ms`)
    return new TimeWindows(sizeMs, sizeMs, graceMs)
  }

  /**
   * Hopping windows: a new one starts every `advance`, and a record is in all that hold its time.
   * @throws {InvalidArgumentError} when it is not positive, or above the size.
   */
  advanceBy(advance: Duration): TimeWindows {
    const advanceMs = durationMs(advance, 'window advance')
    if (advanceMs <= 0 || advanceMs > this.sizeMs) {
      throw new InvalidArgumentError(
        `windows of ${this.sizeMs} ms can advance by 1 to ${this.sizeMs} ms, not by ${advanceMs} ms`,
      )
    }
    return new TimeWindows(this.sizeMs, advanceMs, this.graceMs)
  }

  /** Starts of the windows that a time falls into, earliest first; none before the epoch. */
  windowsFor(timestampMs: number): readonly number[] {
    return windowStartsFor(this, timestampMs)
  }

  get overlapping(): boolean {
    return this.advanceMs < this.sizeMs
  }

  /** Start of the earliest window that ends after this time; it is above the time when no window holds that. */
  firstStartMs(timestampMs: number): number {
    const { sizeMs, advanceMs } = this
    return Math.floor(Math.max(0, timestampMs - sizeMs + advanceMs) / advanceMs) * advanceMs
  }

  /** Start of the window after the one that starts here, whether they follow on one another or not. */
  nextStartMs(startMs: number): number {
    return startMs + this.advanceMs
  }

  /** End of the window that starts here: the first millisecond that is not in it. */
  endMs(startMs: number): number {
    return startMs + this.sizeMs
  }
}

/**
 * How far apart two records may be to be joined: the other's time is in [time - before, time + after], both inclusive. Either
 * may be negative as long as before + after is not.
 * @see org.apache.kafka.streams.kstream.JoinWindows
 */
export class JoinWindows {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number

  private constructor(beforeMs: number, afterMs: number, graceMs: number) {
    if (beforeMs + afterMs < 0)
      throw new InvalidArgumentError(`a join window of ${beforeMs} ms before and ${afterMs} ms after holds nothing`)
    if (graceMs < 0) throw new InvalidArgumentError(`grace must not be negative, got ${graceMs} ms`)
    this.beforeMs = beforeMs
    this.afterMs = afterMs
    this.graceMs = graceMs
  }

  /**
   * Records at most this far apart, either way; one without a partner is sent as soon as its window is over.
   * @throws {InvalidArgumentError} for a negative difference.
   */
  static ofTimeDifferenceWithNoGrace(difference: Duration): JoinWindows {
    return JoinWindows.ofTimeDifferenceAndGrace(difference, 0)
  }

  /**
   * Records at most this far apart, either way; those without a partner wait for out-of-order ones until `grace` after their window.
   * @throws {InvalidArgumentError} for a negative difference or grace.
   */
  static ofTimeDifferenceAndGrace(difference: Duration, grace: Duration): JoinWindows {
    const differenceMs = durationMs(difference, 'time difference')
    return new JoinWindows(differenceMs, differenceMs, durationMs(grace, 'grace'))
  }

  /** The other record may be this much earlier. @throws {InvalidArgumentError} when nothing is left of the window. */
  before(difference: Duration): JoinWindows {
    return new JoinWindows(durationMs(difference, 'time difference'), this.afterMs, this.graceMs)
  }

  /** The other record may be this much later. @throws {InvalidArgumentError} when nothing is left of the window. */
  after(difference: Duration): JoinWindows {
    return new JoinWindows(this.beforeMs, durationMs(difference, 'time difference'), this.graceMs)
  }

  get sizeMs(): number {
    return this.beforeMs + this.afterMs
  }
}
