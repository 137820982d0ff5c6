import { describe, expect, it } from 'vitest'
import { JoinWindows, TimeWindows } from './windows.ts'

describe('TimeWindows', () => {
  it.each([
    ['tumbling, inside', TimeWindows.ofSizeWithNoGrace(12), 21, [12]],
    ['tumbling, at a start', TimeWindows.ofSizeWithNoGrace(12), 24, [24]],
    ['tumbling, just before an end', TimeWindows.ofSizeWithNoGrace(12), 23, [12]],
    ['hopping', TimeWindows.ofSizeWithNoGrace(12).advanceBy(5), 21, [10, 15, 20]],
    ['hopping, at a start', TimeWindows.ofSizeWithNoGrace(12).advanceBy(5), 20, [10, 15, 20]],
    ['hopping, near the epoch: no window before it', TimeWindows.ofSizeWithNoGrace(12).advanceBy(5), 3, [0]],
    ['hopping, at the epoch', TimeWindows.ofSizeWithNoGrace(10).advanceBy(3), 0, [0]],
    ['an advance that does not divide the size', TimeWindows.ofSizeWithNoGrace(10).advanceBy(4), 13, [4, 8, 12]],
    ['durations as text', TimeWindows.ofSizeAndGrace('5m', '1m'), 600_001, [600_000]],
  ])('finds the windows of a time: %s', (_what, windows, timestampMs, starts) => {
    expect(windows.windowsFor(timestampMs)).toEqual(starts)
  })

  it('keeps size and grace when it hops', () => {
    const { sizeMs, advanceMs, graceMs } = TimeWindows.ofSizeAndGrace('10s', '2s').advanceBy('5s')
    expect({ sizeMs, advanceMs, graceMs }).toEqual({ sizeMs: 10_000, advanceMs: 5_000, graceMs: 2_000 })
  })

  it.each([
    ['a size of 0', () => TimeWindows.ofSizeWithNoGrace(0), /size must be positive/],
    ['a negative size', () => TimeWindows.ofSizeWithNoGrace(-1), /size must be positive|negative/],
    ['a negative grace', () => TimeWindows.ofSizeAndGrace(1, -1), /grace must not be negative|negative/],
    ['an advance of 0', () => TimeWindows.ofSizeWithNoGrace(10).advanceBy(0), /advance by 1 to 10 ms/],
    ['an advance above the size', () => TimeWindows.ofSizeWithNoGrace(10).advanceBy(11), /advance by 1 to 10 ms/],
  ])('refuses %s', (_what, make, message) => {
    expect(make).toThrow(message)
  })
})

describe('JoinWindows', () => {
  it.each([
    ['both ways', JoinWindows.ofTimeDifferenceAndGrace(10, 5), [10, 10, 5, 20]],
    ['only before', JoinWindows.ofTimeDifferenceWithNoGrace(10).after(0), [10, 0, 0, 10]],
    ['only after', JoinWindows.ofTimeDifferenceWithNoGrace(10).before(0), [0, 10, 0, 10]],
    ['not sooner than 3 after', JoinWindows.ofTimeDifferenceWithNoGrace(10).before(-3), [-3, 10, 0, 7]],
    ['at the same time', JoinWindows.ofTimeDifferenceWithNoGrace(0), [0, 0, 0, 0]],
  ])('%s', (_what, { beforeMs, afterMs, graceMs, sizeMs }, expected) => {
    expect([beforeMs, afterMs, graceMs, sizeMs]).toEqual(expected)
  })

  it.each([
    ['a negative difference', () => JoinWindows.ofTimeDifferenceWithNoGrace(-1)],
    ['an end before the start', () => JoinWindows.ofTimeDifferenceWithNoGrace(3).before(-5).after(2)],
    ['a negative grace', () => JoinWindows.ofTimeDifferenceAndGrace(1, -1)],
  ])('refuses %s', (_what, make) => {
    expect(make).toThrow(/negative|holds nothing/)
  })
})
