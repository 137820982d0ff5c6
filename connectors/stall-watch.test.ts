import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StallWatch } from './stall-watch.ts'

let stalls: number
let watch: StallWatch

beforeEach(() => {
  vi.useFakeTimers()
  stalls = 0
  watch = new StallWatch(1_000, () => stalls++)
})
afterEach(() => {
  vi.useRealTimers()
})

test('tells once that nothing moves', () => {
  watch.waits()
  vi.advanceTimersByTime(999)
  watch.waits()
  expect(stalls).toBe(0)
  vi.advanceTimersByTime(10_000)
  expect(stalls).toBe(1)
})

test('says nothing while things move, and tells of each stall', () => {
  watch.waits()
  for (let i = 0; i < 20; i++) {
    vi.advanceTimersByTime(700)
    watch.moved()
  }
  expect(stalls).toBe(0)
  vi.advanceTimersByTime(1_250)
  expect(stalls).toBe(1)
  watch.moved()
  vi.advanceTimersByTime(1_250)
  expect(stalls).toBe(2)
})

test('nothing stalls where nothing waits, and no timer is left', () => {
  watch.waits()
  vi.advanceTimersByTime(900)
  watch.idle()
  expect(vi.getTimerCount()).toBe(0)
  watch.waits()
  vi.advanceTimersByTime(900)
  expect(stalls).toBe(0)
})
