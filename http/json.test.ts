import { describe, expect, test } from 'vitest'
import { toJson } from './json.ts'
import { isoTime, parseTime } from './times.ts'

describe('a value as JSON', () => {
  test.each([
    ['a 64-bit integer as text', 9_007_199_254_740_993n, '9007199254740993'],
    ['bytes as base64', Buffer.from([0xff, 0xfe]), '//4='],
    ['bytes in a view of a larger buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3), 'AgM='],
    ['numbers that JSON does not have as text', [Number.NaN, Number.POSITIVE_INFINITY, 0], ['NaN', 'Infinity', 0]],
    ['dates as ISO 8601', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an impossible date as nothing', new Date(Number.NaN), null],
    ['maps as pairs', new Map([[1n, { a: 1 }]]), [['1', { a: 1 }]]],
    ['absent members not at all', { a: undefined, b: () => 1, c: Symbol('c'), d: null }, { d: null }],
    ['nothing as null', undefined, null],
  ])('has %s', (_, value, json) => {
    expect(toJson(value)).toEqual(json)
  })

  test('does not let a member named __proto__ change the prototype', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}}') as object
    const json = toJson(value) as object
    expect(JSON.stringify(json)).toBe('{"__proto__":{"polluted":true}}')
    expect('polluted' in json).toBe(false)
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype)
  })

  test('shares nothing with the value', () => {
    const value = { list: [{ n: 1 }] }
    const json = toJson(value)
    value.list[0]!.n = 2
    expect(json).toEqual({ list: [{ n: 1 }] })
  })
})

describe('a moment', () => {
  test.each([
    ['0', 0],
    ['1767225600000', 1_767_225_600_000],
    ['-1', -1],
    ['2026-01-01', 1_767_225_600_000],
    ['2026-01-01T00:00', 1_767_225_600_000],
    ['2026-01-01T00:00:00Z', 1_767_225_600_000],
    ['2026-01-01T00:00:00.5Z', 1_767_225_600_500],
    ['2026-01-01T00:00:00.123456789Z', 1_767_225_600_123],
    ['2026-01-01T01:00:00+01:00', 1_767_225_600_000],
    ['2026-01-01T01:00:00 01:00', 1_767_225_600_000],
    ['2025-12-31T18:30:00-0530', 1_767_225_600_000],
  ])('%s is read', (text, ms) => {
    expect(parseTime(text)).toBe(ms)
  })

  test.each([
    '',
    'x',
    'yesterday',
    '12.5',
    '1e3',
    '0x10',
    ' 1',
    '2026-02-30',
    '2026-13-01',
    '2026-00-10',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '99999999999999999',
    '8640000000000001',
    'NaN',
    'Infinity',
    '2026-01-01T00:00:00Z; drop',
  ])('%j is refused', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })

  test('is shown as ISO 8601 as far as the calendar goes', () => {
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(isoTime(8_640_000_000_000_001)).toBe('8640000000000001')
  })
})
