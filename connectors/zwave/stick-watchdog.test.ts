import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StickWatchdog } from './stick-watchdog.ts'

describe('the watchdog of the stick', () => {
  let answers: (() => Promise<unknown>)[]
  let told: Error[]
  let watchdog: StickWatchdog
  const never = (): Promise<unknown> => new Promise(() => {})
  const fine = (): Promise<unknown> => Promise.resolve()
  const broken = (): Promise<unknown> => Promise.reject(new Error('no acknowledgement'))

  beforeEach(() => {
    vi.useFakeTimers()
    answers = []
    told = []
    watchdog = new StickWatchdog({
      probe: () => (answers.shift() ?? fine)(),
      onSilent: (error) => void told.push(error),
      intervalMs: 1000,
      timeoutMs: 200,
    })
    watchdog.start()
  })

  afterEach(() => {
    watchdog.stop()
    vi.useRealTimers()
  })

  it('takes a stick for alive that does not answer and has reports to pass on', async () => {
    answers = [never, never, never, never, never, never]
    for (let n = 0; n < 4; n++) {
      await vi.advanceTimersByTimeAsync(1100)
      watchdog.heard()
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(2400)
    expect(told).toHaveLength(1)
  })

  it.each([
    ['does not answer in time', never],
    ['answers with an error', broken],
  ])('tells once, after two probes in a row, that a stick %s', async (_, answer) => {
    answers = [answer, answer, answer, answer]
    await vi.advanceTimersByTimeAsync(1200)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(told).toHaveLength(1)
    expect(told[0]?.message).toContain('2 times in a row')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('forgives a single lost answer', async () => {
    answers = [broken, fine, never, fine, broken, fine]
    await vi.advanceTimersByTimeAsync(20_000)
    expect(told).toEqual([])
  })

  it('is quiet once it is stopped, even in the middle of a probe', async () => {
    answers = [never, never, never]
    await vi.advanceTimersByTimeAsync(2250)
    watchdog.stop()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
