import { describe, expect, test } from 'vitest'
import { DeviceWatch } from './device-watch.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A device that has reported at these times. */
function watched(times: readonly number[], minSilenceMs = MINUTE): DeviceWatch {
  const watch = new DeviceWatch({ minSilenceMs })
  watch.expect('d', 0)
  for (const atMs of times) watch.heard('d', atMs)
  return watch
}
const everyFiveMinutes = Array.from({ length: 10 }, (_, i) => i * 5 * MINUTE)

describe('a device that is watched', () => {
  test('is unavailable when three times its interval has passed, told once, and back with its next report', () => {
    const watch = watched(everyFiveMinutes)
    expect(watch.check(60 * MINUTE)).toEqual([])
    expect(watch.check(60 * MINUTE + 1)).toEqual([
      {
        deviceId: 'd',
        isAvailable: false,
        sinceMs: 60 * MINUTE,
        lastSeenMs: 45 * MINUTE,
        expectedIntervalMs: 5 * MINUTE,
      },
    ])
    expect(watch.check(61 * MINUTE)).toEqual([])
    expect(watch.unavailable).toEqual(['d'])
    expect(watch.heard('d', 90 * MINUTE)).toMatchObject({ isAvailable: true, sinceMs: 90 * MINUTE })
    expect(watch.unavailable).toEqual([])
  })

  test('does not take the time that it was away for its interval', () => {
    const watch = watched(everyFiveMinutes)
    watch.check(2 * HOUR)
    watch.heard('d', 24 * HOUR)
    expect(watch.availability('d')?.expectedIntervalMs).toBe(5 * MINUTE)
    expect(watch.check(24 * HOUR + 16 * MINUTE)).toHaveLength(1)
  })

  test('may be silent for hours as long as its interval is not known', () => {
    const watch = watched([0, MINUTE])
    expect(watch.check(2 * HOUR)).toEqual([])
    expect(watch.check(4 * HOUR)).toMatchObject([{ expectedIntervalMs: null, lastSeenMs: MINUTE }])
  })

  test('is missed although it was never heard', () => {
    expect(watched([]).check(4 * HOUR)).toMatchObject([{ deviceId: 'd', lastSeenMs: null }])
  })

  test('reports several kinds at once without being held for one that reports every few milliseconds', () => {
    const times = everyFiveMinutes.flatMap((atMs) => [atMs, atMs + 20, atMs + 45])
    expect(watched(times).availability('d')?.expectedIntervalMs).toBeCloseTo(5 * MINUTE, -2)
  })

  test('is judged by its longest interval of late: one quiet night is no fault the next', () => {
    const watch = watched([0, MINUTE, 2 * MINUTE, 12 * MINUTE, 13 * MINUTE, 14 * MINUTE])
    expect(watch.check(14 * MINUTE + 30 * MINUTE)).toEqual([])
    expect(watch.check(14 * MINUTE + 31 * MINUTE)).toHaveLength(1)
  })

  test('is never held for unavailable before the shortest silence', () => {
    const watch = watched([0, 2_000, 4_000, 6_000], 10 * MINUTE)
    expect(watch.check(10 * MINUTE)).toEqual([])
    expect(watch.check(10 * MINUTE + 6_001)).toHaveLength(1)
  })

  test('that reports from long ago (a log that is read again) does not count as back', () => {
    const watch = watched(everyFiveMinutes)
    watch.check(10 * HOUR)
    expect(watch.heard('d', 44 * MINUTE)).toBeUndefined()
    expect(watch.unavailable).toEqual(['d'])
  })
})

test('devices that are not expected, or are forgotten, are not watched', () => {
  const watch = watched(everyFiveMinutes)
  watch.forget('d')
  expect(watch.heard('d', HOUR)).toBeUndefined()
  expect(watch.heard('other', HOUR)).toBeUndefined()
  expect(watch.check(100 * HOUR)).toEqual([])
  expect(watch.availability('d')).toBeUndefined()
})
