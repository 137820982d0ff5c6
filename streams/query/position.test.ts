import { describe, expect, it } from 'vitest'
import { Position, PositionBound } from './position.ts'

describe('a position', () => {
  it('is written as one line and read back', () => {
    const position = Position.of({ orders: { 0: 41, 2: 7 }, 'my.topic-1': { 1: 0 } })
    expect(position.toString()).toBe('orders:0:41,orders:2:7,my.topic-1:1:0')
    expect(Position.parse(position.toString()).toJSON()).toEqual(position.toJSON())
    expect(Position.parse('').isEmpty).toBe(true)
  })

  it.each([
    'orders',
    'orders:0',
    'orders:0:-1',
    'orders:x:1',
    ':0:1',
    'orders:0:1:2',
    'a b:0:1',
    'orders:0:9007199254740993',
  ])('cannot be read from %s', (text) => {
    expect(() => Position.parse(text)).toThrow(/topic:partition:offset|whole numbers/)
  })

  it.each([-1, 1.5, Number.NaN])('takes no offset of %d', (offset) => {
    expect(() => Position.of({ orders: { 0: offset } })).toThrow(/whole numbers/)
  })

  it('merges to the later offset of each partition, and changes neither side', () => {
    const one = Position.of({ a: { 0: 5, 1: 1 } })
    const other = Position.of({ a: { 0: 3, 1: 9 }, b: { 0: 2 } })
    expect(one.merge(other).toJSON()).toEqual({ a: { 0: 5, 1: 9 }, b: { 0: 2 } })
    expect(one.toJSON()).toEqual({ a: { 0: 5, 1: 1 } })
  })
})

describe('a bound', () => {
  const position = Position.of({ a: { 0: 5, 1: 8 } })

  it.each([
    ['the same offset', { a: { 0: 5 } }, 0, true],
    ['one more', { a: { 0: 6 } }, 0, false],
    ['another partition only', { a: { 1: 99 } }, 0, true],
    ['a partition that nothing was seen of', { a: { 2: 0 } }, 2, false],
    ['a topic that nothing was seen of', { b: { 0: 0 } }, 0, false],
    ['all partitions together', { a: { 0: 5, 1: 9 } }, undefined, false],
    ['nothing', {}, 0, true],
  ] as const)('of %s', (_, offsets, partition, isMet) => {
    expect(PositionBound.at(offsets).isMetBy(position, partition)).toBe(isMet)
  })
})
