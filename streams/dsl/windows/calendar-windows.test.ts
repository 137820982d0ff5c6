import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { CalendarWindows } from './calendar-windows.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const ZONES = [
  'Europe/Paris',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'Asia/Beirut',
  'Asia/Tehran',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'Antarctica/Casey',
  'Antarctica/Troll',
  'Pacific/Apia',
  'Asia/Kolkata',
]

const at = (text: string): number => Date.parse(text)
const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16)

/** The windows from one time on to another, as the class gives them. */
function spans(windows: CalendarWindows, fromMs: number, toMs: number): [number, number][] {
  const list: [number, number][] = []
  for (let start = windows.firstStartMs(fromMs); start < toMs; start = windows.nextStartMs(start))
    list.push([start, windows.endMs(start)])
  return list
}

/**
 * When the wall clock shows a later date than ever before, found by looking at it minute by minute in every hour (or half) in which the date
 * changes: nothing of the arithmetic under test is in it.
 */
function newDates(zone: string, fromMs: number, toMs: number): number[] {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone })
  const found: number[] = []
  let before = format.format(fromMs)
  let latest = before
  // A minute after midnight some clocks were set back: half hours find that.
  const stepMs = zone === 'America/St_Johns' ? HOUR_MS / 2 : HOUR_MS
  for (let step = fromMs; step < toMs; step += stepMs) {
    if (format.format(step + stepMs) === before) continue
    for (let ms = step + MINUTE_MS; ms <= step + stepMs; ms += MINUTE_MS) {
      before = format.format(ms)
      if (before <= latest) continue
      found.push(ms)
      latest = before
    }
  }
  return found
}

describe('days, weeks and months are where the wall clock shows a new date', () => {
  test.each(ZONES)('of %s, every day for years', (zone) => {
    const [from, to] = zone === 'Asia/Kolkata' ? [2026, 2027] : [2009, 2012]
    const [fromMs, toMs] = [Date.UTC(from, 0, 1), Date.UTC(to, 0, 1)]
    const dates = newDates(zone, fromMs, toMs)
    const days = spans(CalendarWindows.days(zone), fromMs, toMs)
    expect(days.slice(1).map(([start]) => start)).toEqual(dates.slice(0, days.length - 1))
    expect(dates.length - (days.length - 1)).toBeLessThanOrEqual(1)
    for (const [i, [, end]] of days.slice(0, -1).entries()) expect(end).toBe(days[i + 1]?.[0])

    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'long', day: 'numeric' })
    const starts = new Set(dates)
    // A zone that skips a date may skip a Monday or a first of the month.
    if (zone === 'Pacific/Apia') return
    const mondays = [...starts].filter((ms) => format.format(ms + HOUR_MS * 2).includes('Monday'))
    const weeks = spans(CalendarWindows.weeks(zone), fromMs, toMs).slice(1, -1)
    expect(weeks.map(([start]) => start)).toEqual(mondays.slice(0, weeks.length))
    const firsts = [...starts].filter((ms) => format.format(ms + HOUR_MS * 2).startsWith('1 '))
    const months = spans(CalendarWindows.months(zone), fromMs, toMs).slice(1, -1)
    expect(months.map(([start]) => start)).toEqual(firsts.slice(0, months.length))
    expect(months.length).toBeGreaterThan((to - from) * 12 - 3)
  })

  test('lengths of the days on which Paris sets its clocks', () => {
    const days = spans(CalendarWindows.days('Europe/Paris'), at('2026-03-27T12:00Z'), at('2026-10-27T00:00Z'))
    const odd = days.filter(([start, end]) => end - start !== 24 * HOUR_MS)
    expect(odd.map(([start, end]) => [iso(start), (end - start) / HOUR_MS])).toEqual([
      ['2026-03-28T23:00', 23],
      ['2026-10-24T22:00', 25],
    ])
  })

  test('a day that begins at 01:00, one that begins twice, and one that is not there', () => {
    const day = (zone: string, time: string): string[] =>
      spans(CalendarWindows.days(zone), at(time), at(time) + 1)
        .flat()
        .map(iso)
    expect(day('America/Sao_Paulo', '2018-11-04T12:00Z')).toEqual(['2018-11-04T03:00', '2018-11-05T02:00'])
    expect(day('America/Havana', '2026-11-01T12:00Z')).toEqual(['2026-11-01T04:00', '2026-11-02T05:00'])
    // 00:01 is set back to 23:01 of the day before: that hour belongs to the day that has begun.
    expect(day('America/St_Johns', '2008-11-02T03:00Z')).toEqual(['2008-11-02T02:30', '2008-11-03T03:30'])
    expect(day('Pacific/Apia', '2011-12-30T09:59Z')).toEqual(['2011-12-29T10:00', '2011-12-30T10:00'])
    expect(day('Pacific/Apia', '2011-12-30T10:00Z')).toEqual(['2011-12-30T10:00', '2011-12-31T10:00'])
  })

  test('a week begins on the day that is named', () => {
    const [first] = spans(
      CalendarWindows.weeks('America/New_York', { firstDay: 'sunday' }),
      at('2026-11-22T12:00Z'),
      at('2026-11-22T13:00Z'),
    )
    expect(first?.map(iso)).toEqual(['2026-11-22T05:00', '2026-11-29T05:00'])
  })

  test('no window starts before the epoch', () => {
    expect(spans(CalendarWindows.months('Europe/Paris'), 0, 1)[0]?.map(iso)).toEqual([
      '1970-01-01T00:00',
      '1970-01-31T23:00',
    ])
    expect(spans(CalendarWindows.days('America/New_York'), 0, 1)[0]?.map(iso)).toEqual([
      '1970-01-01T00:00',
      '1970-01-01T05:00',
    ])
  })
})

describe('hours', () => {
  test.each(['Europe/Paris', 'America/Havana', 'Asia/Beirut', 'Australia/Lord_Howe'])(
    'of %s begin when the wall clock shows a new one',
    (zone) => {
      const [fromMs, toMs] = [Date.UTC(2020, 1, 1), Date.UTC(2020, 10, 15)]
      const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
      const windows = spans(CalendarWindows.hours(zone, 1), fromMs, toMs)
      for (const [i, [start, end]] of windows.entries()) {
        if (i === 0) continue
        expect(windows[i - 1]?.[1]).toBe(start)
        const label = format.format(start).slice(0, 13)
        // Where half hours are skipped the clock does not show :00.
        if (end - start === HOUR_MS && zone !== 'Australia/Lord_Howe') expect(format.format(start).slice(14)).toBe('00')
        for (let ms = start; ms < end; ms += 15 * MINUTE_MS)
          if (format.format(ms).slice(0, 13) !== label)
            throw new Error(`${zone}: ${iso(ms)} is not in the hour ${label}`)
      }
    },
  )

  test('24 hours, 23 and 25; longer ones keep to the wall clock', () => {
    const count = (hours: number, from: string, to: string): string[] =>
      spans(CalendarWindows.hours('Europe/Paris', hours), at(from), at(to)).map(
        ([s, e]) => `${iso(s)} ${(e - s) / HOUR_MS}`,
      )
    expect(count(1, '2026-03-28T23:00Z', '2026-03-29T22:00Z')).toHaveLength(23)
    expect(count(1, '2026-10-24T22:00Z', '2026-10-25T23:00Z')).toHaveLength(25)
    expect(count(6, '2026-10-24T22:00Z', '2026-10-25T23:00Z')).toEqual([
      '2026-10-24T22:00 7',
      '2026-10-25T05:00 6',
      '2026-10-25T11:00 6',
      '2026-10-25T17:00 6',
    ])
    expect(count(2, '2026-03-28T23:00Z', '2026-03-29T04:00Z')).toEqual([
      '2026-03-28T23:00 2',
      '2026-03-29T01:00 1',
      '2026-03-29T02:00 2',
    ])
  })

  test('a day is a whole number of them', () => {
    expect(() => CalendarWindows.hours('UTC', 5)).toThrow(InvalidArgumentError)
  })
})

describe('a schedule', () => {
  const office = CalendarWindows.schedule('Europe/Paris', [
    { days: ['monday', 'tuesday', 'wednesday', 'thursday'], from: '08:00', to: '18:00' },
    { days: ['friday'], from: '08:00', to: '12:00' },
    { days: ['friday'], from: '22:00', to: '02:00' },
  ])

  test('has a window for each of its hours, and none between them', () => {
    expect(spans(office, at('2026-10-22T12:00Z'), at('2026-10-27T00:00Z')).map((s) => s.map(iso))).toEqual([
      ['2026-10-22T06:00', '2026-10-22T16:00'],
      ['2026-10-23T06:00', '2026-10-23T10:00'],
      ['2026-10-23T20:00', '2026-10-24T00:00'],
      ['2026-10-26T07:00', '2026-10-26T17:00'],
    ])
    expect(office.windowsFor(at('2026-10-22T05:59Z'))).toEqual([])
    expect(office.windowsFor(at('2026-10-22T06:00Z'))).toEqual([at('2026-10-22T06:00Z')])
    expect(office.windowsFor(at('2026-10-22T16:00Z'))).toEqual([])
    expect(office.windowsFor(at('2026-10-25T12:00Z'))).toEqual([])
  })

  test('leaves out hours that the clock skips', () => {
    const night = CalendarWindows.schedule('Europe/Paris', [{ days: ['sunday'], from: '02:10', to: '02:50' }])
    expect(spans(night, at('2026-03-20T00:00Z'), at('2026-04-06T00:00Z')).map((s) => s.map(iso))).toEqual([
      ['2026-03-22T01:10', '2026-03-22T01:50'],
      ['2026-04-05T00:10', '2026-04-05T00:50'],
    ])
  })

  test.each([
    [[]],
    [[{ days: ['monday'], from: '8:00', to: '18:00' }]],
    [[{ days: ['monday'], from: '08:00', to: '25:00' }]],
    [[{ days: ['monday'], from: '24:00', to: '02:00' }]],
    [[{ days: ['mon'], from: '08:00', to: '09:00' }]],
    [
      [
        { days: ['monday'], from: '08:00', to: '12:00' },
        { days: ['monday'], from: '11:59', to: '13:00' },
      ],
    ],
    [
      [
        { days: ['sunday'], from: '22:00', to: '06:00' },
        { days: ['monday'], from: '05:00', to: '07:00' },
      ],
    ],
    [
      [
        { days: ['saturday'], from: '22:00', to: '06:00' },
        { days: ['sunday'], from: '05:00', to: '07:00' },
      ],
    ],
  ])('%j is refused', (hours) => {
    expect(() => CalendarWindows.schedule('Europe/Paris', hours as never)).toThrow(InvalidArgumentError)
  })
})

test('no window is longer than its size, in zones with the largest jumps', () => {
  for (const zone of ['Antarctica/Casey', 'Antarctica/Vostok', 'Pacific/Kwajalein']) {
    for (const windows of [CalendarWindows.days(zone), CalendarWindows.hours(zone, 12), CalendarWindows.months(zone)])
      for (const [start, end] of spans(windows, Date.UTC(1993, 0, 1), Date.UTC(1995, 0, 1)))
        if (end - start > windows.sizeMs || end <= start) throw new Error(`${zone} ${iso(start)} ${iso(end)}`)
  }
})

test('the clock of the zone is asked once per day, not per record', () => {
  const windows = CalendarWindows.days('Europe/Paris')
  const original = Intl.DateTimeFormat.prototype.formatToParts
  let asked = 0
  Intl.DateTimeFormat.prototype.formatToParts = function (this: Intl.DateTimeFormat, ...args) {
    asked++
    return original.apply(this, args)
  }
  try {
    for (let ms = at('2026-03-01T00:00Z'); ms < at('2026-04-01T00:00Z'); ms += MINUTE_MS) {
      const start = windows.firstStartMs(ms)
      windows.endMs(start)
      windows.endMs(windows.firstStartMs(ms - 36 * HOUR_MS))
    }
  } finally {
    Intl.DateTimeFormat.prototype.formatToParts = original
  }
  expect(asked).toBeGreaterThan(0)
  expect(asked).toBeLessThan(34 * 64)
})

test('times that no calendar has are in no window', () => {
  for (const windows of [CalendarWindows.days('Europe/Paris'), CalendarWindows.months('Asia/Tokyo', { grace: '1d' })]) {
    expect(windows.windowsFor(8.64e15)).toEqual([])
    expect(windows.firstStartMs(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
    expect(windows.windowsFor(8.5e15)).toHaveLength(1)
    expect(windows.windowsFor(at('2026-01-01T00:00Z'))).toHaveLength(1)
  }
})

test('grace', () => {
  expect(CalendarWindows.days('UTC', { grace: '1h' }).graceMs).toBe(HOUR_MS)
  expect(() => CalendarWindows.days('UTC', { grace: -1 })).toThrow(InvalidArgumentError)
  expect(() => CalendarWindows.days('Mars/Olympus')).toThrow(InvalidArgumentError)
})
