import { describe, expect, it } from 'vitest'
import { decodePartitionMetadata, encodePartitionMetadata, mergeProcessorMetadata } from './partition-metadata.ts'

const NONE = new Map<string, number>()

describe('the partition time that is committed beside an offset', () => {
  it.each([
    [0, 'AgAAAAAAAAAA'],
    [258, 'AgAAAAAAAAEC'],
    [1_795_311_600_000, 'AgAAAaIA6QGA'],
  ])('%i is %s, and back', (timeMs, text) => {
    expect(encodePartitionMetadata(timeMs, NONE)).toBe(text)
    expect(decodePartitionMetadata(text)).toEqual({ partitionTimeMs: timeMs, processors: NONE })
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
    ['an empty map of processors', Buffer.from('02000000000000000700000000', 'hex').toString('base64'), 7],
    ['a map that ends too early', Buffer.from('02000000000000000700000001', 'hex').toString('base64'), 7],
    [
      'a map with a name that ends too early',
      Buffer.from('0200000000000000070000000100000009616263', 'hex').toString('base64'),
      7,
    ],
    ['a version of the future', Buffer.from('030000000000000007', 'hex').toString('base64'), -1],
  ])('read from %s', (_what, text, timeMs) => {
    expect(decodePartitionMetadata(text)).toEqual({ partitionTimeMs: timeMs, processors: NONE })
  })
})

// Written by Kafka Streams 4.3.1: TopicPartitionMetadata.encode().
describe("the processors' numbers beside it", () => {
  const one = new Map([['KSTREAM-AGGREGATE-STATE-STORE-0000000001', 1_234_567_890_123]])
  const many = new Map([
    ...one,
    ['a', 1],
    ['zimmer-ä', 2],
    ['room-average', 3],
    ['b', -1],
    ...Array.from({ length: 10 }, (_, i): [string, number] => [`store-${i}`, i]),
  ])

  it.each([
    ['of one', 258, one, 'AgAAAAAAAAECAAAAAQAAAChLU1RSRUFNLUFHR1JFR0FURS1TVEFURS1TVE9SRS0wMDAwMDAwMDAxAAABH3H7BMs='],
    [
      'of many, in the order of a Java map',
      0,
      many,
      'AgAAAAAAAAAAAAAADwAAAAFhAAAAAAAAAAEAAAABYv//////////AAAAKEtTVFJFQU0tQUdHUkVHQVRFLVNUQVRFLVNUT1JFLTAwMDAwMDAwMDEAAAEfcfsEywAAAAdzdG9yZS0wAAAAAAAAAAAAAAAHc3RvcmUtMQAAAAAAAAABAAAAB3N0b3JlLTIAAAAAAAAAAgAAAAdzdG9yZS0zAAAAAAAAAAMAAAAHc3RvcmUtNAAAAAAAAAAEAAAADHJvb20tYXZlcmFnZQAAAAAAAAADAAAAB3N0b3JlLTUAAAAAAAAABQAAAAdzdG9yZS02AAAAAAAAAAYAAAAHc3RvcmUtNwAAAAAAAAAHAAAAB3N0b3JlLTgAAAAAAAAACAAAAAdzdG9yZS05AAAAAAAAAAkAAAAJemltbWVyLcOkAAAAAAAAAAI=',
    ],
  ])('%s', (_what, timeMs, processors, text) => {
    expect(encodePartitionMetadata(timeMs, processors)).toBe(text)
    expect(decodePartitionMetadata(text)).toEqual({ partitionTimeMs: timeMs, processors })
  })

  it('are left out of metadata that a broker would refuse, where they are only the times of operators', () => {
    const times = Array.from({ length: 90 }, (_, i): [string, number] => [`~KSTREAM-AGGREGATE-00000000${i}`, i])
    const text = encodePartitionMetadata(7, new Map([['counts', 5], ...times]))
    expect(decodePartitionMetadata(text)).toEqual({ partitionTimeMs: 7, processors: new Map([['counts', 5]]) })
    const fits = new Map([['counts', 5], ...times.slice(0, 60)] as const)
    expect(decodePartitionMetadata(encodePartitionMetadata(7, fits)).processors).toEqual(fits)
  })

  it('found on several inputs: the higher one counts', () => {
    const merged = new Map([
      ['a', 5],
      ['b', 1],
    ])
    mergeProcessorMetadata(
      merged,
      new Map([
        ['a', 4],
        ['b', 2],
        ['c', 0],
      ]),
    )
    expect([...merged]).toEqual([
      ['a', 5],
      ['b', 2],
      ['c', 0],
    ])
  })
})
