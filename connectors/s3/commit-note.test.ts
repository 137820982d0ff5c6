import { expect, test } from 'vitest'
import { cutOf, withCut } from './commit-note.ts'

test('a cut is read back from what was committed', () => {
  expect(cutOf(withCut(10, 25))).toBe(25)
  expect(cutOf(withCut(10, undefined))).toBeUndefined()
})

test.each([
  undefined,
  { offset: 3 },
  { offset: 3, metadata: '' },
  { offset: 3, metadata: "somebody else's" },
  { offset: 3, metadata: 'brook-s3 cut=3' },
  { offset: 3, metadata: 'brook-s3 cut=x' },
])('%j has none', (committed) => {
  expect(cutOf(committed)).toBeUndefined()
})
