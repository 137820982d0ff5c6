import { describe, expect, it } from 'vitest'
import { decodePartitionTime, encodePartitionTime } from './partition-metadata.ts'

describe('the partition time that is committed beside an offset', () => {
  it.each([
    [0, 'AgAAAAAAAAAA'],
    [258, 'AgAAAAAAAAEC'],
    [1_795_311_600_000, 'AgAAAaIA6QGA'],
  ])('%i is %s, and back', (timeMs, text) => {
    expect(encodePartitionTime(timeMs)).toBe(text)
    expect(decodePartitionTime(text)).toBe(timeMs)
  })

  it.each([
    ['nothing', undefined, -1],
    ['an empty text', '', -1],
    ['what another client committed', 'hello', -1],
    [
      'the first version, without metadata of processors',
      Buffer.from('010000000000000007', 'hex').toString('base64'),
      7,
    ],
    [
      'the metadata of a Java processor behind it',
      Buffer.from('02000000000000000700000000', 'hex').toString('base64'),
      7,
    ],
    ['a version of the future', Buffer.from('030000000000000007', 'hex').toString('base64'), -1],
  ])('read from %s', (_what, text, timeMs) => {
    expect(decodePartitionTime(text)).toBe(timeMs)
  })
})
