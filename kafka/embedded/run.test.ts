import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import type { LogRecord, ProducerRecord } from '../port.ts'
import { decodeRun, encodeRun, MAX_RUN_BYTES, readRunHeader } from './run.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const nullable = fc.option(bytes, { nil: null })
const timestampMs = fc.oneof(fc.integer({ min: -1, max: 2 ** 45 }), fc.constantFrom(-1, 0, 2 ** 51))
const record: fc.Arbitrary<ProducerRecord> = fc.record({
  key: nullable,
  value: nullable,
  timestampMs,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: nullable }), { maxLength: 4 }),
})

function encode(records: readonly ProducerRecord[], baseOffset: number, offsets?: number[]) {
  const last = offsets?.at(-1)
  return encodeRun({
    records,
    from: 0,
    baseOffset,
    ...(offsets ? { offsets, lastOffset: (last ?? baseOffset) + 3 } : {}),
    prefixMaxTimestampMs: -1,
    appendedMs: 17,
  })
}

describe('a run of records', () => {
  it('gives back every record as it was', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.nat(2 ** 50), (records, baseOffset) => {
        const { bytes: run, header } = encode(records, baseOffset)
        const decoded: LogRecord[] = []
        expect(decodeRun(run, 0, Number.POSITIVE_INFINITY, decoded)).toBe(baseOffset + records.length)
        expect(decoded).toEqual(records.map((one, i) => ({ ...one, offset: baseOffset + i })))
        expect(readRunHeader(run)).toEqual(header)
        expect(header.maxTimestampMs).toBe(Math.max(...records.map((one) => one.timestampMs)))
      }),
    )
  })

  it('keeps gaps between offsets, and the end of its range', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(record, fc.nat(1_000)), { minLength: 1, maxLength: 20 }), (entries) => {
        let offset = 7
        const offsets = entries.map(([, gap]) => {
          offset += gap + 1
          return offset
        })
        const { bytes: run } = encode(
          entries.map(([one]) => one),
          5,
          offsets,
        )
        const decoded: LogRecord[] = []
        expect(decodeRun(run, 0, Number.POSITIVE_INFINITY, decoded)).toBe(offset + 4)
        expect(decoded.map((one) => one.offset)).toEqual(offsets)
      }),
    )
  })

  it('can be read in parts of any size from any offset, at least a record at a time', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 30 }),
        fc.nat(29),
        fc.nat(500),
        (records, from, budgetBytes) => {
          const { bytes: run } = encode(records, 100)
          const offsets: number[] = []
          let position = 100 + from
          while (position < 100 + records.length) {
            const part: LogRecord[] = []
            const next = decodeRun(run, position, budgetBytes, part)
            expect(part.length).toBeGreaterThan(0)
            expect(next).toBe(part.at(-1)!.offset + 1)
            offsets.push(...part.map((one) => one.offset))
            position = next
          }
          expect(offsets).toEqual(Array.from({ length: Math.max(0, records.length - from) }, (_, i) => 100 + from + i))
        },
      ),
    )
  })

  it('ends when it is full, and says how many records it has', () => {
    const value = Buffer.alloc(1_000)
    const records = Array.from({ length: 1_000 }, () => ({ key: null, value, timestampMs: 1 }))
    const { header, bytes: run } = encode(records, 0)
    expect(header.count).toBeLessThan(300)
    expect(run.length).toBeLessThan(MAX_RUN_BYTES + 1_100)
    expect(header.lastOffset).toBe(header.count - 1)
  })

  it('holds one record larger than a run', () => {
    const value = Buffer.alloc(3 * MAX_RUN_BYTES, 9)
    const { bytes: run } = encode([{ key: null, value, timestampMs: 1 }], 0)
    const decoded: LogRecord[] = []
    decodeRun(run, 0, 10, decoded)
    expect(decoded[0]?.value?.equals(value)).toBe(true)
  })

  it('never lets the largest timestamp so far fall', () => {
    const input = { records: [{ key: null, value: null, timestampMs: 5 }], from: 0, baseOffset: 0, appendedMs: 0 }
    expect(encodeRun({ ...input, prefixMaxTimestampMs: 9 }).header).toMatchObject({
      maxTimestampMs: 5,
      prefixMaxTimestampMs: 9,
    })
  })

  it('refuses a format it does not know', () => {
    const { bytes: run } = encode([{ key: null, value: null, timestampMs: 5 }], 0)
    run[0] = 99
    expect(() => readRunHeader(run)).toThrow('99')
  })
})
