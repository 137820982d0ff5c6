import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'

/**
 * Windows of the records that are at most a time difference apart, both ends inclusive: one ends at each record, and one starts right
 * after each record that has others within the difference after it. Records less than the difference from the epoch share the window
 * from 0. A record is late for a window when stream time less grace is beyond its end.
 * @see org.apache.kafka.streams.kstream.SlidingWindows (KIP-450)
 */
export class SlidingWindows {
  readonly timeDifferenceMs: number
  readonly graceMs: number

  private constructor(timeDifferenceMs: number, graceMs: number) {
    this.timeDifferenceMs = timeDifferenceMs
    this.graceMs = graceMs
  }

  /** Windows that take no record once stream time is beyond their end. @throws {InvalidArgumentError} when the difference is negative. */
  static ofTimeDifferenceWithNoGrace(timeDifference: Duration): SlidingWindows {
    return SlidingWindows.ofTimeDifferenceAndGrace(timeDifference, 0)
  }

  /** Windows that take out-of-order records until stream time is `grace` beyond their end. */
  static ofTimeDifferenceAndGrace(timeDifference: Duration, grace: Duration): SlidingWindows {
    const timeDifferenceMs = durationMs(timeDifference, 'time difference')
    const graceMs = durationMs(grace, 'grace')
    if (timeDifferenceMs < 0)
      throw new InvalidArgumentError(`the time difference must not be negative, got ${timeDifferenceMs} ms`)
    if (graceMs < 0) throw new InvalidArgumentError(`grace must not be negative, got ${graceMs} ms`)
    return new SlidingWindows(timeDifferenceMs, graceMs)
  }
}
