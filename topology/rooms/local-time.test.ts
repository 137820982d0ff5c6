import { describe, expect, it } from 'vitest'
import { roomRules } from '../testing/fixtures.ts'
import { dayPhase } from './day-phase.ts'
import { clockText, isWithin, localTime } from './local-time.ts'

const at = (text: string) => Date.parse(text)

describe('the local time', () => {
  it.each([
    ['2026-10-15T10:00:00Z', 'Europe/Zurich', '2026-10-15', '12:00'],
    ['2026-10-15T22:30:00Z', 'Europe/Zurich', '2026-10-16', '00:30'],
    // 25 October: the clock goes back from 3:00 to 2:00.
    ['2026-10-25T00:30:00Z', 'Europe/Zurich', '2026-10-25', '02:30'],
    ['2026-10-25T01:30:00Z', 'Europe/Zurich', '2026-10-25', '02:30'],
    ['2026-10-25T18:00:00Z', 'Europe/Zurich', '2026-10-25', '19:00'],
    // 29 March: from 2:00 to 3:00.
    ['2026-03-29T00:59:00Z', 'Europe/Zurich', '2026-03-29', '01:59'],
    ['2026-03-29T01:00:00Z', 'Europe/Zurich', '2026-03-29', '03:00'],
    ['2026-03-29T17:00:00Z', 'Europe/Zurich', '2026-03-29', '19:00'],
    ['2026-06-01T12:00:00Z', 'Asia/Kathmandu', '2026-06-01', '17:45'],
    ['2026-06-01T12:00:00Z', 'No/Where', '2026-06-01', '12:00'],
  ])('at %s in %s is %s %s', (time, zone, date, clock) => {
    expect(localTime(at(time), zone).date).toBe(date)
    expect(clockText(at(time), zone)).toBe(clock)
  })

  it.each([
    [1140, 1140, 420, true],
    [1139, 1140, 420, false],
    [0, 1140, 420, true],
    [419, 1140, 420, true],
    [420, 1140, 420, false],
    [600, 540, 660, true],
    [660, 540, 660, false],
    [300, 300, 300, false],
  ])('minute %i is in [%i, %i): %s', (minute, from, until, inside) => {
    expect(isWithin(minute, from, until)).toBe(inside)
  })
})

describe('the phase of the day', () => {
  it.each([
    ['2026-10-15T16:59:59Z', '2026-10-15T07:00'],
    ['2026-10-15T17:00:00Z', '2026-10-15T19:00'],
    ['2026-10-15T22:00:00Z', '2026-10-16T00:00'],
    // The evening of a day with a change of the clocks begins at 19:00 of that day.
    ['2026-10-25T17:59:59Z', '2026-10-25T07:00'],
    ['2026-10-25T18:00:00Z', '2026-10-25T19:00'],
    ['2026-03-29T16:59:59Z', '2026-03-29T07:00'],
    ['2026-03-29T17:00:00Z', '2026-03-29T19:00'],
  ])('at %s is the one that began at %s', (time, phase) => {
    expect(dayPhase(at(time), roomRules())).toBe(phase)
  })

  it('begins after the gap when its boundary is not on the clock that day', () => {
    const rules = roomRules({ morningUntilMinuteOfDay: 150 })
    expect(dayPhase(at('2026-03-29T00:59:59Z'), rules)).toBe('2026-03-29T00:00')
    expect(dayPhase(at('2026-03-29T01:00:00Z'), rules)).toBe('2026-03-29T02:30')
  })

  it('does not go back with the clock', () => {
    const rules = roomRules({ morningUntilMinuteOfDay: 120 })
    const phases = ['00:00', '00:30', '01:00', '01:30'].map((t) => dayPhase(at(`2026-10-25T${t}:00Z`), rules))
    expect(new Set(phases)).toEqual(new Set(['2026-10-25T02:00']))
  })
})
