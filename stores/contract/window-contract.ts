import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import { serdes } from '../../common/serde.ts'
import { CorruptStateError } from '../errors.ts'
import { decodeRowValue } from '../shared/row-value.ts'
import type { WindowEntry, WindowStore } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractOptions, type ContractPlace, ContractStore, stateWrite, toArray } from './contract-support.ts'
import { windowStoreModelTest } from './window-model.ts'
import {
  duplicatesPlan as duplicates,
  type OpenWindowStore as Open,
  windowPlan as plan,
  windowSizes as sizes,
  windowReadsContract,
} from './window-reads-contract.ts'

const MINUTE = 60_000

/** What every window store has to do, whatever the engine under it and the size of its cache. */
export function windowStoreContract(name: string, { place: newPlace, cacheEntries }: ContractOptions): void {
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
    async function open(builder = plan): Promise<Open> {
      return openOn(await openDatabase(), builder)
    }
    function openOn(database: TaskDatabase, builder = plan): Open {
      return new ContractStore(builder, database, { cacheEntries, onExpired: (store) => expiredPuts.push(store) })
    }
    async function reopen(opened: Open, builder = plan): Promise<Open> {
      opened.store.close()
      await opened.database.close()
      return open(builder)
    }
    const values = (entries: readonly WindowEntry<string, string>[]): string[] => entries.map((entry) => entry.value)
    const all = (store: WindowStore<string, string>, options = {}): Promise<WindowEntry<string, string>[]> =>
      toArray(store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER, options))

    it('gives a window back from its put on, through drain and commit', async () => {
      const { store, database } = await open()
      expect(await store.get('a', 0)).toBeUndefined()
      expect(store.put('a', 'one', 0, 10)).toBe(true)
      store.put('a', 'two', MINUTE, 70)
      expect(await store.getEntry('a', 0)).toMatchObject({ value: 'one', timestampMs: 10 })
      const changes = store.drain()
      expect(await store.get('a', 0)).toBe('one')
      await database.write(stateWrite(changes, new Map()))
      store.committed()
      expect(await store.getEntry('a', MINUTE)).toMatchObject({ value: 'two', timestampMs: 70 })
      expect(await store.get('a', 1)).toBeUndefined()
      expect(await store.get('b', 0)).toBeUndefined()
      expect(store.windowSizeMs).toBe(MINUTE)
      expect(store.retentionMs).toBe(4 * MINUTE)
    })

    it('answers at once for segments that were born in this process', async () => {
      const { store } = await open()
      store.put('a', 'one', 0, 1)
      expect(store.get('a', 0)).toBe('one')
      expect(store.get('b', 0)).toBeUndefined()
      expect(store.get('b', 3 * MINUTE)).toBeUndefined()
      expect(values(store.fetch('a', 0, MINUTE) as WindowEntry<string, string>[])).toEqual(['one'])
      expect(store.fetch('b', 0, MINUTE)).toEqual([])
      expect(store.prefetch([['b', 0]])).toBeUndefined()
    })

    it('deletes with null, before and after the row is committed', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'one', 0, 1)
      store.put('a', null, 0, 2)
      expect(await store.get('a', 0)).toBeUndefined()
      store.put('a', 'two', 0, 3)
      store.put('b', 'two', 0, 3)
      await opened.commit()
      store.put('a', null, 0, 4)
      expect(await store.fetch('a', 0, MINUTE)).toEqual([])
      expect(values(await all(store))).toEqual(['two'])
      await opened.commit()
      expect(await store.getEntry('a', 0)).toBeUndefined()
      expect(values(await all(store))).toEqual(['two'])
    })

    it.each([-1, 0.5, Number.NaN])('refuses a window that starts at %s', async (start) => {
      const { store } = await open()
      expect(() => store.put('a', 'x', start, 1)).toThrow(InvalidArgumentError)
      expect(await store.get('a', start)).toBeUndefined()
    })

    it.each<[string, number, number, object, string[]]>([
      ['all of them', 0, 10 * MINUTE, {}, ['0', '1', '2', '3']],
      ['those in bounds, both inclusive', MINUTE, 2 * MINUTE, {}, ['1', '2']],
      ['none between two', MINUTE + 1, 2 * MINUTE - 1, {}, []],
      ['those after a negative bound', -5, 0, {}, ['0']],
      ['those in open bounds', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, {}, ['0', '1', '2', '3']],
      ['the newest first', 0, 3 * MINUTE, { reverse: true }, ['3', '2', '1', '0']],
      ['the first ones', 0, 3 * MINUTE, { limit: 3 }, ['0', '1', '2']],
      ['the newest ones', 0, 3 * MINUTE, { limit: 3, reverse: true }, ['3', '2', '1']],
      ['none within a limit of none', 0, 3 * MINUTE, { limit: 0 }, []],
    ])('fetches of the windows of a key %s, whatever is committed', async (_, from, to, options, expected) => {
      const opened = await open()
      const { store } = opened
      for (const key of ['a', 'a\0', 'aa', '']) for (const n of [1, 3]) store.put(key, `${n}`, n * MINUTE, 1)
      await opened.commit()
      for (const key of ['a', 'a\0', 'aa', '']) for (const n of [0, 2]) store.put(key, `${n}`, n * MINUTE, 1)
      for (const key of ['a', 'a\0', 'aa', ''])
        expect(values(await store.fetch(key, from, to, options))).toEqual(expected)
      await opened.commit()
      for (const key of ['a', 'a\0', 'aa', ''])
        expect(values(await store.fetch(key, from, to, options))).toEqual(expected)
      const again = openOn(opened.database).store
      expect(values(await again.fetch('a', from, to, options))).toEqual(expected)
    })

    it.each<[string, string | undefined, string | undefined, number, number, object, string[]]>([
      ['everything', undefined, undefined, 0, 3, {}, ['@0', 'a@0', 'a@1', 'a\0@1', 'b@0', '@2', 'a@3', 'b@2']],
      [
        'in reverse',
        undefined,
        undefined,
        0,
        3,
        { reverse: true },
        ['b@2', 'a@3', '@2', 'b@0', 'a\0@1', 'a@1', 'a@0', '@0'],
      ],
      ['a range of keys', 'a', 'a\0', 0, 3, {}, ['a@0', 'a@1', 'a\0@1', 'a@3']],
      ['a range of times', undefined, undefined, 1, 2, {}, ['a@1', 'a\0@1', '@2', 'b@2']],
      ['both', 'a', undefined, 1, 2, {}, ['a@1', 'a\0@1', 'b@2']],
      ['up to a limit', undefined, 'a', 0, 3, { limit: 4 }, ['@0', 'a@0', 'a@1', '@2']],
      ['a range that ends before it starts', 'b', 'a', 0, 3, {}, []],
    ])(
      'fetches %s by segment, key and start, whatever is committed',
      async (_, fromKey, toKey, from, to, options, expected) => {
        const opened = await open()
        const { store } = opened
        const put = (keys: string[]): void => {
          for (const id of keys) store.put(id.split('@')[0] as string, id, Number(id.split('@')[1]) * MINUTE, 1)
        }
        const scan = async (): Promise<string[]> =>
          values(await toArray(store.fetchRange(fromKey, toKey, from * MINUTE, to * MINUTE, options)))
        put(['b@2', 'a@0', 'a\0@1', '@2', 'c@1'])
        await opened.commit()
        put(['b@0', 'a@3', '@0', 'a@1', 'a@0'])
        store.put('c', null, MINUTE, 1)
        expect(await scan()).toEqual(expected)
        await opened.commit()
        expect(await scan()).toEqual(expected)
      },
    )

    it('leaves out what is not committed when asked', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'old', 0, 1)
      await opened.commit()
      store.put('a', 'new', 0, 2)
      store.put('a', 'new', MINUTE, 2)
      expect(values(await store.fetch('a', 0, MINUTE))).toEqual(['new', 'new'])
      expect(values(await store.fetch('a', 0, MINUTE, { committedOnly: true }))).toEqual(['old'])
      expect(values(await all(store, { committedOnly: true }))).toEqual(['old'])
    })

    it('is safe against puts and commits while it is scanned', async () => {
      const opened = await open()
      const { store } = opened
      for (const key of ['a', 'b', 'c']) store.put(key, 'old', 0, 1)
      await opened.commit()
      const seen: string[] = []
      for await (const { key, value } of store.fetchRange(undefined, undefined, 0, MINUTE)) {
        seen.push(key + value)
        store.put('b', null, 0, 2)
        store.put('c', 'new', 0, 2)
        store.put('bb', 'new', 0, 2)
        await opened.commit()
      }
      expect(seen).toEqual(['aold', 'bold', 'cold'])
      expect((await all(store)).map((e) => e.key)).toEqual(['a', 'bb', 'c'])
    })

    it('drains changelog records with the key layout of Kafka Streams', async () => {
      const opened = await open()
      const { store } = opened
      const headers = [{ key: 'trace', value: Buffer.from('1') }]
      store.put('key', 'one', MINUTE, 99, headers)
      store.put('key', null, 0, 98)
      expect(store.dirtyEntries).toBe(2)
      const { records } = await opened.commit()
      expect(
        records.map((r) => [r.changelogKey.toString('hex'), r.changelogValue?.toString(), r.timestampMs, r.headers]),
      ).toEqual([
        ['6b6579000000000000ea6000000000', 'one', 99, headers],
        ['6b6579000000000000000000000000', undefined, 98, EMPTY_HEADERS],
      ])
      expect(store.dirtyEntries).toBe(0)
      expect(store.drain()).toEqual({ records: [], puts: [], expired: [] })
    })

    it('keeps a change dirty that is made between drain and commit', async () => {
      const opened = await open()
      const { store, database } = opened
      store.put('a', 'one', 0, 1)
      const changes = store.drain()
      store.put('a', 'two', 0, 2)
      await database.write(stateWrite(changes, new Map()))
      store.committed()
      expect(store.dirtyEntries).toBe(1)
      store.put('a', 'two', 0, 3)
      expect(store.dirtyEntries).toBe(1)
      expect(await store.get('a', 0)).toBe('two')
      expect((await opened.commit()).records.map((r) => r.changelogValue?.toString())).toEqual(['two'])
      expect(values(await all(store, { committedOnly: true }))).toEqual(['two'])
    })

    it('discard forgets everything that is not committed: rows, stream time, values changed in place', async () => {
      const builder = Stores.windowStore('store', { ...sizes, value: serdes.json<number[]>() })
      const opened = new ContractStore(builder, await openDatabase(), { cacheEntries })
      const { store } = opened
      store.put('a', [1], MINUTE, 1)
      await opened.commit()
      ;((await store.get('a', MINUTE)) as number[]).push(2)
      store.put('b', [1], 0, 1)
      store.drain()
      store.put('a', [9], 60 * MINUTE, 1)
      expect(await store.get('a', MINUTE)).toBeUndefined()
      store.drain()
      store.discard()
      expect(store.dirtyEntries).toBe(0)
      expect(await store.get('a', MINUTE)).toEqual([1])
      expect(await store.get('a', 60 * MINUTE)).toBeUndefined()
      expect(await toArray(store.fetchRange(undefined, undefined, 0, 99 * MINUTE))).toHaveLength(1)
      expect(store.put('b', [2], 0, 1)).toBe(true)
      expect(await opened.commit()).toMatchObject({ records: [{}], puts: [{}], expired: [] })
    })

    describe('retention', () => {
      it('hides and drops windows that start at or before stream time - retention', async () => {
        const opened = await open()
        const { store } = opened
        for (const start of [0, 1, MINUTE]) store.put('a', `${start}`, start, 1)
        await opened.commit()
        expect(store.put('a', 'now', 4 * MINUTE, 1)).toBe(true)
        expect(await store.get('a', 0)).toBeUndefined()
        expect(await store.get('a', 1)).toBe('1')
        expect(values(await store.fetch('a', 0, 9 * MINUTE))).toEqual(['1', '60000', 'now'])
        expect(values(await all(store))).toEqual(['1', '60000', 'now'])
        expect(store.put('a', 'late', 0, 1)).toBe(false)
        expect(store.put('a', 'in time', 1, 1)).toBe(true)
        expect(store.put('b', null, 0, 1)).toBe(false)
        expect(expiredPuts).toEqual(['store', 'store'])
        expect(values(await store.fetch('a', 0, 1))).toEqual(['in time'])
      })

      it('removes segments with one range delete once all of them is expired', async () => {
        const opened = await open()
        const { store } = opened
        for (let n = 0; n < 4; n++) store.put('a', `${n}`, n * MINUTE, 1)
        await opened.commit()
        store.put('a', 'now', 5 * MINUTE, 1)
        expect((await opened.commit()).expired).toEqual([])
        store.put('a', 'later', 6 * MINUTE - 1, 1)
        const { expired } = await opened.commit()
        expect(expired).toHaveLength(1)
        const rows = await toArray(opened.database.scan({ gte: opened.database.storePrefix('store') }))
        expect(rows.map(([, value]) => value.toString('utf8', 9))).toEqual(['2', '3', 'now', 'later'])
        store.put('a', 'much later', 100 * MINUTE, 1)
        expect((await opened.commit()).expired, 'one range for all that leave together').toHaveLength(1)
        expect(values(await all(store))).toEqual(['much later'])
        expect(await toArray(opened.database.scan({ gte: opened.database.storePrefix('store') }))).toHaveLength(1)
      })

      it('writes no row that expired before its commit', async () => {
        const opened = await open()
        opened.store.put('a', 'old', 0, 1)
        opened.store.put('a', 'new', 100 * MINUTE, 1)
        expect((await opened.commit()).records.map((r) => r.changelogValue?.toString())).toEqual(['new'])
        expect(opened.store.dirtyEntries).toBe(0)
      })

      it('remembers stream time when it is opened again', async () => {
        const opened = await open()
        opened.store.put('a', 'old', 0, 1)
        opened.store.put('a', 'new', 5 * MINUTE, 1)
        await opened.commit()
        const { store, database } = await reopen(opened)
        if (!place.keepsState) {
          expect(store.put('a', 'the first again', MINUTE, 1)).toBe(true)
          return
        }
        expect(store.put('a', 'late', MINUTE, 1)).toBe(false)
        expect(await store.get('a', 0)).toBeUndefined()
        expect(await store.get('a', 5 * MINUTE)).toBe('new')
        store.put('a', 'newest', 6 * MINUTE, 1)
        await database.write(stateWrite(store.drain(), new Map()))
        expect(await toArray(database.scan({ gte: database.storePrefix('store') }))).toHaveLength(2)
      })
    })

    describe('with duplicates', () => {
      it('keeps every put of the same key and start, in their order', async () => {
        const opened = await open(duplicates)
        const { store } = opened
        for (const value of ['1', '2']) store.put('a', value, 0, 1)
        await opened.commit()
        for (const value of ['3', '4']) store.put('a', value, 0, 1)
        store.put('a', 'later', MINUTE, 1)
        store.put('a', 'before', 30_000, 1)
        expect(values(await store.fetch('a', 0, MINUTE))).toEqual(['1', '2', '3', '4', 'before', 'later'])
        expect(values(await store.fetch('a', 0, 0, { reverse: true }))).toEqual(['4', '3', '2', '1'])
        expect(values(await all(store))).toEqual(['1', '2', '3', '4', 'before', 'later'])
        expect(await store.get('a', 0)).toBe('4')
        expect(await store.get('b', 0)).toBeUndefined()
      })

      it('ignores null', async () => {
        const opened = await open(duplicates)
        opened.store.put('a', '1', 0, 1)
        expect(opened.store.put('a', null, 0, 1)).toBe(true)
        expect(opened.store.put('a', null, 100 * MINUTE, 1)).toBe(true)
        expect(values(await all(opened.store))).toEqual(['1'])
        expect((await opened.commit()).records).toHaveLength(1)
      })

      it('continues its sequence numbers when it is opened again or restored', async () => {
        const opened = await open(duplicates)
        for (const value of ['1', '2']) opened.store.put('a', value, 0, 1)
        await opened.commit()
        let again = opened
        if (place.keepsState) again = await reopen(opened, duplicates)
        else {
          again = await open(duplicates)
          await again.restore(opened.changelog)
        }
        again.store.put('a', '3', 0, 1)
        expect(values(await again.store.fetch('a', 0, 0))).toEqual(['1', '2', '3'])
        await again.commit()
        expect(values(await again.store.fetch('a', 0, 0))).toEqual(['1', '2', '3'])
        expect(values(await all(again.store))).toEqual(['1', '2', '3'])
      })
    })

    describe('restored from its changelog', () => {
      it('is equal', async () => {
        const opened = await open()
        for (let i = 0; i < 60; i++) {
          opened.store.put(`k${i % 5}`, i % 7 === 0 ? null : `v${i}`, (i % 12) * 20_000 + i * 1000, i)
          if (i % 9 === 0) await opened.commit()
        }
        await opened.commit()
        const target = await newPlace()
        const database = await target.open()
        try {
          const restored = openOn(database)
          const half = opened.changelog.length >> 1
          await restored.restore(opened.changelog.slice(0, half))
          await restored.store.fetch('k1', 0, 99 * MINUTE)
          await restored.store.get('k1', 21_000)
          await restored.restore([
            ...opened.changelog.slice(half),
            { key: null, value: null, timestampMs: 1, headers: [] },
          ])
          expect(await all(restored.store)).toEqual(await all(opened.store))
          for (let i = 0; i < 5; i++)
            expect(await restored.store.fetch(`k${i}`, 0, 99 * MINUTE)).toEqual(
              await opened.store.fetch(`k${i}`, 0, 99 * MINUTE),
            )
          expect(restored.store.put('k1', 'late', 0, 1)).toBe(opened.store.put('k1', 'late', 0, 1))
        } finally {
          await database.close()
          await target.remove()
        }
      })

      it('does not keep what it reads while restored rows are being written', async () => {
        const source = await open()
        source.store.put('a', 'one', 0, 1)
        await source.commit()
        const { store, database } = openOn(source.database)
        const key = source.changelog[0]?.key as Buffer
        expect(await store.get('a', 0)).toBe('one')
        const changes = await store.restoredRows([
          { key, value: Buffer.from('two'), timestampMs: 2, headers: EMPTY_HEADERS },
        ])
        expect([await store.get('a', 0), values(await store.fetch('a', 0, MINUTE))]).toEqual(['one', ['one']])
        await database.write(stateWrite(changes, new Map()))
        expect([await store.get('a', 0), values(await store.fetch('a', 0, MINUTE))]).toEqual(['two', ['two']])
      })

      it('leaves out what is expired, and removes segments that expired meanwhile', async () => {
        const opened = await open()
        const record = (start: number): (typeof opened.changelog)[number] => {
          const key = Buffer.alloc(13, 'k')
          key.writeBigInt64BE(BigInt(start), 1)
          key.writeInt32BE(0, 9)
          return { key, value: Buffer.from(`${start}`), timestampMs: start, headers: EMPTY_HEADERS }
        }
        expect((await opened.restore([record(0), record(MINUTE)])).puts).toHaveLength(2)
        const { puts, expired } = await opened.restore([record(2 * MINUTE), record(100 * MINUTE), record(99 * MINUTE)])
        expect(puts.map(([, row]) => row && decodeRowValue(row).payload.toString())).toEqual([
          `${100 * MINUTE}`,
          `${99 * MINUTE}`,
        ])
        expect(expired).toHaveLength(1)
        expect(await opened.store.getEntry('k', 100 * MINUTE)).toMatchObject({ timestampMs: 100 * MINUTE })
        expect(await toArray(opened.database.scan({ gte: opened.database.storePrefix('store') }))).toHaveLength(2)
      })

      it('refuses keys that are no window keys, and to be restored over uncommitted changes', async () => {
        const { store } = await open()
        const short = { key: Buffer.alloc(11), value: null, timestampMs: 0, headers: EMPTY_HEADERS }
        expect(() => store.restoredRows([short])).toThrow(CorruptStateError)
        store.put('a', 'x', 0, 0)
        expect(() => store.restoredRows([short])).toThrow(InternalError)
      })
    })

    windowReadsContract({ open, openOn, cacheEntries })
    for (const retainDuplicates of [false, true])
      windowStoreModelTest(
        retainDuplicates,
        () => ({ keepsState: place.keepsState, database: openDatabase }),
        cacheEntries,
      )
  })
}
