import { expect, it } from 'vitest'
import { CorruptStateError } from '../errors.ts'
import { type BufferValue, decodeBufferValue, encodeBufferValue } from './buffer-value.ts'

const context = {
  timestampMs: 1_234_567_890_123,
  offset: 7,
  topic: 'readings',
  partition: 3,
  headers: [
    { key: 'trace', value: Buffer.from('ab') },
    { key: 'empty', value: null },
  ],
}
const bytes = (text: string): Buffer => Buffer.from(text)

it.each<[string, BufferValue]>([
  ['a plain record', { context, priorValue: null, oldValue: null, newValue: bytes('new') }],
  ['an update', { context, priorValue: bytes('prior'), oldValue: bytes('old'), newValue: bytes('new') }],
  ['an old value that is the prior one', { context, priorValue: bytes('p'), oldValue: bytes('p'), newValue: null }],
  ['empty values', { context, priorValue: bytes(''), oldValue: null, newValue: bytes('') }],
  [
    'a record without an origin',
    { context: { ...context, topic: '', partition: -1, offset: -1 }, priorValue: null, oldValue: null, newValue: null },
  ],
])('gives back %s', (_, value) => {
  expect(decodeBufferValue(encodeBufferValue(value))).toEqual(value)
  expect(decodeBufferValue(encodeBufferValue(value, 8))).toEqual(value)
})

it('writes the bytes of Kafka Streams', () => {
  const value = { context: { ...context, timestampMs: 5, headers: [] }, priorValue: bytes('p'), oldValue: bytes('p') }
  expect(encodeBufferValue({ ...value, newValue: null }, 8).toString('hex')).toBe(
    [
      '0000000000000005',
      '0000000000000007',
      '00000008',
      bytes('readings').toString('hex'),
      '00000003',
      '00000000',
      '00000001',
      bytes('p').toString('hex'),
      'fffffffe',
      'ffffffff',
      '0000000000000000',
    ].join(''),
  )
})

it('refuses bytes that were cut', () => {
  const whole = encodeBufferValue({ context, priorValue: null, oldValue: null, newValue: bytes('new') })
  for (const size of [0, 7, 20, 30, whole.length - 1])
    expect(() => decodeBufferValue(whole.subarray(0, size))).toThrow(CorruptStateError)
})
