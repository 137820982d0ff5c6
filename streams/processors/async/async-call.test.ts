import { expect, it } from 'vitest'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import { backoffAfter, OpenCall } from './async-call.ts'

const retry = { attempts: 9, backoffMs: 100, maxBackoffMs: 1_000, jitter: 0.5, retryIf: () => true }

it.each([
  [1, 0, 100],
  [2, 0, 200],
  [4, 0, 800],
  [5, 0, 1_000],
  [1, 1, 50],
  [5, 0.5, 750],
])('the wait after attempt %i is doubled up to the maximum, less chance (%d): %i ms', (attempt, random, expected) => {
  expect(backoffAfter(attempt, retry, () => random)).toBe(expected)
})

it('a call that is aborted before its signal was asked for has an aborted one', () => {
  const call = new OpenCall({ timestampMs: 1, headers: EMPTY_HEADERS }, undefined, 1)
  call.abort(new Error('late'))
  expect(call.signal.aborted).toBe(true)
  expect(call.signal.reason).toEqual(new Error('late'))
})
