import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { CorruptStateError } from '../errors.ts'
import {
  keySessionsRange,
  parseSessionChangelogKey,
  parseSessionRowKey,
  segmentSessionsRange,
  sessionChangelogKey,
  sessionRowKey,
} from './session-keys.ts'

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex')
const prefix = hex('0007')
const keys = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes.map((b) => (b % 3 === 0 ? 0 : b % 5))))
const session = fc
  .tuple(fc.nat(2 ** 40), fc.nat(2 ** 40))
  .map(([start, length]) => ({ startMs: start, endMs: start + length }))
const segmentOf = (endMs: number): number => Math.floor(endMs / 60_000)

describe('the changelog key of a session', () => {
  it('is key, end and start, as in SessionKeySchema', () => {
    const key = sessionChangelogKey(Buffer.from('key'), 50, 100)
    expect(key).toEqual(hex('6b6579 0000000000000064 0000000000000032'))
    expect(parseSessionChangelogKey(key)).toEqual({ key: Buffer.from('key'), startMs: 50, endMs: 100 })
  })

  it('may have an empty key, and no fewer bytes', () => {
    expect(parseSessionChangelogKey(sessionChangelogKey(hex(''), 0, 0))).toEqual({ key: hex(''), startMs: 0, endMs: 0 })
    expect(() => parseSessionChangelogKey(Buffer.alloc(15))).toThrow(CorruptStateError)
  })

  it('gives back what it was made of', () => {
    fc.assert(
      fc.property(keys, session, (key, { startMs, endMs }) => {
        expect(parseSessionChangelogKey(sessionChangelogKey(key, startMs, endMs))).toEqual({ key, startMs, endMs })
      }),
    )
  })
})

describe('the row key of a session', () => {
  it('is prefix, segment, escaped key, end and start', () => {
    const row = sessionRowKey(prefix, 3, hex('6100'), 1, 2)
    expect(row).toEqual(hex('0007 0000000000000003 610001 0000 0000000000000002 0000000000000001'))
    expect(parseSessionRowKey(row)).toEqual({ key: hex('6100'), startMs: 1, endMs: 2 })
    expect(() => parseSessionRowKey(row.subarray(0, 27))).toThrow(CorruptStateError)
  })

  it('stands in the order of segment, key, end, start', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, session), { maxLength: 20 }), (sessions) => {
        const rowOf = ([key, { startMs, endMs }]: (typeof sessions)[number]): Buffer =>
          sessionRowKey(prefix, segmentOf(endMs), key, startMs, endMs)
        const byRow = sessions.toSorted((a, b) => rowOf(a).compare(rowOf(b)))
        const byParts = sessions.toSorted(
          ([keyA, a], [keyB, b]) =>
            segmentOf(a.endMs) - segmentOf(b.endMs) || keyA.compare(keyB) || a.endMs - b.endMs || a.startMs - b.startMs,
        )
        expect(byRow).toEqual(byParts)
      }),
    )
  })

  const inside = (row: Buffer, range: ReturnType<typeof segmentSessionsRange>): boolean => {
    if (range === undefined) return false
    const { gte, lt, lte } = range
    if (gte !== undefined && row.compare(gte) < 0) return false
    if (lt !== undefined && row.compare(lt) >= 0) return false
    return lte === undefined || row.compare(lte) <= 0
  }

  it('is in the range of its key and end alone', () => {
    fc.assert(
      fc.property(keys, keys, session, fc.tuple(fc.nat(2 ** 41), fc.nat(2 ** 41)), (key, other, s, [from, to]) => {
        const segment = segmentOf(s.endMs)
        const row = sessionRowKey(prefix, segment, key, s.startMs, s.endMs)
        const isInside = other.equals(key) && s.endMs >= from && s.endMs <= to
        expect(inside(row, keySessionsRange(prefix, segment, other, from, to))).toBe(isInside)
      }),
    )
  })

  it('is in the ranges of keys around it', () => {
    const bound = fc.option(keys, { nil: undefined })
    fc.assert(
      fc.property(keys, bound, bound, session, (key, from, to, { startMs, endMs }) => {
        const row = sessionRowKey(prefix, 5, key, startMs, endMs)
        const isInside = (from === undefined || key.compare(from) >= 0) && (to === undefined || key.compare(to) <= 0)
        expect(inside(row, segmentSessionsRange(prefix, 5, from, to))).toBe(isInside)
        expect(inside(row, segmentSessionsRange(prefix, 6, from, to))).toBe(false)
      }),
    )
  })
})
