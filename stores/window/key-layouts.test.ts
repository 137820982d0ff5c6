import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { CorruptStateError } from '../errors.ts'
import { keyAfterPrefix, readInt64, writeInt64 } from '../shared/bytes.ts'
import { keyValuePrefixRange, keyValueRange, keyValueRowKey } from '../shared/key-value-keys.ts'
import { decodeRowValue, encodeRowValue } from '../shared/row-value.ts'
import { segmentIntervalMs, segmentStart } from './segment-keys.ts'
import {
  keyWindowsRange,
  parseWindowChangelogKey,
  parseWindowRowKey,
  segmentWindowsRange,
  windowChangelogKey,
  windowRowKey,
} from './window-keys.ts'
import { decodeWindowState, encodeWindowState } from './window-state.ts'

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex')
const prefix = hex('0007')
const keys = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes.map((b) => (b % 3 === 0 ? 0 : b % 5))))

describe('int64', () => {
  it.each([0, 1, -1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 1_795_311_704_123, Number.MAX_SAFE_INTEGER])(
    'is written as Kafka writes %s, and read back',
    (value) => {
      const bytes = Buffer.alloc(10)
      expect(writeInt64(bytes, value, 1)).toBe(9)
      expect(bytes.readBigInt64BE(1)).toBe(BigInt(value))
      expect(readInt64(bytes, 1)).toBe(value)
    },
  )
})

describe('the key after a prefix', () => {
  it.each([
    ['0007', '0008'],
    ['00ff', '01'],
    ['61ffff', '62'],
  ])('of %s is %s', (of, after) => expect(keyAfterPrefix(hex(of))).toEqual(hex(after)))

  it('does not exist when all bytes are 0xff', () => expect(keyAfterPrefix(hex('ffff'))).toBeUndefined())
})

describe('rows of key-value stores', () => {
  it('are the store prefix and the key', () =>
    expect(keyValueRowKey(prefix, Buffer.from('ab'))).toEqual(hex('0007 6162')))

  it.each([
    [undefined, undefined, { gte: hex('0007'), lt: hex('0008') }],
    ['61', '62', { gte: hex('000761'), lte: hex('000762') }],
    ['', undefined, { gte: hex('0007'), lt: hex('0008') }],
    [undefined, '', { gte: hex('0007'), lte: hex('0007') }],
    ['62', '61', undefined],
  ])('from %s to %s are one range', (from, to, range) => {
    expect(
      keyValueRange(prefix, from === undefined ? undefined : hex(from), to === undefined ? undefined : hex(to)),
    ).toEqual(range)
  })

  it('with a prefix are one range', () =>
    expect(keyValuePrefixRange(prefix, hex('61ff'))).toEqual({ gte: hex('000761ff'), lt: hex('000762') }))
})

describe('the changelog key of a window', () => {
  it('is key, start and sequence number, as in WindowKeySchema', () => {
    const key = windowChangelogKey(Buffer.from('key'), 1_795_311_704_123, 5)
    expect(key).toEqual(
      hex(
        '6b6579 000001a20203103b 00000005'.replace(
          '000001a20203103b',
          1_795_311_704_123n.toString(16).padStart(16, '0'),
        ),
      ),
    )
    expect(parseWindowChangelogKey(key)).toEqual({
      key: Buffer.from('key'),
      windowStartMs: 1_795_311_704_123,
      sequence: 5,
    })
  })

  it('may have an empty key, but not less', () => {
    expect(parseWindowChangelogKey(windowChangelogKey(Buffer.alloc(0), 0, 0)).key).toHaveLength(0)
    expect(() => parseWindowChangelogKey(Buffer.alloc(11))).toThrow(CorruptStateError)
  })
})

describe('the row key of a window', () => {
  it('is prefix, segment, escaped key, terminator, start and sequence number', () => {
    expect(windowRowKey(prefix, 3, hex('61006200'), 256, 1)).toEqual(
      hex('0007 0000000000000003 61 0001 62 0001 0000 0000000000000100 00000001'),
    )
    expect(windowRowKey(prefix, 0, Buffer.alloc(0), 0, 0)).toHaveLength(24)
    expect(() => parseWindowRowKey(Buffer.alloc(23))).toThrow(CorruptStateError)
    expect(segmentStart(prefix, 256)).toEqual(hex('0007 0000000000000100'))
  })

  it('gives its parts back', () => {
    fc.assert(
      fc.property(keys, fc.maxSafeNat(), fc.nat(0x7fffffff), (key, windowStartMs, sequence) => {
        const parsed = parseWindowRowKey(windowRowKey(prefix, 9, key, windowStartMs, sequence))
        expect(parsed).toEqual({ key, windowStartMs, sequence })
      }),
    )
  })

  it('orders by segment, key, start, sequence number, whatever bytes are in the key', () => {
    const row = fc.tuple(fc.nat(2), keys, fc.nat(70_000), fc.nat(300))
    fc.assert(
      fc.property(row, row, (a, b) => {
        const order = Math.sign(a[0] - b[0] || a[1].compare(b[1]) || a[2] - b[2] || a[3] - b[3])
        expect(windowRowKey(prefix, ...a).compare(windowRowKey(prefix, ...b))).toBe(order)
      }),
      { numRuns: 2000 },
    )
  })

  it('is in the range of its key and no other, and of the key ranges it belongs to', () => {
    fc.assert(
      fc.property(keys, keys, keys, fc.nat(100), (key, from, to, start) => {
        const row = windowRowKey(prefix, 1, key, start, 7)
        const own = keyWindowsRange(prefix, 1, from, 10, 50)
        const isInOwn = row.compare(own.gte as Buffer) >= 0 && row.compare(own.lte as Buffer) <= 0
        expect(isInOwn).toBe(key.equals(from) && start >= 10 && start <= 50)
        const range = segmentWindowsRange(prefix, 1, from, to)
        const isInRange =
          range !== undefined && row.compare(range.gte as Buffer) >= 0 && row.compare(range.lte as Buffer) <= 0
        expect(isInRange).toBe(key.compare(from) >= 0 && key.compare(to) <= 0)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    [0, 60_000],
    [119_999, 60_000],
    [120_001, 60_000],
    [600_000, 300_000],
    [600_001, 300_000],
  ])('with a retention of %i ms stands in segments of %i ms', (retention, interval) =>
    expect(segmentIntervalMs(retention)).toBe(interval),
  )
})

describe('a row value', () => {
  it('is a format byte, the timestamp and the payload', () => {
    expect(encodeRowValue(258, [], Buffer.from('ab'))).toEqual(hex('00 0000000000000102 6162'))
    expect(decodeRowValue(hex('00 ffffffffffffffff'))).toEqual({
      timestampMs: -1,
      headers: [],
      payload: Buffer.alloc(0),
    })
  })

  it('has its headers before the payload', () => {
    const headers = [
      { key: 'a', value: hex('ff') },
      { key: 'a', value: null },
      { key: 'ü', value: Buffer.alloc(0) },
    ]
    const row = encodeRowValue(1, headers, Buffer.from('p'))
    expect(row).toEqual(
      hex('01 0000000000000001 00000003 00000001 61 00000001 ff 00000001 61 ffffffff 00000002 c3bc 00000000 70'),
    )
    expect(decodeRowValue(row)).toEqual({ timestampMs: 1, headers, payload: Buffer.from('p') })
  })

  it.each([
    '',
    '00',
    '0000000000000000',
    '02 0000000000000001',
    '01 0000000000000001 00',
    '01 0000000000000001 00000001 000000ff 61',
  ])('is refused when it is %j', (bytes) => expect(() => decodeRowValue(hex(bytes))).toThrow(CorruptStateError))
})

describe('the state of a window store', () => {
  it('is stream time, last sequence number and segments', () => {
    const state = { observedStreamTimeMs: 257, lastSequence: 3, segments: [1, 2] }
    expect(encodeWindowState(state)).toEqual(hex('01 0000000000000101 00000003 0000000000000001 0000000000000002'))
    expect(decodeWindowState(encodeWindowState(state))).toEqual(state)
  })

  it.each(['', '02', '01 00', '02 0000000000000101 00000003', '01 0000000000000101 00000003 00'])(
    'is refused when it is %j',
    (bytes) => expect(() => decodeWindowState(hex(bytes))).toThrow(CorruptStateError),
  )
})
