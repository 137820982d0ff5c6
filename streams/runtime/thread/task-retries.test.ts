import { describe, expect, it } from 'vitest'
import { TaskTimeoutError } from '../../errors.ts'
import { TaskRetries } from './task-retries.ts'

const error = new Error('away')

describe('a task in trouble', () => {
  it('is tried again at growing intervals, each task by itself', () => {
    const retries = new TaskRetries(60_000, () => 0)
    expect(Array.from({ length: 8 }, () => retries.delayAfter('0_0', error))).toEqual([
      100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000,
    ])
    expect(retries.delayAfter('0_1', error)).toBe(100)
  })

  it('has its time from the first error on, and begins anew when it has got on', () => {
    let now = 0
    const retries = new TaskRetries(1_000, () => now)
    retries.delayAfter('0_0', error)
    now = 999
    retries.delayAfter('0_0', error)
    now = 1_000
    expect(() => retries.delayAfter('0_0', error)).toThrow(TaskTimeoutError)
    retries.over('0_0')
    expect(retries.delayAfter('0_0', error)).toBe(100)
  })

  it('begins anew when it has run for long, though it had nothing to commit', () => {
    let now = 0
    const retries = new TaskRetries(1_000, () => now)
    retries.delayAfter('0_0', error)
    retries.runs('0_0')
    now = 5_000
    expect(retries.delayAfter('0_0', error)).toBe(100)
    retries.runs('0_0')
    now = 5_999
    expect(retries.delayAfter('0_0', error)).toBe(200)
    now = 6_000
    expect(() => retries.delayAfter('0_0', error)).toThrow(TaskTimeoutError)
  })

  it('fails at once without time', () => {
    expect(() => new TaskRetries(0, () => 5).delayAfter('0_0', error)).toThrow(
      /task 0_0 made no progress for 0 ms: away/,
    )
  })

  it('has all the time where its state has to be restored, and is forgotten when it goes elsewhere', () => {
    let now = 0
    const retries = new TaskRetries(1_000, () => now)
    retries.backOff('0_0')
    now = 5_000
    expect(retries.backOff('0_0')).toBe(200)
    retries.keepOnly(new Set(['0_1']))
    expect(retries.backOff('0_0')).toBe(100)
  })
})
