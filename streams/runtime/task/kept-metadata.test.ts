import { expect, test } from 'vitest'
import { KeptMetadata } from './kept-metadata.ts'

test('numbers are those of the last commit until there are newer ones, and functions are asked at each commit', () => {
  const kept = new KeptMetadata()
  kept.resume(new Map([['time', 5]]))
  kept.resume(new Map([['time', 9], ['closed', 3]])) // biome-ignore format: one line
  expect([kept.get('time'), kept.get('closed'), kept.get('other')]).toEqual([9, 3, undefined])
  let time = -1
  kept.keep('time', () => time)
  kept.keep('closed', 4)
  expect(Object.fromEntries(kept.toCommit())).toEqual({ time: 9, closed: 4 })
  time = 12
  expect(Object.fromEntries(kept.toCommit())).toEqual({ time: 12, closed: 4 })
})
