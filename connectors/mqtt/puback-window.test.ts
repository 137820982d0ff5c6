import { expect, test } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { encodePubacks, PubackWindow, PubackWriter } from './puback-window.ts'

test('PUBACKs are released in the order of arrival', () => {
  const window = new PubackWindow()
  const [a, b, c] = [7, 9, 8].map((messageId) => window.arrived(messageId))
  expect(c?.()).toEqual([])
  expect(a?.()).toEqual([7])
  expect(window.size).toBe(2)
  expect(b?.()).toEqual([9, 8])
  expect(window.size).toBe(0)
})

test('whatever the order of settling, each id is released once, in order', () => {
  fc.assert(
    fc.property(fc.nat({ max: 3000 }), fc.infiniteStream(fc.nat()), (count, chance) => {
      const window = new PubackWindow()
      const settles = Array.from({ length: count }, (_, i) => window.arrived(i))
      const released: number[] = []
      while (settles.length > 0) {
        const near = Math.min(settles.length, 50)
        const [settle] = settles.splice((chance.next().value as number) % near, 1)
        released.push(...(settle?.() ?? []))
      }
      expect(released).toEqual(Array.from({ length: count }, (_, i) => i))
    }),
    { numRuns: 30 },
  )
})

test('a PUBACK is four bytes', () => {
  expect(encodePubacks([1, 0xabcd]).toString('hex')).toBe('400200014002abcd')
})

test('PUBACKs of one turn are written together, in their order', async () => {
  const written: string[] = []
  const writer = new PubackWriter((bytes) => void written.push(bytes.toString('hex')))
  writer.add([1])
  writer.add([])
  writer.add([2, 3])
  expect(written).toEqual([])
  await Promise.resolve()
  writer.add([4])
  writer.flush()
  await Promise.resolve()
  expect(written).toEqual(['400200014002000240020003', '40020004'])
})
