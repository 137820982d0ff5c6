import { expect, test } from 'vitest'
import { HourPath } from './hour-path.ts'

test.each([
  ['UTC', Date.UTC(2026, 0, 1, 0, 0, 0), '2026/01/01/00'],
  ['UTC', Date.UTC(2026, 0, 1, 0, 0, 0) - 1, '2025/12/31/23'],
  ['UTC', 0, '1970/01/01/00'],
  ['UTC', Date.UTC(9999, 11, 31, 23, 59, 59, 999), '9999/12/31/23'],
  ['Europe/Zurich', Date.UTC(2026, 6, 1, 22, 30), '2026/07/02/00'],
  ['Asia/Kolkata', Date.UTC(2026, 10, 22, 10, 29, 59, 999), '2026/11/22/15'],
  ['Asia/Kolkata', Date.UTC(2026, 10, 22, 10, 30), '2026/11/22/16'],
])('in %s, %d is of hour %s', (zone, instantMs, hour) => {
  const hours = new HourPath(zone)
  expect(hours.of(instantMs)).toBe(hour)
  expect(hours.of(instantMs)).toBe(hour)
})

test('the hour that a clock set back shows twice has one name', () => {
  const hours = new HourPath('Europe/Zurich')
  const twice = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)]
  expect(twice.map((instantMs) => hours.of(instantMs))).toEqual(['2026/10/25/02', '2026/10/25/02'])
})

test.each([-1, Number.NaN, Date.UTC(10_000, 0, 1), 9e15])('%d is no time', (instantMs) => {
  expect(new HourPath().of(instantMs)).toBeUndefined()
})

test('a zone that is none is refused', () => {
  expect(() => new HourPath('Mars/Base')).toThrow('Mars/Base')
})
