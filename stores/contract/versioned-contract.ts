import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import { serdes } from '../../common/serde.ts'
import { CorruptStateError, StoreClosedError } from '../errors.ts'
import type { VersionedKeyValueStore } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import {
  type ContractOptions,
  type ContractPlace,
  ContractStore,
  HeldDatabase,
  settled,
  stateWrite,
  toArray,
} from './contract-support.ts'
import { versionedStoreModelTest } from './versioned-model.ts'
import { VERSIONED_SEQUENCES } from './versioned-sequences.ts'

type Open = ContractStore<VersionedKeyValueStore<string, string>>

const HISTORY = 300
const INTERVAL = 100
/** A time that makes segments line up with tens. */
const BASE = 1000
const FOREVER = Number.POSITIVE_INFINITY

const options = {
  key: serdes.string,
  value: serdes.string,
  historyRetention: HISTORY,
  segmentInterval: INTERVAL,
} as const
const plan = Stores.versionedKeyValueStore('store', options)

/** What every versioned store has to do, whatever the engine under it and the size of its cache. */
export function versionedStoreContract(name: string, { place: newPlace, cacheEntries }: ContractOptions): void {
  describe(name, () => {
    let place: ContractPlace
    let databases: TaskDatabase[]
    let expiredPuts: string[]

    beforeEach(async () => {
      place = await newPlace()
      databases = []
      expiredPuts = []
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
    async function open(): Promise<Open> {
      return openOn(await openDatabase())
    }
    function openOn(database: TaskDatabase, builder = plan): Open {
      return new ContractStore(builder, database, { cacheEntries, onExpired: (store) => expiredPuts.push(store) })
    }
    /** Puts versions as `[value, time]` and commits after each one if told to. */
    async function put(opened: Open, versions: readonly [string | null, number][], commits = true): Promise<void> {
      for (const [value, timestampMs] of versions) {
        await opened.store.put('k', value, timestampMs)
        if (commits) await opened.commit()
      }
    }
    const at = async (opened: Open, time?: number): Promise<unknown> => {
      const entry = await opened.store.getEntry('k', time)
      return entry && [entry.value, entry.timestampMs, entry.validToMs]
    }

    for (const commits of [true, false]) {
      describe(commits ? 'with a commit after each put' : 'without commits', () => {
        it('finds the newest version, and the one of a time', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], ['b', BASE + 10], ['c', BASE + 250]], commits) // biome-ignore format: a table
          expect(await at(opened)).toEqual(['c', BASE + 250, FOREVER])
          expect(await at(opened, BASE + 300)).toEqual(['c', BASE + 250, FOREVER])
          expect(await at(opened, BASE + 249)).toEqual(['b', BASE + 10, BASE + 250])
          expect(await at(opened, BASE + 10)).toEqual(['b', BASE + 10, BASE + 250])
          expect(await at(opened, BASE + 9)).toEqual(['a', BASE, BASE + 10])
          expect(await at(opened, BASE - 1)).toBeUndefined()
          expect(await opened.store.get('other')).toBeUndefined()
        })

        it('answers until when a version is valid', async () => {
          const { store } = await open()
          expect(await store.put('k', 'a', BASE)).toBe(FOREVER)
          expect(await store.put('k', 'b', BASE + 200)).toBe(FOREVER)
          expect(await store.put('k', 'c', BASE + 100)).toBe(BASE + 200)
          expect(await store.put('k', 'd', BASE - 50)).toBe(BASE)
          expect(await store.put('k', 'e', BASE + 100)).toBe(BASE + 200)
          expect(await store.put('k', null, BASE + 200)).toBe(FOREVER)
          expect(await store.put('k', 'f', BASE + 150)).toBe(BASE + 200)
          expect(await store.put('other', null, BASE)).toBe(FOREVER)
          expect(await store.put('other', 'x', BASE - 1)).toBe(BASE)
        })

        it('replaces a version of the same time, the newest and older ones', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], ['b', BASE + 20], ['to', BASE + 20], ['t', BASE]], commits) // biome-ignore format: a table
          expect(await at(opened)).toEqual(['to', BASE + 20, FOREVER])
          expect(await at(opened, BASE + 5)).toEqual(['t', BASE, BASE + 20])
        })

        it('keeps deletions as versions, the newest one too', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], [null, BASE + 120], ['b', BASE + 240], [null, BASE + 250]], commits) // biome-ignore format: a table
          expect(await at(opened)).toBeUndefined()
          expect(await at(opened, BASE + 119)).toEqual(['a', BASE, BASE + 120])
          expect(await at(opened, BASE + 130)).toBeUndefined()
          expect(await at(opened, BASE + 245)).toEqual(['b', BASE + 240, BASE + 250])
          expect(await at(opened, BASE + 250)).toBeUndefined()
        })

        it('keeps a deletion when another one comes after the history has left what was deleted', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], [null, BASE + 50], [null, BASE + 50 + HISTORY]], commits) // biome-ignore format: a table
          expect(await at(opened, BASE + 60 + HISTORY)).toBeUndefined()
          expect(await at(opened, BASE + 50 + HISTORY - 1)).toBeUndefined()
          expect(await opened.store.history('k', 0, BASE + 2 * HISTORY)).toEqual([])
        })

        it('puts what comes out of order between the others, across segments', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], ['z', BASE + 290], ['m', BASE + 150], [null, BASE + 220], ['n', BASE + 30]], commits) // biome-ignore format: a table
          expect(await at(opened, BASE + 29)).toEqual(['a', BASE, BASE + 30])
          expect(await at(opened, BASE + 149)).toEqual(['n', BASE + 30, BASE + 150])
          expect(await at(opened, BASE + 219)).toEqual(['m', BASE + 150, BASE + 220])
          expect(await at(opened, BASE + 220)).toBeUndefined()
          expect(await at(opened, BASE + 290)).toEqual(['z', BASE + 290, FOREVER])
        })

        it('orders a version before a deletion that is all there is of a key', async () => {
          const opened = await open()
          await put(opened, [[null, BASE + 50], ['a', BASE + 10], [null, BASE + 10], ['b', BASE]], commits) // biome-ignore format: a table
          expect(await at(opened, BASE + 5)).toEqual(['b', BASE, BASE + 10])
          expect(await at(opened, BASE + 20)).toBeUndefined()
          expect(await at(opened)).toBeUndefined()
        })

        it.each(Object.entries(VERSIONED_SEQUENCES))('keeps %s', async (_, { puts, reads, newest }) => {
          const opened = await open()
          for (const [value, time, end] of puts) {
            expect(await opened.store.put('k', value, BASE + time)).toBe(BASE + end)
            if (commits) await opened.commit()
          }
          expect(await opened.store.get('k')).toBe(newest)
          for (const [asOf, ...expected] of reads) {
            const [value, from = 0, to = 0] = expected
            expect(await at(opened, BASE + asOf)).toEqual(
              value === undefined ? undefined : [value, BASE + from, BASE + to],
            )
          }
          await opened.commit()
          const restored = openOn(opened.database, Stores.versionedKeyValueStore('restored', options))
          await restored.restore(opened.changelog)
          for (const [asOf] of reads) expect(await at(restored, BASE + asOf)).toEqual(await at(opened, BASE + asOf))
        })

        it('tells the history of a key', async () => {
          const opened = await open()
          await put(opened, [['a', BASE], ['b', BASE + 100], [null, BASE + 150], ['c', BASE + 200]], commits) // biome-ignore format: a table
          const told = async (from: number, to: number, options = {}): Promise<string[]> =>
            (await opened.store.history('k', from, to, options)).map((entry) => entry.value)
          expect(await told(0, 1e9)).toEqual(['a', 'b', 'c'])
          expect(await told(0, 1e9, { reverse: true, limit: 2 })).toEqual(['c', 'b'])
          expect(await told(BASE + 99, BASE + 100)).toEqual(['a', 'b'])
          expect(await told(BASE + 100, BASE + 199)).toEqual(['b'])
          expect(await told(BASE + 150, BASE + 199)).toEqual([])
          expect(await told(BASE + 500, BASE + 900)).toEqual(['c'])
          expect(await told(0, BASE - 1)).toEqual([])
          expect(await told(BASE + 10, BASE)).toEqual([])
          expect(await opened.store.history('other', 0, 1e9)).toEqual([])
        })

        it('forgets what is older than the history, but never the newest version of a key', async () => {
          const opened = await open()
          await opened.store.put('old', 'kept', BASE)
          await put(
            opened,
            [
              ['a', BASE],
              ['b', BASE + 10],
              ['c', BASE + 20],
            ],
            commits,
          )
          await opened.store.put('other', 'x', BASE + 20 + HISTORY)
          if (commits) await opened.commit()
          expect(await at(opened, BASE + 20)).toEqual(['c', BASE + 20, FOREVER])
          expect(await at(opened, BASE + 19)).toBeUndefined()
          expect(await at(opened, BASE + 10)).toBeUndefined()
          expect(await opened.store.get('old', BASE)).toBe('kept')
          await opened.store.put('k', 'd', BASE + 30 + HISTORY)
          expect(await at(opened, BASE + 29)).toBeUndefined()
          expect(await at(opened, BASE + 30)).toEqual(['c', BASE + 20, BASE + 30 + HISTORY])
          expect((await opened.store.history('k', 0, 1e9)).map((entry) => entry.value)).toEqual(['c', 'd'])
        })

        it('refuses what is older than the history, and counts it', async () => {
          const opened = await open()
          await put(opened, [['a', BASE]], commits)
          expect(await opened.store.put('k', 'b', BASE - HISTORY)).toBe(BASE)
          expect(await opened.store.put('k', 'c', BASE - HISTORY - 1)).toBeUndefined()
          expect(await opened.store.put('k', null, 0)).toBeUndefined()
          expect(await opened.store.delete('k', BASE - HISTORY - 1)).toBeUndefined()
          expect(expiredPuts).toEqual(['store', 'store', 'store'])
          expect(await at(opened)).toEqual(['a', BASE, FOREVER])
          if (commits) expect((await opened.commit()).records).toHaveLength(1)
        })

        it('deletes from a time on and gives what was valid then', async () => {
          const opened = await open()
          await put(
            opened,
            [
              ['a', BASE],
              ['b', BASE + 50],
            ],
            commits,
          )
          expect(await opened.store.delete('k', BASE + 10)).toEqual({ value: 'a', timestampMs: BASE, validToMs: BASE + 50 }) // biome-ignore format: one line
          expect(await at(opened, BASE + 20)).toBeUndefined()
          expect(await at(opened)).toEqual(['b', BASE + 50, FOREVER])
          expect(await opened.store.delete('k', BASE + 60)).toMatchObject({ value: 'b' })
          expect(await opened.store.delete('k', BASE + 60)).toBeUndefined()
          expect(await at(opened)).toBeUndefined()
        })
      })
    }

    it('writes each version to the changelog once a commit, in the order of their times', async () => {
      const opened = await open()
      const headers = [{ key: 'h', value: Buffer.from('v') }]
      await opened.store.put('b', 'first', BASE + 50, headers)
      await opened.store.put('a', 'second', BASE + 100)
      await opened.store.put('b', null, BASE + 70)
      await opened.store.put('a', 'replaced', BASE + 10)
      await opened.store.put('a', 'before', BASE + 10)
      const written = (await opened.commit()).records.map((record) => [
        record.changelogKey.toString(),
        record.changelogValue?.toString() ?? null,
        record.timestampMs,
      ])
      expect(written).toEqual([
        ['a', 'before', BASE + 10],
        ['b', 'first', BASE + 50],
        ['b', null, BASE + 70],
        ['a', 'second', BASE + 100],
      ])
      expect(opened.changelog[1]?.headers).toEqual(headers)
      expect(await opened.commit()).toEqual({ records: [], puts: [], expired: [] })
      await opened.store.put('a', 'third', BASE + 110)
      expect((await opened.commit()).records).toHaveLength(1)
    })

    it('lets history leave the database with its segments', async () => {
      const opened = await open()
      await put(opened, [['a', BASE], ['b', BASE + 10], ['c', BASE + 20], [null, BASE + 30]]) // biome-ignore format: a table
      const rows = async (): Promise<number> =>
        opened.database.approximateRows(Buffer.from([0, 1]), Buffer.from([255, 255]))
      expect(await rows()).toBe(1)
      await opened.store.put('other', 'x', BASE + HISTORY + INTERVAL)
      expect((await opened.commit()).expired).toHaveLength(1)
      expect(await rows()).toBe(1)
      expect(await at(opened)).toBeUndefined()
    })

    it('lists the newest versions by key, with what is not committed', async () => {
      const opened = await open()
      for (const key of ['a', 'b', 'd']) await opened.store.put(key, `${key}1`, BASE)
      await opened.commit()
      await opened.store.put('b', null, BASE + 1)
      await opened.store.put('a', 'a2', BASE + 1)
      await opened.store.put('c', 'c1', BASE)
      await opened.store.put('c', 'c0', BASE - 1)
      const listed = async (from?: string, to?: string, options = {}): Promise<string[]> =>
        (await toArray(opened.store.range(from, to, options))).map((entry) => entry.value)
      expect(await listed()).toEqual(['a2', 'c1', 'd1'])
      expect(await listed('b', 'c')).toEqual(['c1'])
      expect(await listed('d', 'a')).toEqual([])
      expect(await listed(undefined, undefined, { reverse: true, limit: 2 })).toEqual(['d1', 'c1'])
      expect(await listed(undefined, undefined, { committedOnly: true })).toEqual(['a1', 'b1', 'd1'])
      await opened.commit()
      expect(await listed()).toEqual(['a2', 'c1', 'd1'])
    })

    it('forgets what was not committed', async () => {
      const opened = await open()
      await put(opened, [['a', BASE]])
      await put(opened, [['b', BASE + 10], ['c', BASE + 1000]], false) // biome-ignore format: a table
      opened.store.drain()
      opened.store.discard()
      expect(await at(opened)).toEqual(['a', BASE, FOREVER])
      expect(await opened.store.put('k', 'late', BASE - HISTORY)).toBe(BASE)
    })

    it('takes up stream time and history where they were', async () => {
      const opened = await open()
      await put(opened, [
        ['a', BASE],
        ['b', BASE + 150],
      ])
      const again = openOn(opened.database)
      expect(await again.store.put('k', 'x', BASE + 149 - HISTORY)).toBeUndefined()
      expect(await at(again, BASE + 1)).toEqual(['a', BASE, BASE + 150])
      expect(await again.store.put('k', 'c', BASE + 100)).toBe(BASE + 150)
      await again.commit()
      expect(await at(openOn(opened.database), BASE + 99)).toEqual(['a', BASE, BASE + 100])
    })

    it('restores the same history from the changelog, over what is there', async () => {
      const opened = await open()
      await put(opened, [['a', BASE], ['b', BASE + 150], ['m', BASE + 100], [null, BASE + 160], ['z', BASE + 170]]) // biome-ignore format: a table
      const again = openOn(opened.database, Stores.versionedKeyValueStore('restored', options))
      const nobody = { key: null, value: Buffer.from('x'), timestampMs: 1e9, headers: EMPTY_HEADERS }
      await again.restore([nobody])
      await again.restore(opened.changelog.slice(0, 2))
      expect(await at(again)).toEqual(['b', BASE + 150, FOREVER])
      await again.restore(opened.changelog.slice(2))
      for (const time of [0, 50, 99, 100, 149, 155, 160, 165, 170, 500])
        expect(await at(again, BASE + time)).toEqual(await at(opened, BASE + time))
      expect(await again.store.put('k', 'late', BASE + 169 - HISTORY)).toBeUndefined()
    })

    it('is not restored over uncommitted changes', async () => {
      const { store } = await open()
      await store.put('k', 'a', BASE)
      expect(() => store.restoredRows([])).toThrow(InternalError)
    })

    it('prefetches what is not in memory with one read', async () => {
      const first = await open()
      for (const key of ['a', 'b', 'c']) for (const time of [0, 10]) await first.store.put(key, key, BASE + time)
      await first.commit()
      const database = new HeldDatabase(first.database)
      const { store } = openOn(database)
      await store.prefetch(['a', 'b', 'a', 'absent'])
      expect(database.reads).toBe(1)
      if (cacheEntries < 4) return
      expect([store.get('a'), store.get('b', BASE), store.get('absent')]).toEqual(['a', 'b', undefined])
      expect(store.prefetch(['a', 'b'])).toBeUndefined()
    })

    it('a put waits for the read that it needs, and loses nothing', async () => {
      const first = await open()
      await put(first, [['a', BASE]])
      const database = new HeldDatabase(first.database)
      const opened = openOn(database)
      database.hold()
      const pending = [opened.store.getEntry('k'), opened.store.put('k', 'b', BASE + 10), opened.store.put('k', 'c', BASE + 5)] // biome-ignore format: one line
      database.release()
      const [entry, ...ends] = await settled<unknown>(pending)
      expect(entry).toMatchObject({ value: 'a' })
      expect(ends).toEqual([FOREVER, BASE + 10])
      await opened.commit()
      expect(await at(opened, BASE + 4)).toEqual(['a', BASE, BASE + 5])
      expect(await at(opened, BASE + 5)).toEqual(['c', BASE + 5, BASE + 10])
    })

    it('closed, it fails with a typed error', async () => {
      const first = await open()
      await put(first, [['a', BASE]])
      const database = new HeldDatabase(first.database)
      const { store } = openOn(database)
      database.hold()
      const read = store.get('k')
      store.close()
      database.release()
      await expect(Promise.resolve(read)).rejects.toThrow(StoreClosedError)
      expect(() => store.get('k')).toThrow(StoreClosedError)
      expect(() => store.put('k', 'x', BASE)).toThrow(StoreClosedError)
    })

    it('says so when its history was kept in other segments', async () => {
      const opened = await open()
      await put(opened, [['a', BASE]])
      const other = Stores.versionedKeyValueStore('store', { ...options, segmentInterval: INTERVAL + 1 })
      expect(() => openOn(opened.database, other)).toThrow(/segments of 100 ms, not of 101 ms/)
      expect(() => openOn(opened.database, other)).toThrow(CorruptStateError)
      opened.database.keepStoreState('store', Buffer.from('nonsense'))
      await opened.database.write({ puts: [], rangeDeletes: [], offsets: new Map() })
      expect(() => openOn(opened.database)).toThrow(CorruptStateError)
    })

    it('says so when its rows cannot be read', async () => {
      const opened = await open()
      await put(opened, [
        ['a', BASE],
        ['b', BASE + 10],
      ])
      const changes = opened.store.drain()
      const puts: [Buffer, Buffer][] = []
      for await (const [rowKey, rowValue] of opened.database.scan({ gte: Buffer.from([0, 1]) }))
        puts.push([rowKey, rowValue.subarray(0, rowValue.length - 1)])
      await opened.database.write({ ...stateWrite(changes, new Map()), puts: puts.filter(([, value]) => value.length > 20) }) // biome-ignore format: one line
      const again = openOn(opened.database)
      await expect((async () => again.store.get('k'))()).rejects.toThrow(CorruptStateError)
    })

    it('keeps no more than what is valid now with a history of nothing', async () => {
      const opened = openOn(
        await openDatabase(),
        Stores.versionedKeyValueStore('none', { ...options, historyRetention: 0 }),
      )
      await put(opened, [['a', BASE], ['b', BASE + 10]]) // biome-ignore format: a table
      expect(await at(opened, BASE + 10)).toEqual(['b', BASE + 10, FOREVER])
      expect(await at(opened, BASE + 9)).toBeUndefined()
      expect(await opened.store.put('k', 'c', BASE + 9)).toBeUndefined()
    })

    it.each([-1, 0.5, Number.NaN])('refuses a version of time %s', async (time) => {
      const { store } = await open()
      expect(() => store.put('k', 'x', time)).toThrow(InvalidArgumentError)
    })

    versionedStoreModelTest(() => ({ keepsState: place.keepsState, database: openDatabase }), cacheEntries)
  })
}
