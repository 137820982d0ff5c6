import { describe, expect, it } from 'vitest'
import type { Awaitable } from '../../../common/awaitable.ts'
import type { Punctuator } from '../../processors/processor.ts'
import { PunctuationQueue } from './punctuation.ts'

const run = (_node: string, punctuator: Punctuator, timestampMs: number): Awaitable<void> => punctuator(timestampMs)

function scheduled(intervalMs: number, firstMs: number) {
  const queue = new PunctuationQueue()
  const calls: number[] = []
  const cancellable = queue.schedule('node', intervalMs, firstMs, (t) => void calls.push(t))
  return { queue, calls, cancellable, at: (nowMs: number) => queue.punctuate(nowMs, run) }
}

describe('PunctuationQueue', () => {
  it.each([
    ['every interval, told the time that is now', 0, [0, 99, 100, 199, 200], [0, 100, 200]],
    ['missed calls collapse into one', 0, [0, 350], [0, 350]],
    ['later calls keep the phase of the first', 0, [0, 350, 399, 400, 450, 500], [0, 350, 400, 500]],
    ['a late first call keeps the phase too', 0, [1_234, 1_299, 1_300], [1_234, 1_300]],
    ['not before the first time', 50, [0, 49, 50, 149, 150], [50, 150]],
    ['exactly one interval late', 0, [0, 200, 201, 300], [0, 200, 300]],
  ])('%s', (_what, firstMs, times, expected) => {
    const { calls, at } = scheduled(100, firstMs)
    for (const time of times) void at(time)
    expect(calls).toEqual(expected)
  })

  it('says whether anything was due', () => {
    const { at } = scheduled(100, 10)
    expect([at(9), at(10), at(10)]).toEqual([false, true, false])
  })

  it('calls nothing that was cancelled, also from inside the call', () => {
    const { queue, calls, cancellable, at } = scheduled(100, 0)
    void at(0)
    cancellable.cancel()
    void at(100)
    expect(calls).toEqual([0])
    const own: number[] = []
    const self = queue.schedule('node', 100, 0, (t) => {
      own.push(t)
      self.cancel()
    })
    void at(100)
    void at(200)
    expect(own).toEqual([100])
    expect(queue.nextDueMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('calls the earliest first, and what a call schedules for now', () => {
    const queue = new PunctuationQueue()
    const calls: string[] = []
    queue.schedule('node', 100, 20, () => void calls.push('second'))
    queue.schedule('node', 100, 10, () => {
      calls.push('first')
      if (calls.length === 1) queue.schedule('node', 1_000, 15, () => void calls.push('new'))
    })
    void queue.punctuate(50, run)
    expect(calls).toEqual(['first', 'new', 'second'])
    expect(queue.nextDueMs).toBe(110)
  })

  it('waits for a call that waits before the next one', async () => {
    const queue = new PunctuationQueue()
    const calls: string[] = []
    queue.schedule('node', 100, 0, async () => {
      await Promise.resolve()
      calls.push('slow')
    })
    queue.schedule('node', 100, 1, () => void calls.push('next'))
    expect(await queue.punctuate(5, run)).toBe(true)
    expect(calls).toEqual(['slow', 'next'])
  })

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses an interval of %s ms', (intervalMs) => {
    expect(() => new PunctuationQueue().schedule('node', intervalMs, 0, () => {})).toThrow(/every 1 ms or more/)
  })
})
