import { describe, expect, it } from 'vitest'
import { InternalError } from '../../common/errors.ts'
import { serdes } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import type { ClosingSessionStore, SessionEntry, SessionStore } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractPlace, ContractStore, HeldDatabase, toArray } from './contract-support.ts'

const MINUTE = 60_000
const sessionOptions = { key: serdes.string, value: serdes.string, retention: '4m' } as const
export const sessionPlan = Stores.sessionStore('store', sessionOptions)

export type OpenSessionStore = ContractStore<SessionStore<string, string>>
export type Session = readonly [key: string, startMs: number, endMs: number]

/** Each session with its number as its value. */
export function putAll({ store }: OpenSessionStore, sessions: readonly Session[]): void {
  for (const [i, [key, startMs, endMs]] of sessions.entries()) store.put(key, `${i + 1}`, startMs, endMs, endMs)
}

export function values(entries: readonly SessionEntry<string, string>[]): string[] {
  return entries.map((entry) => entry.value)
}

export function all(store: SessionStore<string, string>, scan = {}): Promise<SessionEntry<string, string>[]> {
  return toArray(store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER, scan))
}

export interface SessionReads {
  readonly place: () => Promise<ContractPlace>
  readonly openDatabase: () => Promise<TaskDatabase>
  readonly open: () => Promise<OpenSessionStore>
  readonly openOn: (database: TaskDatabase) => OpenSessionStore
  readonly expiredPuts: () => string[]
  readonly cacheEntries: number
}

/** The part of the session stores' contract that is about reads by time, and reads that have to wait for the database. */
export function sessionReadsContract({
  place: newPlace,
  openDatabase,
  open,
  openOn,
  expiredPuts,
  cacheEntries,
}: SessionReads): void {
  describe('planned to be read by time', () => {
    const closing = Stores.sessionStore('store', { ...sessionOptions, timeOrdered: true })
    const ended = (store: SessionStore<string, string>) => store as ClosingSessionStore<string, string>
    const openClosing = (database: TaskDatabase): OpenSessionStore =>
      new ContractStore(closing, database, { cacheEntries, onExpired: (store) => expiredPuts().push(store) })

    it('finds what has ended in the order of end, start, key', async () => {
      const opened = openClosing(await openDatabase())
      putAll(opened, [
        ['b', 5, 20],
        ['a', 5, 20],
        ['c', 1, 20],
        ['a', 0, 0],
        ['z', 30, 2 * MINUTE],
        ['a', 30, 3 * MINUTE],
      ])
      const check = async (store: ClosingSessionStore<string, string>): Promise<void> => {
        expect(values(await store.findEnded(0, 20))).toEqual(['4', '3', '2', '1'])
        expect(values(await store.findEnded(1, 3 * MINUTE))).toEqual(['3', '2', '1', '5', '6'])
        expect(values(await store.findEnded(21, 2 * MINUTE - 1))).toEqual([])
      }
      await check(ended(opened.store))
      await opened.commit()
      await check(ended(opened.store))
      await check(ended(openClosing(opened.database).store))
      opened.store.remove('c', 1, 20, 1)
      opened.store.put('c', 'grown', 1, 21, 1)
      expect(values(await ended(opened.store).findEnded(20, 21))).toEqual(['2', '1', 'grown'])
      await opened.commit()
      expect(values(await ended(opened.store).findEnded(20, 21))).toEqual(['2', '1', 'grown'])
      expect(() => ended(openOn(opened.database).store).findEnded(0, 1)).toThrow(InternalError)
    })

    it('keeps sessions past retention until they are released', async () => {
      const opened = openClosing(await openDatabase())
      putAll(opened, [
        ['a', 0, 5],
        ['b', 0, MINUTE],
        ['c', 0, 5 * MINUTE],
        ['d', 0, 100 * MINUTE],
      ])
      await opened.commit()
      expect(values(await all(opened.store))).toEqual(['4'])
      expect(values(await ended(opened.store).findEnded(0, 5 * MINUTE))).toEqual(['1', '2', '3'])
      const target = await newPlace()
      const restored = openClosing(await target.open())
      await restored.restore(opened.changelog)
      const afterRestore = values(await ended(restored.store).findEnded(0, 5 * MINUTE))
      await restored.database.close()
      await target.remove()
      expect(afterRestore).toEqual(['1', '2', '3'])
      expect(opened.store.put('a', 'late', 0, 6, 1)).toBe(false)
      ended(opened.store).release(5 * MINUTE)
      expect((await opened.commit()).expired).toHaveLength(2)
      expect(values(await ended(opened.store).findEnded(0, 5 * MINUTE))).toEqual(['3'])
      const rows = await toArray(opened.database.scan({ gte: opened.database.storePrefix('store') }))
      expect(rows).toHaveLength(4)
    })
  })

  describe('with a database that answers later', () => {
    async function held(): Promise<{ opened: OpenSessionStore; database: HeldDatabase }> {
      const first = await open()
      putAll(first, [
        ['a', 0, 5],
        ['a', 10, 3 * MINUTE],
        ['b', 0, 5],
      ])
      await first.commit()
      const database = new HeldDatabase(first.database)
      return { opened: openOn(database), database }
    }

    it('prefetches keys, so that what is asked after it is answered at once', async () => {
      const { opened, database } = await held()
      await opened.store.prefetch(['a', 'b', 'a', 'absent'])
      const { reads } = database
      if (cacheEntries < 3) return
      expect(values(opened.store.fetch('a') as SessionEntry<string, string>[])).toEqual(['1', '2'])
      expect(opened.store.fetch('absent')).toEqual([])
      expect(opened.store.prefetch(['a', 'b'])).toBeUndefined()
      expect(database.reads).toBe(reads)
    })

    it('a read does not overwrite what was put, removed and committed meanwhile', async () => {
      const { opened, database } = await held()
      database.hold()
      const read = opened.store.fetch('a')
      opened.store.remove('a', 0, 5, 2)
      opened.store.put('a', 'new', 10, 3 * MINUTE, 2)
      const other = opened.store.fetch('a')
      await opened.commit()
      database.release()
      expect(values(await read)).toEqual(['new'])
      expect(values(await other)).toEqual(['new'])
      expect(values(await opened.store.fetch('a'))).toEqual(['new'])
    })

    it('fails a read on its way when it is closed', async () => {
      const { opened, database } = await held()
      database.hold()
      const read = Promise.resolve(opened.store.fetch('a')).catch((error: unknown) => error)
      opened.store.close()
      database.release()
      expect(await read).toBeInstanceOf(StoreClosedError)
    })
  })
}
