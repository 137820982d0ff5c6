import { describe, expect, it } from 'vitest'
import { murmur3Hash128 } from './murmur3.ts'

describe('murmur3', () => {
  it.each([
    ['', '9d2764a018e329428c3cf3b035938518'],
    ['test', 'fa2112c0eed064bdc35a330e5cb9e32f'],
    ['the quick brown fox jumps over it', '8707158dc38e7a44ae79405ed0687071'],
  ])('hashes %j as Kafka Streams does', (text, hash) => {
    expect(murmur3Hash128(Buffer.from(text)).toString('hex')).toBe(hash)
  })

  it('reads a view of a larger buffer only as far as it goes', () => {
    const text = Buffer.from('xxthe quick brown fox jumps over ityy')
    expect(murmur3Hash128(text.subarray(2, -2)).toString('hex')).toBe('8707158dc38e7a44ae79405ed0687071')
  })
})
