import { describe, expect, test } from 'vitest'
import { serdes } from '../../common/serde.ts'
import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'
import { ContractStore } from '../contract/contract-support.ts'
import { dueStoreContract } from '../contract/due-contract.ts'
import { Stores } from '../stores.ts'
import { DueHeap } from './due-heap.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  for (const cacheEntries of [0, 10_000])
    dueStoreContract(`due store in ${engine}, ${cacheEntries} clean entries`, { place, cacheEntries })
}

test('a table of many keys has one entry for each, however often its rows are put', async () => {
  const place = await memoryPlace()
  const rows = Stores.keyValueStore('rows', { key: serdes.integer, value: serdes.integer, ttl: '7d' })
  const opened = new ContractStore(rows, await place.open(), { cacheEntries: 10 })
  const keys = 110_000
  for (let round = 0; round < 3; round++) for (let key = 0; key < keys; key++) opened.store.put(key, round, round)
  const { puts } = await opened.commit()
  expect(puts).toHaveLength(2 * keys)
  await place.remove()
})

describe('the heap of due entries', () => {
  const due = (dueMs: number, key: string) => ({ dueMs, key, id: key, keyBytes: Buffer.from(key) })

  test('gives them by time, then by the bytes of their keys', () => {
    const heap = new DueHeap<string>()
    const times = Array.from({ length: 500 }, (_, i) => (i * 7919) % 97)
    for (const [i, dueMs] of times.entries()) heap.push(due(dueMs, String(i % 13)))
    const popped: string[] = []
    for (let next = heap.pop(); next !== undefined; next = heap.pop())
      popped.push(`${String(next.dueMs).padStart(3)} ${next.key}`)
    expect(popped).toHaveLength(500)
    expect(popped).toEqual([...popped].sort())
    expect(heap.nextMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('keeps what is due at one time together', () => {
    const heap = new DueHeap<string>()
    for (const dueMs of [5, 1, 3, 3, 3, 4]) heap.push(due(dueMs, 'a'))
    expect(heap.keepFirst(2)).toBe(4)
    expect(heap.size).toBe(4)
    expect(heap.keepFirst(10)).toBe(Number.POSITIVE_INFINITY)
  })
})
