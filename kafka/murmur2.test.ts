import { describe, expect, it } from 'vitest'
import { murmur2, partitionForKey } from './murmur2.ts'

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('is what Kafka’s UtilsTest expects of %s', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
  })

  it('takes the sign away before it chooses a partition', () => {
    expect(partitionForKey(Buffer.from('21'), 7)).toBe((-973932308 & 0x7fffffff) % 7)
  })
})
