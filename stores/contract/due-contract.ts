import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import { serdes } from '../../common/serde.ts'
import type { DueStore, RestoredRecord } from '../state-store.ts'
import type { StoreBuilder } from '../store-builder.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractOptions, type ContractPlace, ContractStore, HeldDatabase } from './contract-support.ts'

type Rows = DueStore<string, string>
type Open = ContractStore<Rows>

const TTL_MS = 100
const withTtl = (ttl: number): StoreBuilder<Rows> =>
  Stores.keyValueStore('store', { key: serdes.string, value: serdes.string, ttl }) as unknown as StoreBuilder<Rows>
const withoutTtl = Stores.keyValueStore('store', { key: serdes.string, value: serdes.string })

/** What every store whose rows come due has to do beyond being a key-value store. */
export function dueStoreContract(name: string, { place: newPlace, cacheEntries }: ContractOptions): void {
  describe(name, () => {
    let place: ContractPlace
    let databases: TaskDatabase[]

    beforeEach(async () => {
      place = await newPlace()
      databases = []
    })
    afterEach(async () => {
      for (const database of databases) await database.close()
      await place.remove()
    })

    async function openDatabase(): Promise<TaskDatabase> {
      const database = await place.open()
      databases.push(database)
      return database
    }
    async function open(builder = withTtl(TTL_MS)): Promise<Open> {
      return new ContractStore(builder, await openDatabase(), { cacheEntries })
    }
    async function reopen(opened: Open, builder = withTtl(TTL_MS)): Promise<Open> {
      opened.store.close()
      await opened.database.close()
      return open(builder)
    }
    async function take(store: Rows, nowMs: number): Promise<string[]> {
      const taken: string[] = []
      await store.takeDue(nowMs, ({ key, value, dueMs }) => void taken.push(`${key}=${value}@${dueMs}`))
      return taken
    }

    it('hands over the rows that are due, by time and then by key, and deletes them', async () => {
      const opened = await open()
      const { store } = opened
      expect(store.nextDueMs).toBe(Number.POSITIVE_INFINITY)
      for (const [key, time] of [
        ['c', 10],
        ['a', 20],
        ['b', 10],
        ['d', 30],
      ] as const)
        store.put(key, key.toUpperCase(), time)
      expect(store.nextDueMs).toBe(110)
      expect(await take(store, 109)).toEqual([])
      expect(await take(store, 120)).toEqual(['b=B@110', 'c=C@110', 'a=A@120'])
      expect(await store.get('b')).toBeUndefined()
      expect(await store.get('d')).toBe('D')
      expect(await take(store, 120)).toEqual([])
      expect(store.nextDueMs).toBe(130)
      await opened.commit()
      expect(opened.changelog.map((r) => [r.key?.toString(), r.value?.toString() ?? null, r.timestampMs])).toEqual([
        ['c', null, 110],
        ['a', null, 120],
        ['b', null, 110],
        ['d', 'D', 30],
      ])
    })

    it('finds them in the database, after commits and a restart', async () => {
      const opened = await open()
      opened.store.put('a', 'one', 10)
      opened.store.put('b', 'two', 20)
      await opened.commit()
      expect(await take(opened.store, 110)).toEqual(['a=one@110'])
      await opened.commit()
      expect(opened.changelog.at(-1)).toMatchObject({ key: Buffer.from('a'), value: null, timestampMs: 110 })
      if (!place.keepsState) return
      const again = await reopen(opened)
      expect(again.store.nextDueMs).toBeLessThanOrEqual(120)
      expect(await take(again.store, 119)).toEqual([])
      expect(await take(again.store, 120)).toEqual(['b=two@120'])
      expect(again.store.nextDueMs).toBe(Number.POSITIVE_INFINITY)
    })

    it('a row that is put again lives longer, or shorter, and has one entry for it', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'one', 10)
      for (let time = 11; time < 60; time++) store.put('a', 'two', time)
      const { puts } = await opened.commit()
      // The row and one entry.
      expect(puts).toHaveLength(2)
      expect(await take(store, 158)).toEqual([])
      expect(store.nextDueMs).toBe(159)
      expect(await take(store, 159)).toEqual(['a=two@159'])
      store.put('b', 'late', 100)
      store.put('b', 'early', 50)
      expect(store.nextDueMs).toBe(150)
      expect(await take(store, 150)).toEqual(['b=early@150'])
      expect(await take(store, 500)).toEqual([])
    })

    it('a row that is deleted is not handed over, and one that comes back starts anew', async () => {
      const { store } = await open()
      store.put('a', 'one', 10)
      store.put('b', 'two', 10)
      store.put('a', null, 20)
      store.put('b', null, 20)
      store.put('b', 'three', 80)
      expect(await take(store, 110)).toEqual([])
      expect(await take(store, 180)).toEqual(['b=three@180'])
    })

    it('what is put while rows are handed over waits for the next time', async () => {
      const { store } = await open()
      store.put('a', 'one', 10)
      store.put('b', 'two', 20)
      const taken: string[] = []
      await store.takeDue(1_000, ({ key, value }) => {
        taken.push(`${key}=${value}`)
        store.put('b', null, 30)
        store.put(key, 'again', 11)
      })
      expect(taken).toEqual(['a=one'])
      expect(store.nextDueMs).toBe(111)
      expect(await take(store, 1_000)).toEqual(['a=again@111'])
    })

    it('discard forgets what was put and what was taken', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'one', 10)
      await opened.commit()
      store.put('b', 'two', 5)
      expect(await take(store, 110)).toEqual(['b=two@105', 'a=one@110'])
      store.discard()
      expect(await take(store, 110)).toEqual(['a=one@110'])
    })

    it('makes the index from restored records', async () => {
      const opened = await open()
      const records = [
        ['a', 'one', 10],
        ['b', 'two', 20],
        ['a', 'three', 30],
        ['b', null, 40],
      ] as const
      await opened.restore(
        records.map(
          ([key, value, timestampMs]): RestoredRecord => ({
            key: Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
            timestampMs,
            headers: [],
          }),
        ),
      )
      expect(await take(opened.store, 129)).toEqual([])
      expect(await take(opened.store, 130)).toEqual(['a=three@130'])
      expect(opened.store.nextDueMs).toBe(Number.POSITIVE_INFINITY)
    })

    it('indexes rows that had no time to live, or another one, when it is first asked', async () => {
      if (!place.keepsState) return
      const plain = new ContractStore(withoutTtl, await openDatabase(), { cacheEntries })
      plain.store.put('a', 'one', 10)
      plain.store.put('b', 'two', 20)
      await plain.commit()
      plain.store.close()
      await plain.database.close()
      const long = await open(withTtl(1_000))
      expect(await take(long.store, 1_010)).toEqual(['a=one@1010'])
      await long.commit()
      const short = await reopen(long, withTtl(50))
      expect(short.store.nextDueMs).toBe(0)
      expect(await take(short.store, 70)).toEqual(['b=two@70'])
      await short.commit()
      const again = await reopen(short, withTtl(50))
      expect(await take(again.store, 5_000)).toEqual([])
    })

    it('reads the database in pages, and keeps few entries in memory', async () => {
      const database = await openDatabase()
      const held = new HeldDatabase(database)
      const opened = new ContractStore(withTtl(TTL_MS), held, { cacheEntries })
      const rows = 25_000
      for (let i = 0; i < rows; i++) opened.store.put(`k${i}`, 'v', i)
      await opened.commit()
      opened.store.put('first', 'v', 0)
      opened.store.put('last', 'v', rows)
      const times: number[] = []
      await opened.store.takeDue(rows + TTL_MS, ({ dueMs }) => void times.push(dueMs))
      expect(times).toHaveLength(rows + 2)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      await opened.commit()
      expect(opened.store.nextDueMs).toBe(Number.POSITIVE_INFINITY)
      expect(await opened.store.approximateEntries()).toBe(0)
    })

    it('is its model, over random puts, deletions, commits, restarts and takings', async () => {
      for (let seed = 1; seed <= 8; seed++) await modelRun(seed)
    })

    it('refuses to keep rows for no time', () => {
      expect(() => withTtl(0)).toThrow(InvalidArgumentError)
    })

    async function modelRun(seed: number): Promise<void> {
      const random = numbers(seed)
      let opened = await open()
      await opened.store.takeDue(Number.MAX_SAFE_INTEGER, () => {})
      await opened.commit()
      let committed = new Map<string, readonly [value: string, timeMs: number]>()
      let model = new Map(committed)
      let nowMs = 0
      for (let step = 0; step < 400; step++) {
        const key = `k${random(12)}`
        const what = random(20)
        if (what < 10) {
          const timeMs = Math.max(0, nowMs + random(60) - 30)
          opened.store.put(key, `v${step}`, timeMs)
          model.set(key, [`v${step}`, timeMs])
        } else if (what < 12) {
          opened.store.put(key, null, nowMs)
          model.delete(key)
        } else if (what < 17) {
          nowMs += random(40)
          const due = [...model]
            .filter(([, [, timeMs]]) => timeMs + TTL_MS <= nowMs)
            .sort(([a, [, aMs]], [b, [, bMs]]) => aMs - bMs || (a < b ? -1 : 1))
          expect(await take(opened.store, nowMs)).toEqual(due.map(([k, [v, ms]]) => `${k}=${v}@${ms + TTL_MS}`))
          for (const [k] of due) model.delete(k)
          for (const [, [, timeMs]] of model) expect(opened.store.nextDueMs).toBeLessThanOrEqual(timeMs + TTL_MS)
        } else if (what < 18) {
          await opened.commit()
          committed = new Map(model)
        } else if (what < 19) {
          opened.store.discard()
          model = new Map(committed)
        } else if (place.keepsState) {
          opened = await reopen(opened)
          model = new Map(committed)
        }
        expect(await opened.store.get(key)).toBe(model.get(key)?.[0])
      }
      opened.store.close()
      await opened.database.close()
    }
  })
}

function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}
