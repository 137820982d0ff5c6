import { describe, expect, it } from 'vitest'
import { StoreClosedError } from '../errors.ts'
import type { KeyValueStore } from '../state-store.ts'
import type { KeyValueStoreBuilder } from '../store-builder.ts'
import { ContractStore, HeldDatabase, settled } from './contract-support.ts'

export type OpenKeyValueStore = ContractStore<KeyValueStore<string, string>>

export interface KeyValueReads {
  readonly plan: KeyValueStoreBuilder<string, string>
  readonly open: () => Promise<OpenKeyValueStore>
  readonly cacheEntries: number
}

/** The part of the key-value stores' contract that is about reads that have to wait for the database. */
export function keyValueReadsContract({ plan, open, cacheEntries }: KeyValueReads): void {
  describe('while a read is on its way', () => {
    async function held(): Promise<{ opened: OpenKeyValueStore; database: HeldDatabase }> {
      const first = await open()
      first.store.put('a', 'stored', 1)
      await first.commit()
      const database = new HeldDatabase(first.database, true)
      return { opened: new ContractStore(plan, database, { cacheEntries }), database }
    }

    it('a put is not overwritten by it', async () => {
      const { opened, database } = await held()
      database.hold()
      const get = opened.store.get('a')
      opened.store.put('a', 'newer', 2)
      database.release()
      expect(await get).toBe('newer')
      expect(await opened.store.get('a')).toBe('newer')
      expect((await opened.commit()).records).toHaveLength(1)
    })

    it('a commit is not overwritten by it, even when its row has left the cache', async () => {
      const { opened, database } = await held()
      database.hold()
      const get = opened.store.get('a')
      await new Promise((resolve) => setImmediate(resolve))
      opened.store.put('a', 'newer', 2)
      await opened.commit()
      database.release()
      expect(await get).toBe('newer')
      expect(await opened.store.get('a')).toBe('newer')
    })

    it('a prefetch does not overwrite a commit either', async () => {
      const { opened, database } = await held()
      database.hold()
      const prefetched = opened.store.prefetch(['a', 'b'])
      await new Promise((resolve) => setImmediate(resolve))
      opened.store.put('a', 'newer', 2)
      opened.store.put('b', 'new', 2)
      await opened.commit()
      database.release()
      await prefetched
      expect([await opened.store.get('a'), await opened.store.get('b')]).toEqual(['newer', 'new'])
    })

    it('the same key is read once', async () => {
      const { opened, database } = await held()
      database.hold()
      const gets = [opened.store.get('a'), opened.store.get('a'), opened.store.get('a')]
      database.release()
      expect(await settled(gets)).toEqual(['stored', 'stored', 'stored'])
      expect(database.reads).toBe(1)
    })

    it('closing the store fails it with a typed error', async () => {
      const { opened, database } = await held()
      database.hold()
      const get = opened.store.get('a')
      opened.store.close()
      database.release()
      await expect(get).rejects.toThrow(StoreClosedError)
      expect(() => opened.store.get('a')).toThrow(StoreClosedError)
      expect(() => opened.store.put('a', 'x', 1)).toThrow(StoreClosedError)
    })
  })
}
