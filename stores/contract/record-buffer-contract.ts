import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InternalError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import { serdes } from '../../common/serde.ts'
import * as fc from '../../test/support/property.ts'
import type { RecordBuffer } from '../buffers/record-buffer.ts'
import { recordBuffer } from '../buffers/record-buffer-builder.ts'
import { CorruptStateError, StoreClosedError } from '../errors.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractOptions, type ContractPlace, ContractStore, HeldDatabase } from './contract-support.ts'

type Open = ContractStore<RecordBuffer<string, string>>

const GRACE_MS = 10
const options = { key: serdes.string, value: serdes.string, graceMs: GRACE_MS }
const plan = recordBuffer('store', options)

/** What every buffer of records has to do, whatever the engine under it and the records it may hold in memory. */
export function recordBufferContract(name: string, { place: newPlace, cacheEntries }: ContractOptions): void {
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
    function openOn(database: TaskDatabase, builder = plan): Open {
      return new ContractStore(builder, database, { cacheEntries })
    }
    async function open(): Promise<Open> {
      return openOn(await openDatabase())
    }
    let offset = 0
    function put(opened: Open, key: string, value: string, timestampMs: number, headers: Headers = EMPTY_HEADERS) {
      return opened.store.put(key, value, { timestampMs, offset: offset++, topic: 't', partition: 1, headers })
    }
    async function evict({ store }: Open): Promise<string[]> {
      const out: string[] = []
      await store.evict(({ key, value, context }) => void out.push(`${key}${value}@${context.timestampMs}`))
      return out
    }

    for (const commits of [true, false]) {
      const commit = async (opened: Open): Promise<void> => {
        if (commits) await opened.commit()
      }
      describe(commits ? 'with commits' : 'without commits', () => {
        it('hands records over when grace is over, by time, key and arrival', async () => {
          const opened = await open()
          for (const [
            key,
            value,
            time,
          ] of [['b', '1', 5], ['a', '2', 7], ['a', '3', 5], ['aa', '4', 5], ['a', '5', 5]] as const) // biome-ignore format: a table
            expect(put(opened, key, value, time)).toBe(true)
          await commit(opened)
          expect(await evict(opened)).toEqual([])
          put(opened, 'z', '6', 15)
          await commit(opened)
          expect(await evict(opened)).toEqual(['a3@5', 'a5@5', 'aa4@5', 'b1@5'])
          await commit(opened)
          expect(await evict(opened)).toEqual([])
          put(opened, 'z', '7', 100)
          expect(await evict(opened)).toEqual(['a2@7', 'z6@15'])
        })

        it('does not take what is older than grace', async () => {
          const opened = await open()
          put(opened, 'a', '1', 30)
          await commit(opened)
          expect(put(opened, 'a', 'late', 19)).toBe(false)
          expect(put(opened, 'a', 'just', 20)).toBe(true)
          expect(await evict(opened)).toEqual(['ajust@20'])
          expect(put(opened, 'a', 'late', 19)).toBe(false)
        })

        it('hands a record over with where it came from, and its headers', async () => {
          const opened = await open()
          const headers = [{ key: 'h', value: Buffer.from('v') }, { key: 'n', value: null }] // biome-ignore format: one line
          opened.store.put('a', 'x', { timestampMs: 1, offset: 42, topic: 'in', partition: 3, headers })
          put(opened, 'b', 'y', 50)
          await commit(opened)
          const contexts: unknown[] = []
          await opened.store.evict(({ context }) => void contexts.push(context))
          expect(contexts).toEqual([{ timestampMs: 1, offset: 42, topic: 'in', partition: 3, headers }])
        })
      })
    }

    it('waits for what it hands records to, one after the other', async () => {
      const opened = await open()
      for (const time of [1, 2, 3]) put(opened, 'a', `${time}`, time)
      put(opened, 'a', 'now', 50)
      const out: string[] = []
      await opened.store.evict(async ({ value }) => {
        out.push(`begin ${value}`)
        await new Promise((resolve) => setImmediate(resolve))
        out.push(`end ${value}`)
      })
      expect(out).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
    })

    it("writes Kafka Streams' changelog: the record with its context, then a tombstone", async () => {
      const opened = await open()
      put(opened, 'k', 'v', 5, [{ key: 'h', value: Buffer.from('x') }])
      await opened.commit()
      put(opened, 'k', 'w', 15)
      await evict(opened)
      await opened.commit()
      const [first, , gone] = opened.changelog
      expect(first?.key?.toString('hex')).toBe('0000000000000000056b00000001')
      expect(first?.value?.toString('hex')).toMatch(
        /^0000000000000005.*0000000176ffffffff|ffffffffffffffff00000001760000000000000000$/,
      )
      expect(gone).toMatchObject({ key: first?.key, value: null })
      expect(opened.changelog).toHaveLength(3)
    })

    it('writes nothing of what came and went since the last commit', async () => {
      const opened = await open()
      put(opened, 'k', 'v', 5)
      put(opened, 'k', 'w', 15)
      expect(await evict(opened)).toEqual(['kv@5'])
      expect((await opened.commit()).records).toHaveLength(1)
      expect(opened.store.dirtyEntries).toBe(0)
    })

    it('goes back to what was committed', async () => {
      const opened = await open()
      put(opened, 'a', '1', 1)
      await opened.commit()
      put(opened, 'a', '2', 40)
      expect(await evict(opened)).toEqual(['a1@1'])
      opened.store.drain()
      opened.store.discard()
      expect(put(opened, 'a', '3', 2)).toBe(true)
      put(opened, 'a', '4', 12)
      expect(await evict(opened)).toEqual(['a1@1', 'a3@2'])
    })

    it('takes up where another left, and comes back from the changelog', async () => {
      const opened = await open()
      for (const time of [1, 2, 30]) put(opened, 'a', `${time}`, time)
      await opened.commit()
      await evict(opened)
      put(opened, 'a', 'x', 25)
      await opened.commit()
      const restored = openOn(opened.database, recordBuffer('restored', options))
      await restored.restore([{ key: null, value: null, timestampMs: 0, headers: EMPTY_HEADERS }])
      await restored.restore(opened.changelog.slice(0, 2))
      await restored.restore(opened.changelog.slice(2))
      for (const again of [openOn(opened.database), restored]) {
        expect(put(again, 'a', 'late', 19)).toBe(false)
        put(again, 'a', 'y', 25)
        put(again, 'b', 'z', 60)
        expect(await evict(again)).toEqual(['ax@25', 'ay@25', 'a30@30'])
      }
    })

    it('fails with typed errors: closed, restored over changes, and with keys that are none', async () => {
      const opened = await open()
      const nonsense = { key: Buffer.from('k'), value: null, timestampMs: 1, headers: EMPTY_HEADERS }
      expect(() => opened.store.restoredRows([nonsense])).toThrow(CorruptStateError)
      put(opened, 'a', '1', 1)
      expect(() => opened.store.restoredRows([])).toThrow(InternalError)
      opened.store.close()
      expect(() => put(opened, 'a', '1', 1)).toThrow(StoreClosedError)
      expect(() => opened.store.evict(() => {})).toThrow(StoreClosedError)
    })

    it('closed while it reads, it fails with a typed error', async () => {
      const first = await open()
      put(first, 'a', '1', 1)
      put(first, 'a', '2', 40)
      await first.commit()
      const database = new HeldDatabase(first.database)
      const { store } = openOn(database)
      database.hold()
      const evicted = store.evict(() => {})
      store.close()
      database.release()
      await expect(Promise.resolve(evicted)).rejects.toThrow(StoreClosedError)
    })

    it(
      'does what a sorted list does, whatever is put, committed, discarded and opened again',
      async () => {
        const step = fc.oneof(
          { weight: 8, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.constantFrom('a', 'b', 'aa'), time: fc.nat(60) }) }, // biome-ignore format: one line
          { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('evict' as const, 'commit' as const, 'discard' as const, 'reopen' as const) }) }, // biome-ignore format: one line
        )
        let run = 0
        let database = await openDatabase()
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
            const builder = recordBuffer(`store-${run++}`, options)
            let opened = openOn(database, builder)
            let committed = { waiting: [] as string[][], observedMs: -1 }
            let current = { waiting: [] as string[][], observedMs: -1 }
            for (const [i, each] of steps.entries()) {
              if (each.do === 'put') {
                // Times rise slowly, so that some are late and some are due.
                const timeMs = i + each.time
                const isTaken = timeMs >= current.observedMs - GRACE_MS
                expect(put(opened, each.key, `${i}`, timeMs)).toBe(isTaken)
                if (!isTaken) continue
                const waiting = [...current.waiting, [String(timeMs).padStart(3, '0'), each.key, `${i}`]]
                current = { waiting, observedMs: Math.max(current.observedMs, timeMs) }
              } else if (each.do === 'evict') {
                const isDue = ([time]: string[]): boolean => Number(time) <= current.observedMs - GRACE_MS
                const due = current.waiting.filter(isDue).sort(([t1, k1, n1], [t2, k2, n2]) => {
                  // A key is followed by its sequence number, which begins with zeros: shorter keys come first.
                  return Number(t1) - Number(t2) || Buffer.compare(Buffer.from(`${k1}\0`), Buffer.from(`${k2}\0`)) || Number(n1) - Number(n2) // biome-ignore format: one line
                })
                expect(await evict(opened)).toEqual(due.map(([time, key, value]) => `${key}${value}@${Number(time)}`))
                current = { ...current, waiting: current.waiting.filter((w) => !isDue(w)) }
              } else if (each.do === 'commit') {
                await opened.commit()
                committed = current
              } else {
                if (each.do === 'reopen' && place.keepsState) {
                  opened.store.close()
                  await database.close()
                  database = await openDatabase()
                  opened = openOn(database, builder)
                } else opened.store.discard()
                current = committed
              }
            }
          }),
          { numRuns: 60 },
        )
      },
      fc.limitMs(30_000),
    )
  })
}
