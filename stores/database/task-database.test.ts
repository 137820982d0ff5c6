import { afterEach, describe, expect, it } from 'vitest'
import { Database } from '../../common/rocksdb.ts'
import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'
import type { ContractPlace } from '../contract/contract-support.ts'
import { CorruptStateError } from '../errors.ts'
import type { StateWrite, TaskDatabase } from '../task-database.ts'
import { TaskCatalog } from './task-catalog.ts'

const nothing: StateWrite = { puts: [], rangeDeletes: [], offsets: new Map() }

for (const [engine, newPlace] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  describe(`the database of a task in ${engine}`, () => {
    let place: ContractPlace | undefined
    const databases: TaskDatabase[] = []
    async function open(): Promise<TaskDatabase> {
      place ??= await newPlace()
      const database = await place.open()
      databases.push(database)
      return database
    }
    afterEach(async () => {
      for (const database of databases.splice(0)) await database.close()
      await place?.remove()
      place = undefined
    })

    it('gives each store a prefix of two bytes, none of them reserved', async () => {
      const database = await open()
      expect([database.storePrefix('a'), database.storePrefix('b'), database.storePrefix('a')]).toEqual([
        Buffer.from([0, 1]),
        Buffer.from([0, 2]),
        Buffer.from([0, 1]),
      ])
    })

    it('keeps the offsets that a write does not name', async () => {
      const database = await open()
      expect(database.offsets().size).toBe(0)
      await database.write({
        ...nothing,
        offsets: new Map([
          ['a-0', 5],
          ['b-0', 2 ** 40],
        ]),
      })
      await database.write({ ...nothing, offsets: new Map([['a-0', 6]]) })
      expect([...database.offsets()]).toEqual([
        ['a-0', 6],
        ['b-0', 2 ** 40],
      ])
    })

    it('deletes ranges before it puts, and applies writes in the order of the calls', async () => {
      const database = await open()
      const prefix = database.storePrefix('s')
      const row = Buffer.concat([prefix, Buffer.from('k')])
      const range = [prefix, Buffer.from([0, 2])] as const
      await Promise.all([
        database.write({ ...nothing, puts: [[row, Buffer.from('1')]] }),
        database.write({ ...nothing, puts: [[row, Buffer.from('2')]], rangeDeletes: [range] }),
      ])
      expect(await database.get(row)).toEqual(Buffer.from('2'))
      expect(await database.getMany([row, Buffer.from([0, 9])])).toEqual([Buffer.from('2'), undefined])
      await Promise.all([
        database.write({ ...nothing, puts: [[row, null]] }),
        database.write({ ...nothing, puts: [[row, Buffer.from('3')]] }),
        database.write({ ...nothing, rangeDeletes: [range] }),
      ])
      expect(await database.get(row)).toBeUndefined()
    })

    it('makes a store state visible with the next write only', async () => {
      const database = await open()
      database.keepStoreState('s', Buffer.from('old'))
      database.keepStoreState('s', Buffer.from('one'))
      expect(database.storeState('s')).toBeUndefined()
      await database.write(nothing)
      expect(database.storeState('s')).toEqual(Buffer.from('one'))
      expect(database.storeState('t')).toBeUndefined()
    })

    it('counts rows', async () => {
      const database = await open()
      const prefix = database.storePrefix('s')
      const puts = Array.from(
        { length: 3000 },
        (_, n) => [Buffer.concat([prefix, Buffer.from(`key-${n}`)]), Buffer.alloc(50)] as const,
      )
      await database.write({ ...nothing, puts: puts.slice(0, 700) })
      expect(await database.approximateRows(prefix, Buffer.from([0, 2]))).toBe(700)
      await database.write({ ...nothing, puts })
      expect(await database.approximateRows(prefix, Buffer.from([0, 2]))).toBeGreaterThanOrEqual(1000)
      expect(await database.approximateRows(Buffer.from([0, 2]), Buffer.from([0, 3]))).toBe(0)
    })

    it('refuses to be used after it was closed', async () => {
      const database = await open()
      await database.close()
      await expect((async () => database.get(Buffer.from([0, 1])))()).rejects.toThrow()
      await expect((async () => database.write({ ...nothing, offsets: new Map([['a', 1]]) }))()).rejects.toThrow()
    })
  })
}

describe('the database of a task in RocksDB, opened again', () => {
  it('knows prefixes, states and offsets, and gives out no prefix twice', async () => {
    const place = await rocksdbPlace()
    const first = await place.open()
    first.storePrefix('a')
    first.storePrefix('b')
    first.keepStoreState('b', Buffer.from('state'))
    await first.write({ ...nothing, offsets: new Map([['b-changelog-3', 42]]) })
    await first.close()
    const second = await place.open()
    expect([second.storePrefix('b'), second.storePrefix('c'), second.storePrefix('a')].map((p) => p[1])).toEqual([
      2, 3, 1,
    ])
    expect(second.storeState('b')).toEqual(Buffer.from('state'))
    expect([...second.offsets()]).toEqual([['b-changelog-3', 42]])
    await expect(place.open()).rejects.toThrow()
    await second.close()
    await place.remove()
  })

  it.each<[string, Buffer, Buffer]>([
    ['of another version', Buffer.from([0, 0, 0]), Buffer.from([0, 9])],
    ['with an unknown reserved row', Buffer.from([0, 0, 9]), Buffer.from('x')],
    ['with an offset that is none', Buffer.from([0, 0, 1, 65]), Buffer.from('x')],
  ])('refuses a database %s', async (_, key, value) => {
    const place = await rocksdbPlace()
    const database = await place.open()
    await database.write({ ...nothing, offsets: new Map([['a', 1]]) })
    await database.close()
    const raw = await Database.open(place.path)
    await raw.write({ puts: [[key, value]] })
    await raw.close()
    await expect(place.open()).rejects.toThrow(CorruptStateError)
    await place.remove()
  })
})

describe('the catalog of a task', () => {
  it('loses nothing when a write fails', () => {
    const catalog = new TaskCatalog()
    catalog.storePrefix('a')
    catalog.keepStoreState('a', Buffer.from('s'))
    const failed = catalog.begin(new Map([['a-0', 1]]))
    expect(failed.rows).toHaveLength(4)
    expect(catalog.offsets().size).toBe(0)
    const again = catalog.begin(new Map([['a-0', 2]]))
    expect(again.rows).toHaveLength(4)
    again.settle()
    expect(catalog.begin(new Map()).rows).toEqual([])
    expect([...catalog.offsets()]).toEqual([['a-0', 2]])
  })

  it('keeps a state that was set while the write ran for the next one', () => {
    const catalog = new TaskCatalog()
    catalog.keepStoreState('a', Buffer.from('one'))
    const write = catalog.begin(new Map())
    catalog.keepStoreState('a', Buffer.from('two'))
    write.settle()
    expect(catalog.storeState('a')).toEqual(Buffer.from('one'))
    expect(catalog.begin(new Map()).rows.map(([, value]) => value.toString())).toEqual(['two'])
  })

  it('has no prefix left after 65,534 stores', () => {
    const catalog = new TaskCatalog()
    for (let n = 0; n < 0xfffe; n++) catalog.storePrefix(`s${n}`)
    expect(() => catalog.storePrefix('one more')).toThrow('one too many')
  })
})
