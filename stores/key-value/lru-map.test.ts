import { describe, expect, test } from 'vitest'
import { InternalError, InvalidArgumentError, SerdeNotReadyError } from '../../common/errors.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import * as fc from '../../test/support/property.ts'
import { memoryPlace } from '../contract/contract-places.ts'
import { ContractStore, HeldDatabase, stateWrite, toArray } from '../contract/contract-support.ts'
import { keyValueStoreContract } from '../contract.ts'
import { MemoryDatabase } from '../database/memory-database.ts'
import type { KeyValueStore, RestoredRecord } from '../state-store.ts'
import type { KeyValueStoreBuilder } from '../store-builder.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type Open = ContractStore<KeyValueStore<string, string>>

for (const cacheEntries of [0, 2, 10_000])
  keyValueStoreContract(`key-value store that keeps 1,000 rows, ${cacheEntries} clean entries`, {
    place: memoryPlace,
    cacheEntries,
    storeOf: (name, types) => Stores.lruMap(name, { ...types, maxEntries: 1_000 }),
  })

function open(maxEntries: number, database: TaskDatabase = new MemoryDatabase(), cacheEntries = 10_000): Open {
  return new ContractStore(Stores.lruMap('store', { ...TEXT, maxEntries }), database, { cacheEntries })
}

async function keysOf({ store }: Open): Promise<string[]> {
  return (await store.entries(undefined, undefined)).map(({ key }) => key)
}

function putAll({ store }: Open, keys: string, timestampMs = 0): void {
  for (const key of keys) store.put(key, key.toUpperCase(), timestampMs)
}

const told = (records: readonly RestoredRecord[]): string[] =>
  records.map(({ key, value, timestampMs }) => `${key}=${value}@${timestampMs}`)

/** The rows in the order in which they leave when others come. */
async function orderOf(opened: Open, size: number): Promise<string> {
  let order = ''
  for (let i = 0; i < size; i++) {
    const before = await keysOf(opened)
    opened.store.put(`~${i}`, 'x', 0)
    const after = await keysOf(opened)
    order += before.filter((key) => !after.includes(key)).join('')
  }
  return order
}

describe.each([0, 10_000])('a store that forgets the least recently used, %d clean entries', (cacheEntries) => {
  const openSmall = (maxEntries: number, database?: TaskDatabase): Open => open(maxEntries, database, cacheEntries)

  test('lets the row go that was put longest ago, and says so in the changelog, with the time of the put', async () => {
    const opened = openSmall(2)
    putAll(opened, 'ab', 10)
    await opened.commit()
    putAll(opened, 'c', 7)
    expect(await keysOf(opened)).toEqual(['b', 'c'])
    expect(await opened.store.get('a')).toBeUndefined()
    expect(await opened.store.approximateEntries()).toBe(2)
    await opened.commit()
    expect(told(opened.changelog)).toEqual(['a=A@10', 'b=B@10', 'a=null@7', 'c=C@7'])
    expect(opened.changelog[2]?.headers).toEqual([])
    expect(await keysOf(opened)).toEqual(['b', 'c'])
  })

  test.each<[string, (store: KeyValueStore<string, string>) => unknown]>([
    ['get', (store) => store.get('a')],
    ['getEntry', (store) => store.getEntry('a')],
    ['putIfAbsent', (store) => store.putIfAbsent('a', 'other', 1)],
    ['put', (store) => store.put('a', 'again', 1)],
  ])('%s is a use', async (_, use) => {
    const opened = openSmall(3)
    putAll(opened, 'abc')
    await opened.commit()
    await use(opened.store)
    expect(await orderOf(opened, 3)).toBe('bca')
  })

  test.each<[string, (store: KeyValueStore<string, string>) => unknown]>([
    ['range', (store) => toArray(store.range(undefined, undefined))],
    ['prefix', (store) => toArray(store.prefix(Buffer.from('a')))],
    ['entries', (store) => store.entries('a', 'a')],
    ['prefixEntries', (store) => store.prefixEntries(Buffer.from('a'))],
    ['prefetch', (store) => store.prefetch(['a'])],
    ['get of an absent key', (store) => store.get('absent')],
    ['deleting an absent key', (store) => store.delete('absent', 1)],
  ])('%s is none', async (_, read) => {
    const opened = openSmall(3)
    putAll(opened, 'abc')
    await opened.commit()
    await read(opened.store)
    expect(await orderOf(opened, 3)).toBe('abc')
  })

  test('a row that is deleted makes room, and one that comes back is new', async () => {
    const opened = openSmall(2)
    putAll(opened, 'ab')
    await opened.store.delete('a', 1)
    putAll(opened, 'c')
    expect(await keysOf(opened)).toEqual(['b', 'c'])
    putAll(opened, 'a')
    expect(await keysOf(opened)).toEqual(['a', 'c'])
    expect(await opened.store.putIfAbsent('b', 'B', 2)).toBeUndefined()
    expect(await keysOf(opened)).toEqual(['a', 'b'])
  })

  test('discard brings back the rows that had left, and the order they were in', async () => {
    const opened = openSmall(3)
    putAll(opened, 'abc')
    await opened.store.get('a')
    await opened.commit()
    await opened.store.get('b')
    putAll(opened, 'dea')
    expect(await keysOf(opened)).toEqual(['a', 'd', 'e'])
    opened.store.drain()
    putAll(opened, 'f')
    opened.store.discard()
    expect(await keysOf(opened)).toEqual(['a', 'b', 'c'])
    expect(await opened.store.get('d')).toBeUndefined()
    expect(await opened.store.approximateEntries()).toBe(3)
    expect(await orderOf(opened, 3)).toBe('bca')
  })

  test('what comes between drain and commit waits for the next commit', async () => {
    const opened = openSmall(2)
    putAll(opened, 'ab')
    const changes = opened.store.drain()
    putAll(opened, 'c')
    await opened.database.write(stateWrite(changes, new Map()))
    opened.store.committed()
    expect(await keysOf(opened)).toEqual(['b', 'c'])
    opened.store.discard()
    expect(await keysOf(opened)).toEqual(['a', 'b'])
    putAll(opened, 'd')
    expect(await keysOf(opened)).toEqual(['b', 'd'])
  })

  test('the changelog gives the same rows in the same order, whoever reads it', async () => {
    const opened = openSmall(3)
    putAll(opened, 'abc', 1)
    await opened.commit()
    putAll(opened, 'da', 2)
    await opened.commit()
    expect(told(opened.changelog.slice(3))).toEqual(['b=null@2', 'd=D@2', 'a=A@2'])
    const restored = openSmall(3)
    await restored.restore(opened.changelog)
    expect(await keysOf(restored)).toEqual(await keysOf(opened))
    expect(await orderOf(restored, 3)).toBe('cda')
  })

  test('a restore lets the oldest go, without a word to the changelog, where the bound has become smaller', async () => {
    const opened = openSmall(4)
    putAll(opened, 'abcd')
    putAll(opened, 'a')
    await opened.commit()
    const smaller = openSmall(2)
    await smaller.restore(opened.changelog.slice(0, 2))
    await smaller.restore(opened.changelog.slice(2))
    expect(await keysOf(smaller)).toEqual(['a', 'd'])
    expect(smaller.store.dirtyEntries).toBe(0)
    expect((await smaller.commit()).records).toEqual([])
    smaller.store.discard()
    expect(await keysOf(smaller)).toEqual(['a', 'd'])
    expect(await orderOf(smaller, 2)).toBe('da')
  })

  test('a row that leaves and comes back within one batch of a restore is there', async () => {
    const opened = openSmall(2)
    const batch = [...'abca'].map((key) => ({
      key: Buffer.from(key),
      value: Buffer.from(key.toUpperCase()),
      timestampMs: 0,
      headers: [],
    }))
    await opened.restore(batch)
    expect(await keysOf(opened)).toEqual(['a', 'c'])
  })

  test('its order stays with rows that stay in memory, when another store is opened on them', async () => {
    const opened = openSmall(3)
    putAll(opened, 'abc')
    await opened.store.get('a')
    await opened.commit()
    putAll(opened, 'd')
    opened.store.close()
    const again = openSmall(3, opened.database)
    expect(await keysOf(again)).toEqual(['a', 'b', 'c'])
    expect(await orderOf(again, 3)).toBe('bca')
  })

  test('keys that are objects leave by their bytes, also when the object has changed', async () => {
    const bytes = Stores.lruMap('store', { key: serdes.bytes, value: serdes.string, maxEntries: 2 })
    const { store } = new ContractStore(bytes, new MemoryDatabase(), { cacheEntries })
    const shared = Buffer.from('a')
    store.put(shared, 'A', 0)
    shared.write('z')
    store.put(Buffer.from('b'), 'B', 0)
    await store.get(Buffer.from('a'))
    store.put(Buffer.from('c'), 'C', 0)
    store.put(Buffer.from('d'), 'D', 0)
    expect((await store.entries(undefined, undefined)).map(({ key }) => key.toString())).toEqual(['c', 'd'])
  })

  test('is its model, over random puts, gets, deletions, commits, failures and restores', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, (size, list) => modelRun(size, list)),
      {
        numRuns: 300,
      },
    )
  })

  async function modelRun(maxEntries: number, list: readonly ModelStep[]): Promise<void> {
    let opened = openSmall(maxEntries)
    let changelog: RestoredRecord[] = []
    let model = new Map<string, string>()
    let committed = new Map(model)
    for (const [i, [what, key]] of list.entries()) {
      const { store } = opened
      if (what === 'get' || what === 'put-if-absent') {
        const before = model.get(key)
        expect(await (what === 'get' ? store.get(key) : store.putIfAbsent(key, `v${i}`, i))).toBe(before)
        if (before !== undefined) use(model, key, before)
        else if (what !== 'get') use(model, key, `v${i}`)
      } else if (what === 'put') {
        store.put(key, `v${i}`, i)
        use(model, key, `v${i}`)
      } else if (what === 'delete') {
        expect(await store.delete(key, i)).toBe(model.get(key))
        model.delete(key)
      } else if (what === 'commit') {
        const at = opened.changelog.length
        await opened.commit()
        changelog = [...changelog, ...opened.changelog.slice(at)]
        committed = new Map(model)
      } else if (what === 'discard' || what === 'fail') {
        if (what === 'fail') store.drain()
        store.discard()
        model = new Map(committed)
      } else {
        opened = openSmall(maxEntries)
        await opened.restore(changelog.slice(0, i))
        await opened.restore(changelog.slice(i))
        // Reads of rows that were not put again are not in the changelog.
        const lastPut = new Map(changelog.map((record, at) => [record.key?.toString(), at]))
        committed = new Map([...committed].sort(([a], [b]) => (lastPut.get(a) ?? 0) - (lastPut.get(b) ?? 0)))
        model = new Map(committed)
      }
      for (const oldest of [...model.keys()].slice(0, Math.max(0, model.size - maxEntries))) model.delete(oldest)
      const rows = await opened.store.entries(undefined, undefined)
      expect(rows.map((row) => [row.key, row.value])).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)))
      expect(await opened.store.approximateEntries()).toBe(model.size)
    }
  }
})

type ModelStep = readonly [what: string, key: string]
const steps = fc.array(
  fc.tuple(
    fc.constantFrom(
      ...['put', 'put', 'put', 'put', 'get', 'get', 'get', 'put-if-absent', 'delete', 'commit', 'commit'],
      ...['discard', 'fail', 'restore'],
    ),
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  ),
  { maxLength: 60, size: 'max' },
)

/** The newest of a Map's keys is its last. */
function use(model: Map<string, string>, key: string, value: string): void {
  model.delete(key)
  model.set(key, value)
}

test('100,000 puts and as many gets beyond a bound of 20,000 cost a few times what they cost without one', {
  timeout: fc.limitMs(60_000),
}, async () => {
  const numbers = { key: serdes.integer, value: serdes.integer }
  const load = async (plan: KeyValueStoreBuilder<number, number>) => {
    const opened = new ContractStore(plan, new MemoryDatabase(), { cacheEntries: 10_000 })
    const startedMs = performance.now()
    for (let i = 0; i < 100_000; i++) {
      opened.store.put(i, i, i)
      void opened.store.get(i - 10_000)
      if (i % 10_000 === 0) await opened.commit()
    }
    return { opened, tookMs: performance.now() - startedMs }
  }
  const unbounded = await load(Stores.keyValueStore('store', { ...numbers, persistent: false }))
  const { opened, tookMs } = await load(Stores.lruMap('store', { ...numbers, maxEntries: 20_000 }))
  expect(tookMs).toBeLessThan(8 * unbounded.tookMs + 500)
  expect(await opened.store.approximateEntries()).toBe(20_000)
  expect(await opened.store.get(70_000)).toBeUndefined()
  expect(await opened.store.get(80_000)).toBe(80_000)
  await opened.commit()
  expect(await opened.store.entries(undefined, undefined)).toHaveLength(20_000)
})

test('waits for the schema of restored keys, and keeps the order of the batches', async () => {
  let ready = false
  const late: Serde<string> = {
    ...serdes.string,
    deserialize(data, topic) {
      if (ready) return serdes.string.deserialize(data, topic)
      const becomesReady = Promise.resolve().then(() => {
        ready = true
      })
      throw new SerdeNotReadyError('not yet', becomesReady)
    },
  }
  const plan = Stores.lruMap('store', { key: late, value: serdes.string, maxEntries: 2 })
  const opened = new ContractStore(plan, new MemoryDatabase(), { cacheEntries: 10 })
  const batch = (key: string): RestoredRecord[] => [
    { key: Buffer.from(key), value: Buffer.from(key), timestampMs: 0, headers: [] },
  ]
  const restores = [opened.restore(batch('a')), opened.restore(batch('b')), opened.restore(batch('c'))]
  await Promise.all(restores)
  expect((await opened.store.entries(undefined, undefined)).map(({ key }) => key)).toEqual(['b', 'c'])
})

describe('the plan of such a store', () => {
  test('is in memory, with its bound', () => {
    const plan = Stores.lruMap('s', { ...TEXT, maxEntries: 3, logging: false, changelogConfigs: { 'segment.ms': '1' } })
    expect(plan).toMatchObject({
      name: 's',
      type: 'key-value',
      persistent: false,
      logging: false,
      maxEntries: 3,
      changelogConfigs: { 'segment.ms': '1' },
    })
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses to keep %s rows', (maxEntries) => {
    expect(() => Stores.lruMap('s', { ...TEXT, maxEntries })).toThrow(InvalidArgumentError)
  })

  test('a database that is not in memory is refused, where rows are in it', async () => {
    const first = open(2)
    putAll(first, 'a')
    await first.commit()
    expect(() => open(2, new HeldDatabase(first.database))).toThrow(InternalError)
  })
})
