import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'

/**
 * Sessions of activity: two records of a key that are at most the gap apart are in one session, which goes from its first to its last
 * record, both inclusive. A record that comes between two sessions makes them one. A record is late when the session that it would make
 * or join ended more than gap and grace before stream time.
 * @see org.apache.kafka.streams.kstream.SessionWindows
 */
export class SessionWindows {
  readonly gapMs: number
  readonly graceMs: number

  private constructor(gapMs: number, graceMs: number) {
    if (gapMs < 0) throw new InvalidArgumentError(`the inactivity gap must not be negative, got ${gapMs} ms`)
    if (graceMs < 0) throw new InvalidArgumentError(`grace must not be negative, got ${graceMs} ms`)
    this.gapMs = gapMs
    this.graceMs = graceMs
  }

  /** Sessions that take no record once the gap after their end is over. @throws {InvalidArgumentError} when the gap is negative. */
  static ofInactivityGapWithNoGrace(gap: Duration): SessionWindows {
    return SessionWindows.ofInactivityGapAndGrace(gap, 0)
  }

  /** Sessions that take out-of-order records until `grace` after that. */
  static ofInactivityGapAndGrace(gap: Duration, grace: Duration): SessionWindows {
    return new SessionWindows(durationMs(gap, 'inactivity gap'), durationMs(grace, 'grace'))
  }
}
