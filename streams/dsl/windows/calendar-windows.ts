import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { DAY_MS, TimeZone } from '../../../common/time-zone.ts'
import { type Windows, windowStartsFor } from '../../processors/aggregates/windows.ts'
import {
  type Calendar,
  dayCalendar,
  hourCalendar,
  monthCalendar,
  type ScheduledHours,
  type Span,
  scheduleCalendar,
  type Weekday,
  weekCalendar,
} from './calendar.ts'

/** Days whose windows are known; past it they are worked out again. */
const KEPT_DAYS = 1_024
/** Further away than this there is no next window: a schedule repeats every week. */
const DAYS_AHEAD = 70

/** Dates go no further than the year 275760; what comes after is in no window. */
const LAST_MS = 8.64e15 - 400 * DAY_MS
const NEVER = {
  startMs: Number.MAX_SAFE_INTEGER,
  endMs: Number.MAX_SAFE_INTEGER,
  nextStartMs: Number.POSITIVE_INFINITY,
}

export interface CalendarOptions {
  /** How long after its end a window takes records, in stream time (default 0). */
  readonly grace?: Duration
}

interface CalendarWindow {
  readonly startMs: number
  readonly endMs: number
  readonly nextStartMs: number
}

/**
 * Windows that follow the calendar of a time zone: days, weeks, months, hours of the wall clock, or a weekly schedule. They are right
 * where the clock is set: a day has 23 or 25 hours, and starts when the date does where there is no midnight. A window is [start, end),
 * none overlaps another, none starts before the epoch; between two windows of a schedule a record is in none. A record is late for a
 * window when stream time less grace has reached the window's end.
 *
 * Stores keep the start of a window; its end comes from the time zone database of Node. Brook's own.
 * @see docs/adr/0017-calendar-windows.md
 */
export class CalendarWindows implements Windows {
  /** The longest window there can be: what stores keep a row for. Clocks have been set back by up to 7 hours. */
  readonly sizeMs: number
  readonly graceMs: number
  readonly fixedSize = false
  readonly overlapping = false
  readonly #calendar: Calendar
  /** Windows by the day (of UTC) that they touch, with the first one after it. */
  readonly #days = new Map<number, readonly CalendarWindow[]>()
  #last: CalendarWindow = { startMs: -1, endMs: -1, nextStartMs: -1 }

  private constructor(calendar: Calendar, { grace = 0 }: CalendarOptions) {
    this.#calendar = calendar
    this.sizeMs = calendar.longestMs
    this.graceMs = durationMs(grace, 'grace')
    if (this.graceMs < 0) throw new InvalidArgumentError(`grace must not be negative, got ${this.graceMs} ms`)
  }

  /** From midnight to midnight in a zone such as `Europe/Paris`. @throws {InvalidArgumentError} when there is no such zone. */
  static days(zone: string, options: CalendarOptions = {}): CalendarWindows {
    return new CalendarWindows(dayCalendar(new TimeZone(zone)), options)
  }

  /** Seven days, from Monday unless another first day is named. */
  static weeks(zone: string, options: CalendarOptions & { readonly firstDay?: Weekday } = {}): CalendarWindows {
    return new CalendarWindows(weekCalendar(new TimeZone(zone), options.firstDay ?? 'monday'), options)
  }

  /** From the first of a month to the first of the next: 28 to 31 days, in which clocks may be set. */
  static months(zone: string, options: CalendarOptions = {}): CalendarWindows {
    return new CalendarWindows(monthCalendar(new TimeZone(zone)), options)
  }

  /**
   * A window begins whenever the wall clock comes to a multiple of 1, 2, 3, 4, 6, 8 or 12 hours. An hour that the clock repeats is a
   * window twice; one that it skips is none.
   */
  static hours(zone: string, hours: number, options: CalendarOptions = {}): CalendarWindows {
    return new CalendarWindows(hourCalendar(new TimeZone(zone), hours), options)
  }

  /** Hours of the week, such as opening hours; records outside of them are in no window, and not counted as dropped. */
  static schedule(zone: string, hours: readonly ScheduledHours[], options: CalendarOptions = {}): CalendarWindows {
    return new CalendarWindows(scheduleCalendar(new TimeZone(zone), hours), options)
  }

  /** Start of the window that a time falls into, as a list of one or none. */
  windowsFor(timestampMs: number): readonly number[] {
    return windowStartsFor(this, timestampMs)
  }

  /** Start of the earliest window that ends after this time; it is above the time when no window holds that. */
  firstStartMs(timestampMs: number): number {
    const last = this.#last
    if (timestampMs >= last.startMs && timestampMs < last.endMs) return last.startMs
    const window = this.#find(timestampMs, ({ endMs }) => endMs > timestampMs)
    this.#last = window
    return window.startMs
  }

  /** Start of the window after the one that starts here, whether they follow on one another or not. */
  nextStartMs(startMs: number): number {
    const last = this.#last
    if (startMs === last.startMs) return last.nextStartMs
    return this.#find(startMs, (window) => window.startMs > startMs).startMs
  }

  /** Of a start that is none (any more, because the zone was given other rules): the end of the window around it. */
  endMs(startMs: number): number {
    const last = this.#last
    if (startMs === last.startMs) return last.endMs
    return this.#find(startMs, ({ endMs }) => endMs > startMs).endMs
  }

  #find(timeMs: number, isIt: (window: CalendarWindow) => boolean): CalendarWindow {
    if (timeMs > LAST_MS) return NEVER
    const day = Math.floor(timeMs / DAY_MS)
    let windows = this.#days.get(day)
    if (windows === undefined) {
      windows = this.#windowsOf(day)
      if (this.#days.size >= KEPT_DAYS) this.#days.clear()
      this.#days.set(day, windows)
    }
    const found = windows.find(isIt)
    if (found === undefined)
      throw new InvalidArgumentError(`there is no window of the ${this.#calendar.name} at ${timeMs}`)
    return found
  }

  /** The local days that meet a day of UTC are the one before, the same and the one after; what starts a day earlier may go on. */
  #windowsOf(day: number): readonly CalendarWindow[] {
    const endMs = (day + 1) * DAY_MS
    const spans: Span[] = []
    let period = this.#calendar.periodOf(day - 2)
    const last = this.#calendar.periodOf(day + DAYS_AHEAD)
    for (let beyond = 0; period <= last && beyond < 2; period++) {
      for (const [startMs, spanEndMs] of this.#calendar.windowsIn(period)) {
        if (spanEndMs <= Math.max(0, day * DAY_MS) || beyond === 2) continue
        spans.push([Math.max(0, startMs), spanEndMs])
        if (startMs >= endMs) beyond++
      }
    }
    return spans.slice(0, -1).map(([startMs, spanEndMs], i) => {
      const next = spans[i + 1] as Span
      return { startMs, endMs: spanEndMs, nextStartMs: next[0] }
    })
  }
}
