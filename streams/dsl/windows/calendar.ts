import { InvalidArgumentError } from '../../../common/errors.ts'
import { DAY_MS, HOUR_MS, type TimeZone } from '../../../common/time-zone.ts'

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4
/** No clock has been set back by more since 1970 (Vostok, Antarctica, 1994); where people live it is an hour or two. */
const SET_BACK_MS = 7 * HOUR_MS

export type Weekday = (typeof WEEKDAYS)[number]

/** Opening hours: on these days from a time of the wall clock to another, on the next day when that is not later. `24:00` is the end of a day. */
export interface ScheduledHours {
  readonly days: readonly Weekday[]
  /** Such as `08:30`. */
  readonly from: string
  readonly to: string
}

/** An interval [startMs, endMs). */
export type Span = readonly [startMs: number, endMs: number]

/** Windows of one kind in one time zone. Local days are numbered from 1970-01-01 = 0. */
export interface Calendar {
  /** Shown in errors. */
  readonly name: string
  readonly longestMs: number
  /** The period (day, week, month) that a local day is in. */
  periodOf(localDay: number): number
  /** The windows that start in a period, earliest first. */
  windowsIn(period: number): readonly Span[]
}

/** From midnight to midnight. A day that a zone skips has no window. */
export function dayCalendar(zone: TimeZone): Calendar {
  return {
    name: `days of ${zone.name}`,
    longestMs: DAY_MS + SET_BACK_MS,
    periodOf: (day) => day,
    windowsIn: (day) => between(zone, day, day + 1),
  }
}

export function weekCalendar(zone: TimeZone, firstDay: Weekday): Calendar {
  const first = weekdayNumber(firstDay) - EPOCH_WEEKDAY
  return {
    name: `weeks of ${zone.name}`,
    longestMs: 7 * DAY_MS + SET_BACK_MS,
    periodOf: (day) => Math.floor((day - first) / 7),
    windowsIn: (week) => between(zone, week * 7 + first, week * 7 + first + 7),
  }
}

export function monthCalendar(zone: TimeZone): Calendar {
  return {
    name: `months of ${zone.name}`,
    longestMs: 31 * DAY_MS + SET_BACK_MS,
    periodOf: (day) => {
      const date = new Date(day * DAY_MS)
      return date.getUTCFullYear() * 12 + date.getUTCMonth()
    },
    windowsIn: (month) => between(zone, firstOfMonth(month), firstOfMonth(month + 1)),
  }
}

/**
 * A window begins whenever the wall clock comes to a multiple of so many hours, so an hour that is repeated is two windows, and one that
 * is skipped is none. @throws {InvalidArgumentError} when a day is no multiple of it.
 */
export function hourCalendar(zone: TimeZone, hours: number): Calendar {
  if (![1, 2, 3, 4, 6, 8, 12].includes(hours))
    throw new InvalidArgumentError(`a day can be cut into windows of 1, 2, 3, 4, 6, 8 or 12 hours, not of ${hours}`)
  return {
    name: `${hours}-hour windows of ${zone.name}`,
    longestMs: hours * HOUR_MS + SET_BACK_MS,
    periodOf: (day) => day,
    windowsIn: (day) => {
      const endMs = zone.firstInstantOf((day + 1) * DAY_MS)
      const starts = new Set<number>([zone.firstInstantOf(day * DAY_MS)])
      for (let hour = 0; hour < 24; hour += hours)
        for (const instant of zone.instantsOf(day * DAY_MS + hour * HOUR_MS)) if (instant < endMs) starts.add(instant)
      const bounds = [...starts].sort((a, b) => a - b)
      return bounds.map((startMs, i): Span => [startMs, bounds[i + 1] ?? endMs]).filter(notEmpty)
    },
  }
}

/** @throws {InvalidArgumentError} when hours cannot be read or overlap, or there are none. */
export function scheduleCalendar(zone: TimeZone, schedule: readonly ScheduledHours[]): Calendar {
  const week: (readonly [fromMs: number, toMs: number])[][] = WEEKDAYS.map(() => [])
  let longestMs = 0
  for (const { days, from, to } of schedule) {
    const fromMs = timeOfDayMs(from)
    const end = timeOfDayMs(to)
    const toMs = end > fromMs ? end : end + DAY_MS
    longestMs = Math.max(longestMs, toMs - fromMs)
    if (fromMs === DAY_MS) throw new InvalidArgumentError('hours cannot begin at 24:00: write 00:00 of the next day')
    for (const day of new Set(days)) week[weekdayNumber(day)]?.push([fromMs, toMs])
  }
  if (longestMs === 0 || week.every((day) => day.length === 0))
    throw new InvalidArgumentError('a schedule needs hours on one day of the week at least')
  for (const day of week) day.sort((a, b) => a[0] - b[0])
  requireApart(week)
  return {
    name: `schedule in ${zone.name}`,
    longestMs: longestMs + SET_BACK_MS,
    periodOf: (day) => day,
    windowsIn: (day) =>
      (week[modulo(day + EPOCH_WEEKDAY, 7)] ?? [])
        .map(
          ([fromMs, toMs]): Span => [
            zone.firstInstantOf(day * DAY_MS + fromMs),
            zone.firstInstantOf(day * DAY_MS + toMs),
          ],
        )
        .filter(notEmpty),
  }
}

function requireApart(week: readonly (readonly (readonly [fromMs: number, toMs: number])[])[]): void {
  const all = [...week, week[0] ?? []].flatMap((hours, day) =>
    hours.map(([fromMs, toMs]) => [day * DAY_MS + fromMs, day * DAY_MS + toMs] as const),
  )
  for (const [i, [fromMs]] of all.entries()) {
    const before = all[i - 1]
    if (before !== undefined && fromMs < before[1])
      throw new InvalidArgumentError(
        `hours of a schedule overlap on ${WEEKDAYS[Math.floor(fromMs / DAY_MS) % 7]}: windows of a calendar do not`,
      )
  }
}

function between(zone: TimeZone, fromDay: number, toDay: number): readonly Span[] {
  const span: Span = [zone.firstInstantOf(fromDay * DAY_MS), zone.firstInstantOf(toDay * DAY_MS)]
  return notEmpty(span) ? [span] : []
}

function notEmpty([startMs, endMs]: Span): boolean {
  return startMs < endMs
}

function firstOfMonth(month: number): number {
  return Date.UTC(Math.floor(month / 12), modulo(month, 12), 1) / DAY_MS
}

function weekdayNumber(day: Weekday): number {
  const number = WEEKDAYS.indexOf(day)
  if (number < 0) throw new InvalidArgumentError(`${JSON.stringify(day)} is no day of the week: write monday`)
  return number
}

function timeOfDayMs(text: string): number {
  const match = /^(\d\d):(\d\d)$/.exec(text)
  const [hours, minutes] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || minutes > 59 || hours * 60 + minutes > 24 * 60)
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no time of day: write one as 08:30`)
  return (hours * 60 + minutes) * 60_000
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
