import { describe, expect, it } from 'vitest'
import { byTopic, WireReader, WireWriter } from './wire.ts'

describe('the wire types', () => {
  it('gives back every type, however often the buffer has to grow', () => {
    const long = 'é'.repeat(500)
    const w = new WireWriter(1)
    w.int8(-1)
      .int16(-2)
      .int32(-3)
      .int64(-4)
      .int64(2 ** 52 + 1)
      .boolean(true)
    w.string(long)
      .string(null)
      .bytes(Buffer.from([1, 2]))
      .bytes(null)
    w.array([7, 8], (n) => w.int32(n))
      .uvarint(300)
      .compactString('abc')
      .compactString(null)
    w.compactArray(['x'], (text) => w.compactString(text)).noTags()
    const r = new WireReader(w.toBuffer())
    expect([r.int8(), r.int16(), r.int32(), r.int64(), r.int64(), r.boolean()]).toEqual([
      -1,
      -2,
      -3,
      -4,
      2 ** 52 + 1,
      true,
    ])
    expect([r.string(), r.nullableString(), r.bytes(), r.nullableBytes()]).toEqual([
      long,
      null,
      Buffer.from([1, 2]),
      null,
    ])
    expect([r.array(() => r.int32()), r.uvarint(), r.compactString(), r.compactString()]).toEqual([
      [7, 8],
      300,
      'abc',
      null,
    ])
    expect(r.compactArray(() => r.compactString())).toEqual(['x'])
    r.skipTags()
    expect(r.remaining).toBe(0)
  })

  it('skips tagged fields that it does not know', () => {
    const r = new WireReader(Buffer.from([2, 0, 3, 1, 2, 3, 5, 1, 9, 42]))
    r.skipTags()
    expect(r.int8()).toBe(42)
  })

  it('refuses to read beyond the end', () => {
    expect(() => new WireReader(Buffer.from([0, 5, 65])).string()).toThrow(RangeError)
    expect(() => new WireReader(Buffer.from([0])).int32()).toThrow(RangeError)
  })

  it('groups by topic in the order of first appearance', () => {
    const items = ['b', 'a', 'b'].map((topic, partition) => ({ topic, partition }))
    expect(byTopic(items).map(([topic, list]) => [topic, list.map((i) => i.partition)])).toEqual([
      ['b', [0, 2]],
      ['a', [1]],
    ])
  })
})
