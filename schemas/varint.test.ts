import { describe, expect, it } from 'vitest'
import { SerdeError } from '../common/errors.ts'
import * as fc from '../test/support/property.ts'
import { readLong, readLongOrBigInt, readLongRounded, writeLong } from './varint.ts'

/** Avro's zigzag varint by the book, over the whole 64 bits. */
function reference(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

function written(value: number): Buffer {
  const tap = { buf: Buffer.alloc(10), pos: 0 }
  writeLong(tap, value)
  return tap.buf.subarray(0, tap.pos)
}

const EDGES = [0, 1, -1, 63, 64, -64, -65, 2 ** 27, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), -(2 ** 30) - 1, 2 ** 31, 2 ** 34]
const FAR = [2 ** 52, -(2 ** 52) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1_795_305_600_123]

describe('longs', () => {
  it.each([...EDGES, ...FAR])('writes %d as Avro does and reads it back', (value) => {
    const bytes = written(value)
    expect(bytes).toEqual(reference(BigInt(value)))
    const tap = { buf: bytes, pos: 0 }
    expect(readLong(tap)).toBe(value)
    expect(tap.pos).toBe(bytes.length)
  })

  it('reads every 64-bit integer as a number or a BigInt', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const tap = { buf: reference(value), pos: 0 }
        const read = readLongOrBigInt(tap)
        expect(BigInt(read)).toBe(value)
        expect(typeof read).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'bigint')
        expect(tap.pos).toBe(tap.buf.length)
      }),
    )
  })

  it('agrees with Avro for every safe integer', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written(value)).toEqual(reference(BigInt(value)))
        expect(readLong({ buf: written(value), pos: 0 })).toBe(value)
      }),
    )
  })

  it.each([2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)])(
    'refuses %d, which a number does not hold, and rounds it where asked',
    (value) => {
      expect(() => readLong({ buf: reference(value), pos: 0 })).toThrow(SerdeError)
      expect(readLongRounded({ buf: reference(value), pos: 0 })).toBe(Number(value))
    },
  )

  it('refuses a varint that does not end after ten bytes', () => {
    expect(() => readLong({ buf: Buffer.alloc(1000, 0xff), pos: 0 })).toThrow('longer than 64 bits')
  })
})
