import { describe, expect, it } from 'vitest'
import { Rate, SAMPLE_MS, Stat } from './sensors.ts'

describe('a stat', () => {
  it('knows nothing before the first value', () => {
    const stat = new Stat()
    expect([stat.total, stat.sum, stat.avg, stat.min, stat.max]).toEqual([0, 0, Number.NaN, Number.NaN, Number.NaN])
  })

  it('is over the running sample and the one before it; the total is over all', () => {
    const stat = new Stat()
    for (const value of [10, 20]) stat.record(value)
    stat.roll()
    stat.record(-3)
    expect([stat.total, stat.avg, stat.min, stat.max]).toEqual([3, 9, -3, 20])
    stat.roll()
    expect([stat.total, stat.avg, stat.min, stat.max]).toEqual([3, -3, -3, -3])
    stat.roll()
    expect([stat.total, stat.avg, stat.min, stat.max]).toEqual([3, Number.NaN, Number.NaN, Number.NaN])
  })
})

describe('a rate', () => {
  it('takes the first sample for a whole one, so that a burst at the start is no rate of thousands', () => {
    let total = 7
    const rate = new Rate(() => total, 1_000)
    total += 300
    expect(rate.perSecond(1_010)).toBe(10)
  })

  it('is over the running sample and the one before it', () => {
    let total = 0
    const rate = new Rate(() => total, 0)
    total = 600
    rate.roll(SAMPLE_MS)
    expect(rate.perSecond(2 * SAMPLE_MS)).toBe(10)
    rate.roll(2 * SAMPLE_MS)
    expect(rate.perSecond(2 * SAMPLE_MS)).toBe(0)
    total += 90
    expect(rate.perSecond(3 * SAMPLE_MS - SAMPLE_MS / 2)).toBe(2)
  })
})
