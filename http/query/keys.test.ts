import { describe, expect, test } from 'vitest'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import { type KeyType, keyFromBytes, keyFromText } from './keys.ts'

const read = (serde: unknown, text: string, keyType?: KeyType) =>
  keyFromText({ serde: serde as Serde<unknown>, topic: 'a-b-changelog' }, text, keyType)

describe('the text of a key', () => {
  test.each([
    ['text', serdes.string, 'room-101', undefined, 'room-101'],
    ['text that looks like a number', serdes.string, '12', undefined, '12'],
    ['text with anything in it', serdes.string, '../a/\u0000\n💡', undefined, '../a/\u0000\n💡'],
    ['a long', serdes.long, '-12', 'long', -12],
    ['a long of a store of longs, unsaid', serdes.long, '12', undefined, 12],
    ['a long beyond a number', serdes.bigint, '9007199254740993', 'long', 9_007_199_254_740_993n],
    ['an integer', serdes.integer, '7', undefined, 7],
    ['bytes', serdes.bytes, '//4', undefined, Buffer.from([0xff, 0xfe])],
    ['bytes of a text', serdes.string, 'cm9vbQ==', 'base64', 'room'],
    ['JSON', serdes.json(), '{"a":[1]}', undefined, { a: [1] }],
    ['JSON text', serdes.json(), '"a"', 'json', 'a'],
  ] as const)('is %s', async (_, serde, text, keyType, key) => {
    await expect(read(serde, text, keyType)).resolves.toMatchObject({ key })
  })

  test.each([
    ['text for a long', serdes.long, 'abc', 'long'],
    ['a fraction for a long', serdes.long, '1.5', undefined],
    ['a long beyond 2^53 where numbers are kept', serdes.long, '9007199254740993', 'long'],
    ['a long beyond 64 bits', serdes.bigint, '9223372036854775808', 'long'],
    ['no base64', serdes.bytes, '***', 'base64'],
    ['cut base64', serdes.bytes, 'AAAAA', 'base64'],
    ['bytes of the wrong size', serdes.long, 'AAA=', 'base64'],
    ['no JSON', serdes.json(), '{a', 'json'],
    ['a number where text is kept', serdes.string, '12', 'json'],
    ['an object where text is kept', serdes.string, '{"__proto__":1}', 'json'],
  ] as const)('is refused when it is %s', async (_, serde, text, keyType) => {
    await expect(read(serde, text, keyType)).rejects.toMatchObject({ code: 'BAD_KEY', status: 400 })
  })

  test('waits for a serde that has to fetch its schema', async () => {
    let isReady = false
    const ready = Promise.resolve().then(() => {
      isReady = true
    })
    const waiting: Serde<string> = {
      ...serdes.string,
      serialize: (value) => {
        if (isReady) return Buffer.from(value)
        throw new SerdeNotReadyError('not yet', ready)
      },
    }
    await expect(read(waiting, 'a')).resolves.toMatchObject({ key: 'a' })
  })

  test('a cursor that holds no key is refused', async () => {
    const keys = { serde: serdes.long as Serde<unknown>, topic: 't' }
    await expect(keyFromBytes(keys, Buffer.from('x'))).rejects.toMatchObject({ code: 'BAD_CURSOR' })
  })
})
