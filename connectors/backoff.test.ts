import { expect, test } from 'vitest'
import { backoffMs } from './backoff.ts'

test.each([
  [0, 0, 250],
  [0, 1, 500],
  [1, 1, 1000],
  [3, 1, 4_000],
  [4, 1, 4_000],
  [1000, 1, 4_000],
  [1000, 0, 2_000],
])('attempt %i with chance %d waits %i ms', (attempt, random, expected) => {
  expect(backoffMs(attempt, { random: () => random })).toBe(expected)
})
