import { describe, expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import { outerKeySerde, outerValueSerde } from '../processors/joins/outer-join-serdes.ts'
import { Change, Windowed } from '../record.ts'
import { changeSerde } from './plan/change-serde.ts'
import { defaultPartitioner, timeWindowedSerde } from './windows/windowed-serde.ts'

const hex = (data: Buffer): string => data.toString('hex')

describe('bytes on topics that Java applications share', () => {
  const changes = changeSerde(serdes.string)
  it.each([
    ['only new', new Change<string>('new', null), '6e657701'],
    ['only old', new Change<string>(null, 'old'), '6f6c6400'],
    ['both', new Change('new', 'old'), '066e65776f6c6402'],
    ['an empty new one', new Change('', 'old'), '006f6c6402'],
    ['a new one of 64 bytes', new Change('n'.repeat(64), 'o'), `8001${'6e'.repeat(64)}6f02`],
  ])('a change of a table: %s', (_what, change, bytes) => {
    expect(hex(changes.serialize(change, 't'))).toBe(bytes)
    expect(changes.deserialize(Buffer.from(bytes, 'hex'), 't')).toEqual(change)
  })

  it.each([
    ['no encoding', '', /unknown encoding/],
    ['an encoding of the future', '6e05', /unknown encoding 5/],
    ['a length beyond the bytes', '8a016e02', /length beyond its bytes/],
    ['a negative length', '016e02', /length beyond its bytes/],
    ['a length without end', 'ffffffffff02', /does not end/],
  ])('a change that cannot be read: %s', (_what, bytes, message) => {
    expect(() => changes.deserialize(Buffer.from(bytes, 'hex'), 't')).toThrow(message)
  })

  it('a windowed key: the key and the start', () => {
    const windowed = timeWindowedSerde(serdes.string, 10)
    const bytes = '6b00000000000003e8'
    expect(hex(windowed.serialize(new Windowed('k', 1_000, 1_010), 't'))).toBe(bytes)
    expect(windowed.deserialize(Buffer.from(bytes, 'hex'), 't')).toEqual(new Windowed('k', 1_000, 1_010))
    expect(() => windowed.deserialize(Buffer.alloc(7), 't')).toThrow(/at least 8 bytes, got 7/)
  })

  it('a windowed key goes where its inner key goes', () => {
    const partitioner = defaultPartitioner(timeWindowedSerde(serdes.string, 10) as never)
    const of = (start: number) => partitioner?.('t', new Windowed('room-1', start, start + 10), null, 12)
    expect(of(0)).toEqual(of(1_000))
    expect(defaultPartitioner(serdes.string as never)).toBeUndefined()
  })

  it('a record that waits in an outer join: time, side, key', () => {
    const keys = outerKeySerde(serdes.string)
    const left = { timestampMs: 258, isLeft: true, key: 'k' }
    expect(hex(keys.serialize(left, 't'))).toBe('0000000000000102016b')
    expect(hex(keys.serialize({ ...left, isLeft: false }, 't'))).toBe('0000000000000102006b')
    expect(keys.deserialize(keys.serialize(left, 't'), 't')).toEqual(left)
    expect(() => keys.deserialize(Buffer.alloc(8), 't')).toThrow(/9 bytes/)
  })

  it('their values: a list of side and value', () => {
    const values = outerValueSerde(serdes.string, serdes.integer)
    const list = [
      { isLeft: true, value: 'ab' },
      { isLeft: false, value: 7 },
    ]
    const bytes = '01' + '00000002' + '00000003' + '016162' + '00000005' + '0000000007'
    expect(hex(values.serialize(list, 't'))).toBe(bytes)
    expect(values.deserialize(Buffer.from(bytes, 'hex'), 't')).toEqual(list)
    expect(() => values.deserialize(Buffer.from(bytes.slice(0, -4), 'hex'), 't')).toThrow()
    expect(() => values.deserialize(Buffer.from('010000000200', 'hex'), 't')).toThrow(/ends too early/)
  })
})
