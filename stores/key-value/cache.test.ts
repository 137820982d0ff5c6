import { describe, expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import { ContractStore, HeldDatabase } from '../contract/contract-support.ts'
import { MemoryDatabase } from '../database/memory-database.ts'
import { SecondChanceQueue } from '../shared/second-chance.ts'
import { Stores } from '../stores.ts'

const types = { key: serdes.string, value: serdes.string }

describe('the second-chance queue', () => {
  const unit = (name: string) => ({ name, used: false, queued: false, gone: false, busy: false })

  it('passes over what was used since it was added, once', () => {
    const queue = new SecondChanceQueue<ReturnType<typeof unit>>((u) => u.busy)
    const [a, b, c] = [unit('a'), unit('b'), unit('c')]
    for (const u of [a, b, c, a]) queue.add(u)
    a.used = true
    expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual([b, c, a, undefined])
  })

  it('drops what is busy or gone', () => {
    const queue = new SecondChanceQueue<ReturnType<typeof unit>>((u) => u.busy)
    const [a, b, c] = [unit('a'), unit('b'), unit('c')]
    for (const u of [a, b, c]) queue.add(u)
    a.busy = true
    b.gone = true
    expect([queue.next(), queue.next()]).toEqual([c, undefined])
    a.busy = false
    queue.add(a)
    expect(queue.next()).toBe(a)
  })

  it('ends when all were used, and stays small over many rounds', () => {
    const queue = new SecondChanceQueue<ReturnType<typeof unit>>((u) => u.busy)
    const units = Array.from({ length: 10 }, (_, n) => unit(`${n}`))
    for (let round = 0; round < 1000; round++) {
      for (const u of units) {
        queue.add(u)
        u.used = true
      }
      expect(units.map(() => queue.next()?.name).sort()).toEqual(units.map((u) => u.name))
    }
  })
})

describe('the cache', () => {
  it('keeps every uncommitted entry, and the bound of clean ones', async () => {
    const database = new HeldDatabase(new MemoryDatabase())
    const opened = new ContractStore(Stores.keyValueStore('s', types), database, { cacheEntries: 10 })
    for (let n = 0; n < 100; n++) opened.store.put(`k${n}`, 'v', n)
    expect(opened.store.dirtyEntries).toBe(100)
    for (let n = 0; n < 100; n++) expect(opened.store.get(`k${n}`)).toBe('v')
    expect(opened.store.get('absent')).toBeUndefined()
    await opened.commit()
    const inMemory = (): number => {
      let count = 0
      for (let n = 0; n < 100; n++) {
        const value = opened.store.get(`k${n}`)
        if (value instanceof Promise) value.catch(() => {})
        else count++
      }
      return count
    }
    expect(inMemory()).toBe(10)
  })

  it('keeps what is used and lets go what is not', async () => {
    const database = new HeldDatabase(new MemoryDatabase())
    const opened = new ContractStore(Stores.keyValueStore('s', types), database, { cacheEntries: 2 })
    opened.store.put('hot', 'v', 1)
    await opened.commit()
    for (let n = 0; n < 20; n++) {
      expect(opened.store.get('hot')).toBe('v')
      opened.store.put(`cold${n}`, 'v', 1)
      await opened.commit()
    }
    expect(opened.store.get('cold0')).toBeInstanceOf(Promise)
    expect(await opened.store.get('cold0')).toBe('v')
  })

  it('of a window store keeps every uncommitted window, and the bound of clean ones', async () => {
    const database = new HeldDatabase(new MemoryDatabase())
    const plan = Stores.windowStore('w', { ...types, retention: '10m', windowSize: '1m' })
    const opened = new ContractStore(plan, database, { cacheEntries: 10 })
    for (let n = 0; n < 100; n++) opened.store.put(`k${n}`, 'v', 60_000, n)
    for (let n = 0; n < 100; n++) expect(opened.store.get(`k${n}`, 60_000)).toBe('v')
    await opened.commit()
    let inMemory = 0
    for (let n = 0; n < 100; n++) {
      const value = opened.store.get(`k${n}`, 60_000)
      if (value instanceof Promise) expect(await value).toBe('v')
      else inMemory++
    }
    expect(inMemory).toBeLessThanOrEqual(20)
    const reads = database.reads
    expect(reads).toBeGreaterThanOrEqual(80)
    opened.store.put('k1', 'v', 360_000, 1)
    expect(opened.store.get('never seen', 360_000)).toBeUndefined()
    expect(opened.store.get('never seen', 60_000)).toBeInstanceOf(Promise)
  })

  it('lets an aggregator change a value in place, and gives back the same object', () => {
    const plan = Stores.keyValueStore('s', { key: serdes.string, value: serdes.json<{ sum: number }>() })
    const { store } = new ContractStore(plan, new MemoryDatabase(), {})
    const value = { sum: 1 }
    store.put('a', value, 1)
    value.sum = 2
    store.put('a', value, 2)
    expect(store.get('a')).toBe(value)
    expect(store.drain().records[0]?.changelogValue?.toString()).toBe('{"sum":2}')
  })
})
