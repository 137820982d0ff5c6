import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import { CorruptStateError, StoreClosedError } from '../errors.ts'
import type { SessionEntry, SessionStore } from '../state-store.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractOptions, type ContractPlace, ContractStore, stateWrite, toArray } from './contract-support.ts'
import { sessionStoreModelTest } from './session-model.ts'
import {
  all,
  type OpenSessionStore as Open,
  sessionPlan as plan,
  putAll,
  type Session,
  sessionReadsContract,
  values,
} from './session-reads-contract.ts'

const MINUTE = 60_000

/**
 * What every session store has to do, whatever the engine under it and the size of its cache. Many cases are those of
 * AbstractSessionBytesStoreTest.
 */
export function sessionStoreContract(name: string, { place: newPlace, cacheEntries }: ContractOptions): void {
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
    function openOn(database: TaskDatabase): Open {
      return new ContractStore(plan, database, { cacheEntries, onExpired: (store) => expiredPuts.push(store) })
    }
    /** Before the commit, after it, and as another store on the same database finds it. */
    async function always(opened: Open, check: (store: SessionStore<string, string>) => Promise<void>): Promise<void> {
      await check(opened.store)
      await opened.commit()
      await check(opened.store)
      await check(openOn(opened.database).store)
    }

    it('gives a session back from its put on, with the time of its last change', async () => {
      const opened = await open()
      opened.store.put('a', 'one', 10, 20, 12)
      await always(opened, async (store) => {
        expect(await store.fetch('a')).toEqual([{ key: 'a', startMs: 10, endMs: 20, value: 'one', timestampMs: 12 }])
        expect(await store.fetchSession('a', 10, 20)).toBe('one')
        expect(await store.fetchSession('a', 10, 21)).toBeUndefined()
        expect(await store.fetchSession('a', 11, 20)).toBeUndefined()
        expect(await store.fetchSession('any key', 0, 5)).toBeUndefined()
      })
      expect(opened.store.retentionMs).toBe(4 * MINUTE)
    })

    it.each<[string, number, number, object, string[]]>([
      ['that end late and start early enough', 0, 1000, {}, ['1', '2']],
      ['backwards', 0, 1000, { reverse: true }, ['2', '1']],
      ['around a time', 400, 600, {}, ['2']],
      ['from before the epoch', -1, 1000, {}, ['1', '2']],
      ['all', 0, Number.MAX_SAFE_INTEGER, {}, ['1', '2', '3', '4']],
      ['up to a limit', 0, 5000, { limit: 3 }, ['1', '2', '3']],
      ['up to a limit, backwards', 0, 2000, { limit: 2, reverse: true }, ['3', '2']],
    ])('finds the sessions of a key %s', async (_, earliestEnd, latestStart, scan, expected) => {
      const opened = await open()
      putAll(opened, [
        ['a', 10, 10],
        ['a', 500, 1000],
        ['a', 1500, 2000],
        ['a', 2500, 3000],
        ['aa', 0, 1000],
        ['', 0, 1000],
      ])
      await always(opened, async (store) => {
        expect(values(await store.findSessions('a', earliestEnd, latestStart, scan))).toEqual(expected)
        expect(values(await toArray(store.fetchRange('a', 'a', earliestEnd, latestStart, scan)))).toEqual(expected)
      })
    })

    it('finds sessions to merge, oldest first', async () => {
      const opened = await open()
      putAll(opened, [
        ['a', 0, 100],
        ['a', 101, 200],
        ['a', 201, 300],
        ['a', 301, 400],
        ['a', 401, 500],
      ])
      await always(opened, async (store) => {
        expect(values(await store.findSessions('a', 150, 300))).toEqual(['2', '3'])
        expect(values(await store.findSessions('a', 150, 300, { reverse: true }))).toEqual(['3', '2'])
      })
    })

    it('finds a long session from any time in it, over segments', async () => {
      const opened = await open()
      putAll(opened, [
        ['a', 0, 7 * MINUTE],
        ['a', 5 * MINUTE, 6 * MINUTE],
      ])
      await always(opened, async (store) => {
        for (const at of [0, MINUTE, 4 * MINUTE]) expect(values(await store.findSessions('a', at, at))).toEqual(['1'])
        expect(values(await store.findSessions('a', 5 * MINUTE, 5 * MINUTE))).toEqual(['2', '1'])
        expect(values(await store.findSessions('a', 7 * MINUTE, 7 * MINUTE))).toEqual(['1'])
      })
    })

    it.each<[string, string | undefined, string | undefined, number, number, string[]]>([
      ['a range', 'aa', 'bb', 0, 9000, ['1', '2', '3', '4', '5']],
      ['an open beginning', undefined, 'bb', 0, 9000, ['6', '1', '2', '3', '4', '5']],
      ['an open end', 'aa', undefined, 0, 9000, ['1', '2', '3', '4', '5', '7']],
      ['everything', undefined, undefined, 0, 9000, ['6', '1', '2', '3', '4', '5', '7']],
      ['ends and starts', 'a', 'b', 50, 100, ['2', '3']],
      ['a range that ends before it starts', 'b', 'a', 0, 9000, []],
    ])('fetches %s of keys', async (_, fromKey, toKey, earliestEnd, latestStart, expected) => {
      const opened = await open()
      putAll(opened, [
        ['aa', 10, 10],
        ['aaa', 100, 100],
        ['aaaa', 100, 100],
        ['b', 1000, 1000],
        ['bb', 1500, 2000],
        ['a', 0, 0],
        ['bbb', 2500, 3000],
      ])
      await always(opened, async (store) => {
        const scan = (scanOptions: object): Promise<SessionEntry<string, string>[]> =>
          toArray(store.fetchRange(fromKey, toKey, earliestEnd, latestStart, scanOptions))
        expect(values(await scan({}))).toEqual(expected)
        expect(values(await scan({ reverse: true }))).toEqual(expected.toReversed())
        expect(values(await scan({ limit: 2 }))).toEqual(expected.slice(0, 2))
      })
    })

    it('tells keys apart that begin with each other', async () => {
      const opened = await open()
      const keys = ['\0', '\0\0', '\0\0\0']
      putAll(
        opened,
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [keys[(n - 1) % 3] as string, n, 100]),
      )
      await always(opened, async (store) => {
        expect(values(await store.fetch('\0'))).toEqual(['1', '4', '7'])
        expect(values(await store.fetch('\0\0', { reverse: true }))).toEqual(['8', '5', '2'])
        expect(values(await store.fetch('\0\0\0'))).toEqual(['3', '6', '9'])
      })
    })

    it('tells sessions apart that differ in start or end alone', async () => {
      const opened = await open()
      putAll(opened, [
        ['a', 0, 4],
        ['aa', 0, 3],
        ['aa', 0, 4],
        ['aa', 1, 4],
        ['aaa', 0, 4],
      ])
      await always(opened, async (store) => {
        expect(await store.fetchSession('aa', 0, 4)).toBe('3')
        expect(values(await store.fetch('aa'))).toEqual(['2', '3', '4'])
      })
    })

    it('removes sessions, also by a null value', async () => {
      const opened = await open()
      const sessions: Session[] = [
        ['a', 0, 1000],
        ['a', 1500, 2500],
        ['b', 0, 1000],
      ]
      putAll(opened, sessions)
      await opened.commit()
      opened.store.remove('a', 0, 1000, 3)
      opened.store.put('b', null, 0, 1000, 3)
      opened.store.remove('absent', 0, 1, 3)
      await always(opened, async (store) => {
        expect(values(await store.fetch('a'))).toEqual(['2'])
        expect(values(await all(store))).toEqual(['2'])
        expect(await store.fetchSession('b', 0, 1000)).toBeUndefined()
      })
    })

    it('drains changelog records with the key layout of Kafka Streams', async () => {
      const opened = await open()
      const { store } = opened
      store.put('key', 'one', 1, MINUTE, 99)
      expect(store.dirtyEntries).toBe(1)
      const { records } = await opened.commit()
      expect(records.map((r) => [r.changelogKey.toString('hex'), r.changelogValue?.toString(), r.timestampMs])).toEqual(
        [['6b6579000000000000ea600000000000000001', 'one', 99]],
      )
      expect(store.dirtyEntries).toBe(0)
      expect(store.drain()).toEqual({ records: [], puts: [], expired: [] })
    })

    it('leaves no trace of sessions that came and went between two commits', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', '1', 0, 0, 0)
      for (let end = 1; end <= 50; end++) {
        store.remove('a', 0, end - 1, end)
        store.put('a', `${end}`, 0, end, end)
        expect(store.dirtyEntries).toBe(1)
      }
      store.put('b', '1', 0, 0, 0)
      store.remove('b', 0, 0, 0)
      const { records } = await opened.commit()
      expect(records.map((r) => r.changelogValue?.toString())).toEqual(['50'])
      await store.fetch('a')
      store.remove('a', 0, 50, 51)
      store.put('a', '51', 0, 51, 51)
      store.remove('a', 0, 51, 52)
      store.put('a', '52', 0, 52, 52)
      const next = (await opened.commit()).records.map((r) => r.changelogValue?.toString())
      // A key that is not in memory any more may have anything on disk.
      if (cacheEntries > 1) expect(next).toEqual([undefined, '52'])
      expect(values(await all(store))).toEqual(['52'])
    })

    it('keeps a change dirty that is made between drain and commit', async () => {
      const opened = await open()
      const { store, database } = opened
      store.put('a', 'one', 0, 5, 1)
      const changes = store.drain()
      store.remove('a', 0, 5, 2)
      store.put('a', 'two', 0, 6, 2)
      await database.write(stateWrite(changes, new Map()))
      store.committed()
      expect(store.dirtyEntries).toBe(2)
      expect(values(await store.fetch('a'))).toEqual(['two'])
      expect((await opened.commit()).records.map((r) => r.changelogValue?.toString())).toEqual([undefined, 'two'])
      expect(values(await all(store, { committedOnly: true }))).toEqual(['two'])
    })

    it('leaves out what is not committed when asked', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'old', 0, 1, 1)
      await opened.commit()
      store.put('a', 'new', 0, 1, 2)
      store.put('a', 'newer', 0, 9, 2)
      expect(values(await store.fetch('a'))).toEqual(['new', 'newer'])
      expect(values(await store.fetch('a', { committedOnly: true }))).toEqual(['old'])
      expect(values(await all(store, { committedOnly: true }))).toEqual(['old'])
    })

    it('discard forgets everything that is not committed: sessions and stream time', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'old', MINUTE, MINUTE, 1)
      await opened.commit()
      store.put('a', 'new', MINUTE, MINUTE, 2)
      store.put('b', 'new', 99 * MINUTE, 99 * MINUTE, 2)
      store.drain()
      store.discard()
      expect(store.dirtyEntries).toBe(0)
      expect(values(await all(store))).toEqual(['old'])
      expect(store.put('b', 'again', 0, 0, 1)).toBe(true)
      expect(await opened.commit()).toMatchObject({ records: [{}], puts: [{}], expired: [] })
    })

    it('refuses sessions that cannot be', async () => {
      const { store } = await open()
      for (const [start, end] of [
        [-1, 5],
        [6, 5],
        [0.5, 5],
        [0, Number.NaN],
      ] as const)
        expect(() => store.put('a', 'x', start, end, 1)).toThrow(InvalidArgumentError)
      expect(() => store.put(null as never, 'x', 0, 1, 1)).toThrow(InvalidArgumentError)
      expect(() => store.fetch(null as never)).toThrow(InvalidArgumentError)
    })

    it('fails reads and puts after it was closed, with a typed error', async () => {
      const opened = await open()
      putAll(opened, [['a', 0, 0]])
      await opened.commit()
      opened.store.close()
      expect(() => opened.store.fetch('a')).toThrow(StoreClosedError)
      expect(() => opened.store.put('a', 'x', 0, 1, 1)).toThrow(StoreClosedError)
      expect(() => opened.store.fetchRange(undefined, undefined, 0, 1)).toThrow(StoreClosedError)
    })

    describe('retention', () => {
      it('hides and drops sessions that end at or before stream time - retention', async () => {
        const opened = await open()
        const { store } = opened
        for (const end of [0, 1, MINUTE]) store.put('a', `${end}`, 0, end, 1)
        await opened.commit()
        expect(store.put('a', 'now', MINUTE, 4 * MINUTE, 1)).toBe(true)
        expect(await store.fetchSession('a', 0, 0)).toBeUndefined()
        expect(await store.fetchSession('a', 0, 1)).toBe('1')
        expect(values(await store.fetch('a'))).toEqual(['1', '60000', 'now'])
        expect(values(await all(store))).toEqual(['1', '60000', 'now'])
        expect(store.put('a', 'late', 0, 0, 1)).toBe(false)
        expect(store.put('a', 'in time', 0, 1, 1)).toBe(true)
        expect(expiredPuts).toEqual(['store'])
        expect(values(await store.findSessions('a', 0, 0))).toEqual(['in time', '60000'])
      })

      it('removes a segment with one range delete once all of it is expired', async () => {
        const opened = await open()
        const { store } = opened
        for (let n = 0; n < 4; n++) store.put('a', `${n}`, 0, n * MINUTE, 1)
        await opened.commit()
        store.put('a', 'now', 0, 5 * MINUTE, 1)
        expect((await opened.commit()).expired).toEqual([])
        store.put('a', 'later', 0, 6 * MINUTE - 1, 1)
        expect((await opened.commit()).expired).toHaveLength(1)
        const rows = await toArray(opened.database.scan({ gte: opened.database.storePrefix('store') }))
        expect(rows.map(([, value]) => value.toString('utf8', 9))).toEqual(['2', '3', 'now', 'later'])
        store.put('a', 'much later', 0, 100 * MINUTE, 1)
        expect((await opened.commit()).expired).toHaveLength(1)
        expect(values(await all(store))).toEqual(['much later'])
      })

      it('remembers stream time when it is opened again', async () => {
        const opened = await open()
        putAll(opened, [
          ['a', 0, 1],
          ['a', 0, 5 * MINUTE],
        ])
        await opened.commit()
        opened.store.close()
        await opened.database.close()
        const { store } = await open()
        expect(store.put('a', 'late', 0, MINUTE, 1)).toBe(!place.keepsState)
        if (place.keepsState) expect(values(await store.fetch('a'))).toEqual(['2'])
      })
    })

    describe('restored from its changelog', () => {
      it('is equal', async () => {
        const opened = await open()
        for (let i = 0; i < 60; i++) {
          const end = (i % 12) * 20_000 + i * 1000
          opened.store.put(`k${i % 5}`, i % 7 === 0 ? null : `v${i}`, end >> 1, end, i)
          if (i % 9 === 0) await opened.commit()
        }
        await opened.commit()
        const target = await newPlace()
        const database = await target.open()
        try {
          const restored = openOn(database)
          const half = opened.changelog.length >> 1
          await restored.restore(opened.changelog.slice(0, half))
          await restored.store.fetch('k1')
          await restored.restore([
            ...opened.changelog.slice(half),
            { key: null, value: null, timestampMs: 1, headers: [] },
          ])
          expect(await all(restored.store)).toEqual(await all(opened.store))
          for (let i = 0; i < 5; i++)
            expect(await restored.store.fetch(`k${i}`)).toEqual(await opened.store.fetch(`k${i}`))
          expect(restored.store.put('k1', 'late', 0, 0, 1)).toBe(opened.store.put('k1', 'late', 0, 0, 1))
        } finally {
          await database.close()
          await target.remove()
        }
      })

      it('does not keep what it reads while restored rows are being written', async () => {
        const source = await open()
        source.store.put('a', 'one', 0, 5, 1)
        await source.commit()
        const { store, database } = openOn(source.database)
        const key = source.changelog[0]?.key as Buffer
        expect(values(await store.fetch('a'))).toEqual(['one'])
        const changes = store.restoredRows([{ key, value: Buffer.from('two'), timestampMs: 2, headers: EMPTY_HEADERS }])
        expect(values(await store.fetch('a'))).toEqual(['one'])
        await database.write(stateWrite(await changes, new Map()))
        expect(values(await store.fetch('a'))).toEqual(['two'])
      })

      it('refuses keys that are no session keys, and to be restored over uncommitted changes', async () => {
        const { store } = await open()
        const short = { key: Buffer.alloc(15), value: null, timestampMs: 0, headers: EMPTY_HEADERS }
        expect(() => store.restoredRows([short])).toThrow(CorruptStateError)
        store.put('a', 'x', 0, 0, 0)
        expect(() => store.restoredRows([short])).toThrow(InternalError)
      })
    })

    sessionReadsContract({ place: newPlace, openDatabase, open, openOn, expiredPuts: () => expiredPuts, cacheEntries })
    for (const timeOrdered of [false, true])
      sessionStoreModelTest(timeOrdered, () => ({ keepsState: place.keepsState, database: openDatabase }), cacheEntries)
  })
}
