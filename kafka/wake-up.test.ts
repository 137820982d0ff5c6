import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WakeUp } from './wake-up.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('however often it is asked to, it calls once per turn and per time', () => {
  const call = vi.fn()
  const wakeUp = new WakeUp(call)
  wakeUp.soon()
  wakeUp.soon()
  vi.advanceTimersByTime(0)
  expect(call).toHaveBeenCalledTimes(1)
  const nowMs = performance.now()
  wakeUp.at(nowMs + 50)
  wakeUp.at(nowMs + 80)
  wakeUp.at(nowMs + 20)
  vi.advanceTimersByTime(19)
  expect(call).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(200)
  expect(call).toHaveBeenCalledTimes(2)
  wakeUp.at(performance.now() - 5)
  vi.advanceTimersByTime(0)
  expect(call).toHaveBeenCalledTimes(3)
})

test('what was asked for is not called after it was cancelled', () => {
  const call = vi.fn()
  const wakeUp = new WakeUp(call)
  wakeUp.soon()
  wakeUp.at(performance.now() + 10)
  wakeUp.cancel()
  vi.advanceTimersByTime(100)
  expect(call).not.toHaveBeenCalled()
})
