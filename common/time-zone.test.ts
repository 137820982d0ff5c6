import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from './errors.ts'
import { HOUR_MS, TimeZone } from './time-zone.ts'

const utc = (text: string): number => Date.parse(`${text}Z`)
const instants = (zone: string, local: string): readonly string[] =>
  new TimeZone(zone).instantsOf(utc(local)).map((ms) => new Date(ms).toISOString().slice(0, 19))

describe('the clock of a place', () => {
  test('is ahead of UTC by what Intl says, before the epoch and in seconds too', () => {
    expect(new TimeZone('Asia/Kathmandu').offsetMs(utc('2026-01-01T00:00'))).toBe(5.75 * HOUR_MS)
    expect(new TimeZone('Africa/Monrovia').offsetMs(utc('1970-06-01T00:00'))).toBe(-(44 * 60 + 30) * 1_000)
    expect(new TimeZone('Europe/Paris').offsetMs(utc('1960-01-01T00:00'))).toBe(HOUR_MS)
    expect(new TimeZone('UTC').offsetMs(1_500)).toBe(0)
  })

  test.each([
    ['an ordinary time', 'Europe/Paris', '2026-06-01T12:00', ['2026-06-01T10:00:00']],
    ['a skipped time is come to when the clock is set', 'Europe/Paris', '2026-03-29T02:30', ['2026-03-29T01:00:00']],
    ['the end of a gap', 'Europe/Paris', '2026-03-29T03:00', ['2026-03-29T01:00:00']],
    ['a repeated time', 'Europe/Paris', '2026-10-25T02:30', ['2026-10-25T00:30:00', '2026-10-25T01:30:00']],
    [
      'the start of a repeated hour',
      'Europe/Paris',
      '2026-10-25T02:00',
      ['2026-10-25T00:00:00', '2026-10-25T01:00:00'],
    ],
    ['the end of a repeated hour', 'Europe/Paris', '2026-10-25T03:00', ['2026-10-25T02:00:00']],
    ['no midnight', 'America/Sao_Paulo', '2018-11-04T00:00', ['2018-11-04T03:00:00']],
    ['set back at midnight, before it is shown', 'America/Sao_Paulo', '2018-02-18T00:00', ['2018-02-18T03:00:00']],
    ['midnight twice', 'America/Havana', '2026-11-01T00:00', ['2026-11-01T04:00:00', '2026-11-01T05:00:00']],
    ['a date that does not exist', 'Pacific/Apia', '2011-12-30T12:00', ['2011-12-30T10:00:00']],
    ['half an hour', 'Australia/Lord_Howe', '2026-10-04T02:15', ['2026-10-03T15:30:00']],
  ])('%s', (_what, zone, local, expected) => {
    expect(instants(zone, local)).toEqual(expected)
  })

  test('that is nowhere is refused', () => {
    expect(() => new TimeZone('Europe/Nowhere')).toThrow(InvalidArgumentError)
  })
})
