import { expect, test } from 'vitest'
import { reading } from '../testing/fixtures.ts'
import { isWritable, lineOf } from './line-protocol.ts'

test('a reading is a point: what it is about are tags, what it says are fields, its event time is the time', () => {
  const one = reading({ deviceId: 'd1', roomId: 'r1', value: 21.5, eventTimeMs: 1_795_303_000_123 })
  expect(lineOf('readings', one)).toBe(
    'readings,deviceId=d1,kind=temperature,roomId=r1,unit=celsius quality="good",value=21.5 1795303000123',
  )
})

test('the same reading that came twice is the same line, whenever it was received', () => {
  const again = reading({ receivedAtMs: 2_000_000, retained: true })
  expect(lineOf('readings', again)).toBe(lineOf('readings', reading()))
})

test('syntax in names is escaped, and what is empty is left out', () => {
  const one = reading({ deviceId: 'a,b=c d', roomId: '', unit: '"\\x' })
  expect(lineOf('my readings,all', one)).toMatch(
    /^my\\ readings\\,all,deviceId=a\\,b\\=c\\ d,kind=temperature,unit="\\x quality/,
  )
})

test.each([0, -0, 1e-7, 1e21, -273.15, Number.MAX_VALUE])(
  'the value %d is said so that it is read the same',
  (value) => {
    const text = /value=(\S+) /.exec(lineOf('m', reading({ value })) as string)?.[1]
    expect(Number(text)).toBe(value + 0)
  },
)

test.each([
  ['VALUE_NOT_FINITE', { value: Number.NaN }],
  ['VALUE_NOT_FINITE', { value: Number.POSITIVE_INFINITY }],
  ['BAD_TIMESTAMP', { eventTimeMs: Date.UTC(2263, 0, 1) }],
  ['BAD_ID', { deviceId: 'd1 value=1\nreadings,deviceId=d2' }],
  ['BAD_ID', { roomId: 'ends with\\' }],
  ['BAD_ID', { unit: 'a\u0000b' }],
])('%s: what InfluxDB cannot hold, or would take for syntax, is no line', (code, changes) => {
  expect(lineOf('readings', reading(changes))).toMatchObject({ code })
})

test('text is writable as a tag without control characters and without a backslash at the end', () => {
  expect(['plain', 'Küche 1', 'a\\b', 'tab\there', 'end\\', ''].map(isWritable)).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
  ])
})
