import { InvalidArgumentError } from './errors.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
/** Clocks of this earth are between 12 hours behind and 14 hours ahead of UTC. */
const MOST_BEHIND_MS = 13 * HOUR_MS
const MOST_AHEAD_MS = 15 * HOUR_MS

/**
 * The clock of a place. A *local time* is what it shows, as the milliseconds at which a clock in UTC would show the same. Every call
 * asks Intl, which takes microseconds: keep what it answers.
 */
export class TimeZone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat

  /** @throws {InvalidArgumentError} when there is no such zone in the IANA database that Node was built with. */
  constructor(name: string) {
    this.name = name
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      })
    } catch (cause) {
      throw new InvalidArgumentError(`${JSON.stringify(name)} is no time zone: write one as Europe/Paris`, { cause })
    }
  }

  /** How far the clock is ahead of UTC at an instant; in whole seconds. */
  offsetMs(instantMs: number): number {
    const shown = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
    for (const { type, value } of this.#format.formatToParts(instantMs))
      if (type in shown) shown[type as keyof typeof shown] = Number(value)
    const { year, month, day, hour, minute, second } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1_000) * 1_000
  }

  /**
   * The instants at which the clock comes to a local time: one, or two where it is set back over it. A time that is skipped is come
   * to when the clock is set forward past it.
   */
  instantsOf(localMs: number): readonly number[] {
    const fromMs = localMs - MOST_AHEAD_MS
    const toMs = localMs + MOST_BEHIND_MS
    const before = this.offsetMs(fromMs)
    const after = this.offsetMs(toMs)
    if (before === after) return [localMs - before]
    const changeMs = this.#changeBetween(fromMs, toMs, before)
    const second = localMs - after
    if (localMs - before < changeMs) return second >= changeMs ? [localMs - before, second] : [localMs - before]
    return [Math.max(second, changeMs)]
  }

  /** The first instant at which the clock shows a local time or a later one. @see java.time.LocalDate#atStartOfDay for midnight */
  firstInstantOf(localMs: number): number {
    return this.instantsOf(localMs)[0] as number
  }

  /** The first instant in (from, to] at which the offset is not the one it had at `from`. */
  #changeBetween(fromMs: number, toMs: number, offsetMs: number): number {
    let same = Math.floor(fromMs / 1_000)
    let changed = Math.ceil(toMs / 1_000)
    while (changed - same > 1) {
      const middle = Math.floor((same + changed) / 2)
      if (this.offsetMs(middle * 1_000) === offsetMs) same = middle
      else changed = middle
    }
    return changed * 1_000
  }
}
