import { describe, expect, it } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'

describe('the consumer protocol', () => {
  it('writes a subscription of version 0', () => {
    const data = encodeSubscription({ topics: ['b', 'a'], userData: Buffer.from('u') })
    expect(data.toString('hex')).toBe('00000000000200016100016200000001' + '75')
    expect(decodeSubscription(data)).toEqual({ topics: ['a', 'b'], userData: Buffer.from('u') })
  })

  it('reads a subscription of a later version, and one without user data', () => {
    const versionThree = Buffer.from(
      '0003' + '00000001' + '000161' + 'ffffffff' + '00000000' + 'ffffffff' + 'ffff',
      'hex',
    )
    expect(decodeSubscription(versionThree)).toEqual({ topics: ['a'], userData: Buffer.alloc(0) })
  })

  it('gives back assignments, with and without user data', () => {
    const partitions = [
      { topic: 'a', partition: 2 },
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 1 },
    ]
    expect(decodeAssignment(encodeAssignment({ partitions }))).toEqual({ partitions })
    const userData = Buffer.from([1, 2])
    expect(decodeAssignment(encodeAssignment({ partitions, userData }))).toEqual({ partitions, userData })
  })

  it('takes the empty bytes that a member gets whom the leader left out for nothing', () => {
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [] })
  })
})
