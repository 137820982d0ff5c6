import { describe, expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import type { WindowEntry, WindowStore } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractStore, HeldDatabase, settled } from './contract-support.ts'

export type OpenWindowStore = ContractStore<WindowStore<string, string>>

const MINUTE = 60_000
export const windowSizes = { key: serdes.string, value: serdes.string, retention: '4m', windowSize: '1m' } as const
export const windowPlan = Stores.windowStore('store', windowSizes)
export const duplicatesPlan = Stores.windowStore('store', { ...windowSizes, retainDuplicates: true })

export interface WindowReads {
  readonly open: (plan?: typeof windowPlan) => Promise<OpenWindowStore>
  readonly openOn: (database: TaskDatabase, plan?: typeof windowPlan) => OpenWindowStore
  readonly cacheEntries: number
}

/** The part of the window stores' contract that is about reads that have to wait for the database. */
export function windowReadsContract({ open, openOn, cacheEntries }: WindowReads): void {
  const [plan, duplicates] = [windowPlan, duplicatesPlan]
  const values = (entries: readonly WindowEntry<string, string>[]): string[] => entries.map((entry) => entry.value)

  it('prefetches what is not in memory with one read, so that gets are answered at once', async () => {
    const first = await open()
    for (const key of ['a', 'b', 'c']) first.store.put(key, key, 0, 1)
    await first.commit()
    const database = new HeldDatabase(first.database)
    const { store } = openOn(database)
    await store.prefetch([
      ['a', 0],
      ['b', 0],
      ['a', 0],
      ['absent', 0],
      ['a', 9 * MINUTE],
    ])
    expect(database.reads).toBe(1)
    expect([store.get('a', 0), store.get('b', 0), store.get('absent', 0)]).toEqual(['a', 'b', undefined])
    expect(
      store.prefetch([
        ['a', 0],
        ['b', 0],
      ]),
    ).toBeUndefined()
  })

  it('prefetches all duplicates of a key', async () => {
    const first = await open(duplicates)
    for (const value of ['1', '2']) first.store.put('a', value, 0, 1)
    await first.commit()
    const { store } = openOn(new HeldDatabase(first.database), duplicates)
    await store.prefetch([['a', 0]])
    expect(values(store.fetch('a', 0, 0) as WindowEntry<string, string>[])).toEqual(['1', '2'])
  })

  describe('while a read is on its way', () => {
    async function held(builder = plan): Promise<{ opened: OpenWindowStore; database: HeldDatabase }> {
      const first = await open(builder)
      first.store.put('a', 'stored', 0, 1)
      first.store.put('a', 'other', MINUTE, 1)
      await first.commit()
      const database = new HeldDatabase(first.database)
      return { opened: openOn(database, builder), database }
    }
    const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

    it('a put is not overwritten by it', async () => {
      const { opened, database } = await held()
      database.hold()
      const reads = [opened.store.get('a', 0), opened.store.fetch('a', 0, MINUTE)] as const
      opened.store.put('a', 'newer', 0, 2)
      database.release()
      expect(await reads[0]).toBe('newer')
      expect(values(await reads[1])).toEqual(['newer', 'other'])
      expect(await opened.store.get('a', 0)).toBe('newer')
      expect((await opened.commit()).records).toHaveLength(1)
    })

    it('a commit is not overwritten by it, even when its row has left the cache', async () => {
      const { opened, database } = await held()
      database.hold()
      const reads = [
        opened.store.get('a', 0),
        opened.store.fetch('a', 0, MINUTE),
        opened.store.prefetch([
          ['a', 0],
          ['b', 0],
        ]),
      ] as const
      await soon()
      opened.store.put('a', 'newer', 0, 2)
      opened.store.put('b', 'new', 0, 2)
      await opened.commit()
      database.release()
      expect(await reads[0]).toBe('newer')
      expect(values(await reads[1])).toEqual(['newer', 'other'])
      await reads[2]
      expect([await opened.store.get('a', 0), await opened.store.get('b', 0)]).toEqual(['newer', 'new'])
      expect(values(await opened.store.fetch('a', 0, MINUTE))).toEqual(['newer', 'other'])
    })

    it('the same window is read once', async () => {
      const { opened, database } = await held()
      database.hold()
      const gets = [opened.store.get('a', 0), opened.store.get('a', 0)]
      database.release()
      expect(await settled(gets)).toEqual(['stored', 'stored'])
      expect(database.reads).toBe(1)
    })

    it('the windows of a key are read once', async () => {
      const { opened, database } = await held(duplicates)
      database.hold()
      const fetches = [opened.store.fetch('a', 0, MINUTE), opened.store.fetch('a', 0, MINUTE)]
      database.release()
      for (const fetched of await settled(fetches)) expect(values(fetched)).toEqual(['stored', 'other'])
      // Without room in the cache the second one may have to read again.
      expect(database.reads).toBeLessThanOrEqual(cacheEntries === 0 ? 2 : 1)
    })

    it('closing the store fails it with a typed error', async () => {
      const { opened, database } = await held()
      database.hold()
      const reads = [opened.store.get('a', 0), opened.store.fetch('a', 0, MINUTE)]
      opened.store.close()
      database.release()
      const failures = await Promise.all(
        reads.map((read) => Promise.resolve<unknown>(read).catch((error: unknown) => error)),
      )
      for (const failure of failures) expect(failure).toBeInstanceOf(StoreClosedError)
      expect(() => opened.store.get('a', 0)).toThrow(StoreClosedError)
      expect(() => opened.store.put('a', 'x', 0, 1)).toThrow(StoreClosedError)
    })
  })

  it('reads a key of a stored segment once, then knows all its windows', async () => {
    const first = await open()
    for (let n = 0; n < 4; n++) first.store.put('a', `${n}`, n * MINUTE, 1)
    await first.commit()
    const database = new HeldDatabase(first.database)
    const { store } = openOn(database)
    expect(values(await store.fetch('a', 0, MINUTE))).toEqual(['0', '1'])
    if (cacheEntries < 4) return
    expect(values(store.fetch('a', MINUTE, MINUTE) as WindowEntry<string, string>[])).toEqual(['1'])
    expect(store.get('a', 30_000)).toBeUndefined()
    expect(database.reads).toBe(1)
  })
}
