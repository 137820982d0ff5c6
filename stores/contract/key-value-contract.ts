import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InternalError, InvalidArgumentError, SerdeNotReadyError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import type { KeyValueEntry, KeyValueStore, ReadOnlyKeyValueStore, ScanOptions } from '../state-store.ts'
import type { KeyValueStoreBuilder } from '../store-builder.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import {
  type ContractOptions,
  type ContractPlace,
  ContractStore,
  HeldDatabase,
  stateWrite,
  toArray,
} from './contract-support.ts'
import { keyValueModelTest } from './key-value-model.ts'
import { keyValueReadsContract, type OpenKeyValueStore as Open } from './key-value-reads-contract.ts'

/** How a store is planned; by default it is an ordinary one. */
type StoreOf = <K, V>(
  name: string,
  types: { readonly key: Serde<K>; readonly value: Serde<V> },
) => KeyValueStoreBuilder<K, V>

/** What every key-value store has to do, whatever the engine under it and the size of its cache. */
export function keyValueStoreContract(
  name: string,
  { place: newPlace, cacheEntries, storeOf = Stores.keyValueStore }: ContractOptions & { readonly storeOf?: StoreOf },
): void {
  describe(name, () => {
    const plan = storeOf('store', { key: serdes.string, value: serdes.string })
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
    async function open(): Promise<Open> {
      return new ContractStore(plan, await openDatabase(), { cacheEntries })
    }
    async function reopen(opened: Open): Promise<Open> {
      opened.store.close()
      await opened.database.close()
      return open()
    }
    const keysOf = async (rows: AsyncIterable<KeyValueEntry<string, string>>): Promise<string[]> =>
      (await toArray(rows)).map((row) => row.key)

    it('gives a value back from its put on, through drain and commit', async () => {
      const opened = await open()
      const { store, database } = opened
      expect(await store.get('a')).toBeUndefined()
      store.put('a', 'one', 10)
      expect(await store.getEntry('a')).toMatchObject({ value: 'one', timestampMs: 10 })
      const changes = store.drain()
      expect(await store.get('a')).toBe('one')
      await database.write(stateWrite(changes, new Map()))
      expect(await store.get('a')).toBe('one')
      store.committed()
      expect(await store.getEntry('a')).toMatchObject({ value: 'one', timestampMs: 10 })
    })

    it('answers at once while no row of it has left memory', async () => {
      const { store } = await open()
      store.put('a', 'one', 1)
      expect(store.get('a')).toBe('one')
      expect(store.get('absent')).toBeUndefined()
      expect(store.approximateEntries()).toBe(1)
      expect(store.putIfAbsent('b', 'two', 1)).toBeUndefined()
      expect(store.delete('b', 2)).toBe('two')
    })

    it('deletes with null, before and after the row is committed', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'one', 1)
      store.put('a', null, 2)
      expect(await store.get('a')).toBeUndefined()
      store.put('a', 'two', 3)
      await opened.commit()
      store.put('a', null, 4)
      expect(await store.getEntry('a')).toBeUndefined()
      await opened.commit()
      expect(await store.get('a')).toBeUndefined()
      expect(await toArray(store.range(undefined, undefined))).toEqual([])
      expect(await store.approximateEntries()).toBe(0)
    })

    it('putIfAbsent keeps what is there, and delete gives it', async () => {
      const opened = await open()
      const { store } = opened
      expect(await store.putIfAbsent('a', 'one', 1)).toBeUndefined()
      await opened.commit()
      expect(await store.putIfAbsent('a', 'two', 2)).toBe('one')
      expect(await store.get('a')).toBe('one')
      expect(await store.delete('a', 3)).toBe('one')
      expect(await store.delete('a', 4)).toBeUndefined()
      expect(await store.putIfAbsent('a', 'three', 5)).toBeUndefined()
      expect(await store.get('a')).toBe('three')
    })

    it('refuses a null key', async () => {
      const { store } = await open()
      expect(() => store.put(null as unknown as string, 'x', 1)).toThrow(InvalidArgumentError)
      expect(() => store.get(undefined as unknown as string)).toThrow(InvalidArgumentError)
    })

    it.each<[string, string | undefined, string | undefined, object, string[]]>([
      ['everything', undefined, undefined, {}, ['', 'a', 'aa', 'b', 'c', 'ü']],
      ['from a key on', 'aa', undefined, {}, ['aa', 'b', 'c', 'ü']],
      ['up to and with a key', undefined, 'aa', {}, ['', 'a', 'aa']],
      ['the empty key alone', '', '', {}, ['']],
      ['between keys that do not exist', 'a0', 'bb', {}, ['aa', 'b']],
      ['a range that ends before it starts', 'c', 'a', {}, []],
      ['in reverse', 'a', 'c', { reverse: true }, ['c', 'b', 'aa', 'a']],
      ['up to a limit', undefined, undefined, { limit: 2 }, ['', 'a']],
      ['up to a limit in reverse', undefined, 'c', { limit: 2, reverse: true }, ['c', 'b']],
      ['up to a limit of none', undefined, undefined, { limit: 0 }, []],
    ])('gives %s, whatever is committed', async (_, from, to, options, expected) => {
      const opened = await open()
      const { store } = opened
      for (const key of ['a', 'x', 'ü', 'b']) store.put(key, key, 1)
      expect(await keysOf(store.range('a', 'b'))).toEqual(['a', 'b'])
      await opened.commit()
      for (const key of ['', 'aa', 'c', 'a']) store.put(key, key, 2)
      store.put('x', null, 2)
      expect(await keysOf(store.range(from, to, options))).toEqual(expected)
      expect((await store.entries(from, to, options)).map((row) => row.key)).toEqual(expected)
      await opened.commit()
      expect(await keysOf(store.range(from, to, options))).toEqual(expected)
      expect((await store.entries(from, to, options)).map((row) => row.key)).toEqual(expected)
    })

    it('lists rows at once where the database is in memory, or has none', async () => {
      const opened = await open()
      opened.store.put('a', 'one', 1)
      expect(opened.store.entries(undefined, undefined)).toEqual([{ key: 'a', value: 'one', timestampMs: 1 }])
      await opened.commit()
      const listed = opened.store.entries(undefined, undefined)
      expect(listed instanceof Promise).toBe(opened.store.persistent)
      expect(await listed).toEqual([{ key: 'a', value: 'one', timestampMs: 1 }])
    })

    it('finds as many rows as the limit says behind rows that are deleted', async () => {
      const opened = await open()
      for (const key of ['a', 'b', 'c', 'd', 'e']) opened.store.put(key, key, 1)
      await opened.commit()
      for (const key of ['a', 'b', 'd']) opened.store.put(key, null, 2)
      expect(await keysOf(opened.store.range(undefined, undefined, { limit: 2 }))).toEqual(['c', 'e'])
      expect(await keysOf(opened.store.range(undefined, undefined, { limit: 1, reverse: true }))).toEqual(['e'])
    })

    it('leaves out what is not committed when asked', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'old', 1)
      store.put('b', 'old', 1)
      await opened.commit()
      store.put('a', 'new', 2)
      store.put('b', null, 2)
      store.put('c', 'new', 2)
      const all = await toArray(store.range(undefined, undefined))
      expect(all).toEqual([
        { key: 'a', value: 'new', timestampMs: 2 },
        { key: 'c', value: 'new', timestampMs: 2 },
      ])
      const committed = await toArray(store.range(undefined, undefined, { committedOnly: true }))
      expect(committed.map((row) => row.value)).toEqual(['old', 'old'])
    })

    it('tells binary keys apart and orders them by their bytes', async () => {
      const builder = storeOf('binary', { key: serdes.bytes, value: serdes.string })
      const opened = new ContractStore(builder, await openDatabase(), { cacheEntries })
      const keys = ['', '00', '0000', '0001', '01', '7f', '80', 'ff', 'ff00', 'ffff', 'ffffff'].map((k) =>
        Buffer.from(k, 'hex'),
      )
      const shared = Buffer.alloc(3)
      for (const [i, key] of [...keys].reverse().entries()) {
        key.copy(shared)
        opened.store.put(shared.subarray(0, key.length), key.toString('hex'), 1)
        if (i === 5) await opened.commit()
      }
      const scan = async (rows: AsyncIterable<KeyValueEntry<Buffer, string>>): Promise<string[]> =>
        (await toArray(rows)).map((row) => row.value)
      const all = keys.map((key) => key.toString('hex'))
      expect(await scan(opened.store.range(undefined, undefined))).toEqual(all)
      expect(await scan(opened.store.prefix(Buffer.from('ff', 'hex')))).toEqual(['ff', 'ff00', 'ffff', 'ffffff'])
      expect(await scan(opened.store.prefix(Buffer.from('00', 'hex'), { reverse: true }))).toEqual([
        '0001',
        '0000',
        '00',
      ])
      expect(await scan(opened.store.prefix(Buffer.alloc(0)))).toEqual(all)
      await opened.commit()
      expect(await scan(opened.store.range(keys[3], keys[8]))).toEqual(all.slice(3, 9))
      for (const key of keys) expect(await opened.store.get(Buffer.from(key))).toBe(key.toString('hex'))
    })

    it('lists keys by a prefix, the uncommitted ones too, and at once where it need not wait', async () => {
      const opened = await open()
      const { store } = opened
      const list = (options?: ScanOptions) => store.prefixEntries(Buffer.from('a'), options)
      const keys = async (options?: ScanOptions): Promise<string[]> => (await list(options)).map((row) => row.key)
      for (const key of ['ab', 'b', 'a', 'ac']) store.put(key, key.toUpperCase(), 1)
      expect(list()).toMatchObject([{ key: 'a' }, { key: 'ab', value: 'AB', timestampMs: 1 }, { key: 'ac' }])
      await opened.commit()
      if (cacheEntries >= 4) expect(list()).not.toBeInstanceOf(Promise)
      store.put('ab', null, 2)
      store.put('aa', 'AA', 2)
      expect(await keys()).toEqual(['a', 'aa', 'ac'])
      expect(await keys({ reverse: true, limit: 2 })).toEqual(['ac', 'aa'])
      expect(await keys({ committedOnly: true })).toEqual(['a', 'ab', 'ac'])
      await opened.commit()
      expect(await keys()).toEqual(['a', 'aa', 'ac'])
      store.put('a', null, 3)
      store.discard()
      expect(await keys()).toEqual(['a', 'aa', 'ac'])
    })

    it('a scan shows the store as it was when it began', async () => {
      const opened = await open()
      const { store } = opened
      for (const key of ['a', 'b', 'c', 'd']) store.put(key, 'old', 1)
      await opened.commit()
      store.put('c', 'dirty', 2)
      const seen: string[] = []
      for await (const { key, value } of store.range(undefined, undefined)) {
        seen.push(`${key}=${value}`)
        store.put('d', 'new', 3)
        store.put('c', null, 3)
        store.put('bb', 'new', 3)
        await opened.commit()
      }
      expect(seen).toEqual(['a=old', 'b=old', 'c=dirty', 'd=old'])
      expect(await keysOf(store.range(undefined, undefined))).toEqual(['a', 'b', 'bb', 'd'])
    })

    it('drains each change once, in the order of the first puts, as changelog records and rows', async () => {
      const opened = await open()
      const { store } = opened
      const headers = [{ key: 'trace', value: Buffer.from('1') }]
      store.put('b', 'x', 1)
      store.put('a', 'one', 2, headers)
      store.put('b', null, 3)
      expect(store.dirtyEntries).toBe(2)
      const { records, puts, expired } = store.drain()
      expect(expired).toEqual([])
      expect(
        records.map((r) => [r.changelogKey.toString(), r.changelogValue?.toString(), r.timestampMs, r.headers]),
      ).toEqual([
        ['b', undefined, 3, EMPTY_HEADERS],
        ['a', 'one', 2, headers],
      ])
      expect(puts.map(([rowKey]) => rowKey.subarray(2).toString())).toEqual(['b', 'a'])
      expect(puts[0]?.[1]).toBeNull()
      expect(store.drain()).toEqual({ records: [], puts: [], expired: [] })
      expect(store.dirtyEntries).toBe(2)
      store.committed()
      expect(store.dirtyEntries).toBe(0)
    })

    it('keeps a change dirty that is made between drain and commit', async () => {
      const opened = await open()
      const { store } = opened
      store.put('a', 'one', 1)
      const first = store.drain()
      store.put('a', 'two', 2)
      store.put('b', 'two', 2)
      await opened.database.write(stateWrite(first, new Map()))
      store.committed()
      expect(store.dirtyEntries).toBe(2)
      store.put('a', 'two', 3)
      expect(store.dirtyEntries).toBe(2)
      expect(await store.get('a')).toBe('two')
      expect(await toArray(store.range(undefined, undefined, { committedOnly: true }))).toMatchObject([
        { value: 'one' },
      ])
      const second = await opened.commit()
      expect(second.records.map((r) => r.changelogValue?.toString())).toEqual(['two', 'two'])
      expect((await toArray(store.range(undefined, undefined, { committedOnly: true }))).map((r) => r.value)).toEqual([
        'two',
        'two',
      ])
    })

    it('stays as it was when a value cannot be encoded', async () => {
      const refuse: Serde<string> = {
        ...serdes.string,
        serialize(value, topic) {
          if (value === 'bad') throw new Error('no')
          return serdes.string.serialize(value, topic)
        },
      }
      const builder = storeOf('refusing', { key: serdes.string, value: refuse })
      const opened = new ContractStore(builder, await openDatabase(), { cacheEntries })
      opened.store.put('a', 'good', 1)
      opened.store.put('b', 'bad', 1)
      expect(() => opened.store.drain()).toThrow('no')
      opened.store.put('b', 'better', 2)
      expect((await opened.commit()).records.map((r) => r.changelogValue?.toString())).toEqual(['good', 'better'])
    })

    it('discard forgets everything that is not committed, values changed in place too', async () => {
      const builder = storeOf('lists', { key: serdes.string, value: serdes.json<number[]>() })
      const opened = new ContractStore(builder, await openDatabase(), { cacheEntries })
      const { store } = opened
      store.put('a', [1], 1)
      await opened.commit()
      const list = (await store.get('a')) as number[]
      list.push(2)
      store.put('b', [3], 2)
      store.drain()
      store.put('c', [4], 3)
      store.discard()
      expect(store.dirtyEntries).toBe(0)
      expect(await store.get('a')).toEqual([1])
      expect(await store.get('b')).toBeUndefined()
      expect(await store.get('c')).toBeUndefined()
      expect(await toArray(store.range(undefined, undefined))).toHaveLength(1)
      expect(store.drain()).toEqual({ records: [], puts: [], expired: [] })
    })

    it('keeps rows, headers and offsets when it is opened again', async () => {
      const opened = await open()
      opened.store.put('a', 'one', 1, [{ key: 'h', value: null }])
      opened.store.put('b', 'two', 2)
      await opened.commit(new Map([['app-store-changelog-0', 7]]))
      opened.store.put('b', 'lost', 3)
      const again = await reopen(opened)
      const expected = place.keepsState ? ['one', 'two'] : [undefined, undefined]
      expect([await again.store.get('a'), await again.store.get('b')]).toEqual(expected)
      expect([...again.database.offsets()]).toEqual(place.keepsState ? [['app-store-changelog-0', 7]] : [])
      expect(await again.store.approximateEntries()).toBe(place.keepsState ? 2 : 0)
    })

    it('keeps the stores of a task apart', async () => {
      const database = await openDatabase()
      const other = storeOf('other', { key: serdes.string, value: serdes.string })
      const [one, two] = [
        new ContractStore(plan, database, { cacheEntries }),
        new ContractStore(other, database, { cacheEntries }),
      ]
      one.store.put('k', 'one', 1)
      two.store.put('k', 'two', 1)
      await one.commit()
      await two.commit()
      expect(await keysOf(one.store.range(undefined, undefined))).toEqual(['k'])
      expect([await one.store.get('k'), await two.store.get('k')]).toEqual(['one', 'two'])
    })

    it('is equal after it is restored from its changelog', async () => {
      const opened = await open()
      for (let i = 0; i < 50; i++) {
        opened.store.put(
          `k${i % 13}`,
          i % 5 === 0 ? null : `v${i}`,
          i,
          i % 3 === 0 ? [{ key: 'h', value: Buffer.from([i]) }] : EMPTY_HEADERS,
        )
        if (i % 7 === 0) await opened.commit()
      }
      await opened.commit()
      const target = await newPlace()
      try {
        const database = await target.open()
        const restored = new ContractStore(plan, database, { cacheEntries })
        const half = opened.changelog.length >> 1
        await restored.restore(opened.changelog.slice(0, half))
        await restored.store.get('k1')
        await restored.restore([
          ...opened.changelog.slice(half),
          { key: null, value: null, timestampMs: 1, headers: [] },
        ])
        expect(await toArray(restored.store.range(undefined, undefined))).toEqual(
          await toArray(opened.store.range(undefined, undefined)),
        )
        for (let i = 0; i < 13; i++) expect(await restored.store.get(`k${i}`)).toBe(await opened.store.get(`k${i}`))
        restored.store.put('k1', 'more', 99)
        await restored.commit()
        expect(await restored.store.get('k1')).toBe('more')
        await database.close()
      } finally {
        await target.remove()
      }
    })

    it('does not keep what it reads while restored rows are being written', async () => {
      const source = await open()
      source.store.put('a', 'one', 1)
      source.store.put('b', 'one', 1)
      await source.commit()
      const opened = new ContractStore(plan, source.database, { cacheEntries })
      const record = { key: Buffer.from('a'), value: Buffer.from('two'), timestampMs: 2, headers: EMPTY_HEADERS }
      expect(await opened.store.get('a')).toBe('one')
      const changes = await opened.store.restoredRows([record])
      expect(await opened.store.get('a')).toBe('one')
      await opened.database.write(stateWrite(changes, new Map()))
      expect(await opened.store.get('a')).toBe('two')
      opened.store.put('b', 'two', 2)
      await opened.commit()
      expect((await toArray(opened.store.range(undefined, undefined))).map((row) => row.value)).toEqual(['two', 'two'])
    })

    it('refuses to be restored over uncommitted changes', async () => {
      const { store } = await open()
      store.put('a', 'x', 0)
      expect(() => store.restoredRows([])).toThrow(InternalError)
    })

    it('prefetches what is not in memory with one read, so that gets are answered at once', async () => {
      const first = await open()
      for (const key of ['a', 'b', 'c']) first.store.put(key, key, 1)
      await first.commit()
      const database = new HeldDatabase(first.database, true)
      const { store } = new ContractStore(plan, database, { cacheEntries })
      await store.prefetch(['a', 'b', 'a', 'absent'])
      expect(database.reads).toBe(1)
      expect([store.get('a'), store.get('b'), store.get('absent')]).toEqual(['a', 'b', undefined])
      expect(store.prefetch(['a', 'b'])).toBeUndefined()
    })

    keyValueReadsContract({ plan, open, cacheEntries })

    it('waits for the schema of a stored value', async () => {
      const first = await open()
      first.store.put('a', 'one', 1)
      first.store.put('b', 'two', 1)
      await first.commit()
      let ready = false
      const late: Serde<string> = {
        ...serdes.string,
        deserialize(data, topic) {
          if (ready) return serdes.string.deserialize(data, topic)
          throw new SerdeNotReadyError(
            'not yet',
            Promise.resolve().then(() => {
              ready = true
            }),
          )
        },
      }
      for (const read of [
        async (store: ReadOnlyKeyValueStore<string, string>) => expect(await store.get('a')).toBe('one'),
        async (store: ReadOnlyKeyValueStore<string, string>) =>
          expect(await toArray(store.range('a', 'b'))).toHaveLength(2),
        async (store: KeyValueStore<string, string>) => {
          await store.prefetch(['a', 'b'])
          expect(store.get('b')).toBe('two')
        },
      ]) {
        ready = false
        const builder = storeOf('store', { key: serdes.string, value: late })
        await read(new ContractStore(builder, first.database, { cacheEntries }).store)
      }
    })

    keyValueModelTest(() => ({ keepsState: place.keepsState, database: openDatabase, plan }), cacheEntries)
  })
}
