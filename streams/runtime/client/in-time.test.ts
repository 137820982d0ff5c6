import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inTime, timeoutMs } from './in-time.ts'

test.each([
  [1, 1_000, true],
  [1, Number.POSITIVE_INFINITY, true],
  [200, 5, false],
])('work of %i ms is done within %d ms: %s', async (workMs, withinMs, expected) => {
  expect(await inTime(sleep(workMs), withinMs)).toBe(expected)
})

test('work that fails in time is told', async () => {
  await expect(inTime(Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no')
})

test('a time-out is a duration, or for ever', () => {
  expect([timeoutMs('2s'), timeoutMs(7), timeoutMs(undefined)]).toEqual([2_000, 7, Number.POSITIVE_INFINITY])
})
