import { describe, expect, it } from 'vitest'
import { CorruptStateError } from '../errors.ts'
import { indexRange, indexRowKey, indexStart, parseIndexRowKey } from './time-index.ts'
import { windowRowKey } from './window-keys.ts'

const PREFIX = Buffer.from([0, 7])

describe('index rows', () => {
  it('are prefix, 0x80, time, escaped key and terminator', () => {
    expect(indexRowKey(PREFIX, 258, Buffer.from('a\u0000b')).toString('hex')).toBe('0007800000000000000102610001620000')
    expect(indexRowKey(PREFIX, 0, Buffer.alloc(0)).toString('hex')).toBe('00078000000000000000000000')
  })

  it.each([
    [0, ''],
    [1_795_311_600_000, 'a'],
    [Number.MAX_SAFE_INTEGER, 'a\u0000\u0001\u0000'],
  ])('of %i and %j are read back', (timeMs, key) => {
    const parsed = parseIndexRowKey(indexRowKey(PREFIX, timeMs, Buffer.from(key)))
    expect(parsed).toEqual({ timeMs, key: Buffer.from(key) })
  })

  it('stand in the order of time, then key bytes, behind all rows of segments', () => {
    const keys = ['', '\u0000', '\u0000a', 'a', 'a\u0000', 'aa', 'b'].map((key) => Buffer.from(key))
    const rows = [0, 1, 255, 256].flatMap((timeMs) => keys.map((key) => indexRowKey(PREFIX, timeMs, key)))
    expect(rows.toSorted(Buffer.compare)).toEqual(rows)
    const lastSegment = windowRowKey(PREFIX, Number.MAX_SAFE_INTEGER, Buffer.from('z'), Number.MAX_SAFE_INTEGER, 0)
    expect(lastSegment.compare(rows[0] as Buffer)).toBe(-1)
  })

  it('of a range of times are one range', () => {
    const { gte, lt } = indexRange(PREFIX, 5, 9)
    const inside = (timeMs: number): boolean => {
      const row = indexRowKey(PREFIX, timeMs, Buffer.from([0xff, 0xff]))
      return row.compare(gte as Buffer) >= 0 && row.compare(lt as Buffer) < 0
    }
    expect([4, 5, 9, 10].map(inside)).toEqual([false, true, true, false])
    expect(indexStart(PREFIX, 10)).toEqual(lt)
  })

  it('that are too short are refused', () => {
    expect(() => parseIndexRowKey(Buffer.alloc(12))).toThrow(CorruptStateError)
  })
})
