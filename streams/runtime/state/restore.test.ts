import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { Stores } from '../../../stores/stores.ts'
import { TaskCorruptedError } from '../../errors.ts'
import { serdes } from '../../index.ts'
import { type RestoreProgress, restoreStores } from './restore.ts'
import type { StateRestoreListener } from './restore-listener.ts'
import { TaskStores } from './task-stores.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const CHANGELOG = 'app-rows-changelog'
const RECORDS = 30_000
const KEYS = 9_000

let kafka: EmbeddedProvider
let stores: TaskStores
let database: MemoryDatabase

beforeEach(async () => {
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([{ name: CHANGELOG, partitions: 1 }])
  database = new MemoryDatabase()
  stores = await TaskStores.open({
    taskId: '0_0',
    partition: 0,
    builders: [Stores.keyValueStore('rows', TEXT) as never],
    changelogTopic: () => CHANGELOG,
    openPersistent: async () => database,
    openMemory: async () => database,
    cacheEntries: 10,
    onExpired: () => {},
  })
})

afterEach(async () => {
  await stores.close()
  await kafka.close()
})

async function fill(): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < RECORDS; i++)
    producer.send(CHANGELOG, 0, { key: Buffer.from(`key-${i % KEYS}`), value: Buffer.from(`${i}`), timestampMs: i })
  await producer.flush()
  await producer.close()
}

const restore = (listener: StateRestoreListener, signal = new AbortController().signal, seen: RestoreProgress[] = []) =>
  restoreStores({
    taskId: '0_0',
    stores,
    kafka,
    isolationLevel: 'read_committed',
    signal,
    listener,
    committedOffset: () => undefined,
    onProgress: (progress) => void seen.push(progress),
  })

describe('a restore', () => {
  it('tells its start, each batch and its end, and leaves the last value of each key', async () => {
    await fill()
    const told: string[] = []
    let inBatches = 0
    let reached = 0
    const progress: RestoreProgress[] = []
    await restore(
      {
        onRestoreStart: ({ store, topic, partition, startingOffset, endingOffset }) =>
          told.push(`start ${store} ${topic}-${partition} ${startingOffset} ${endingOffset}`),
        onBatchRestored: ({ numRestored, batchEndOffset }) => {
          inBatches += numRestored
          expect(batchEndOffset).toBeGreaterThan(reached)
          reached = batchEndOffset
        },
        onRestoreEnd: ({ totalRestored }) => told.push(`end ${totalRestored}`),
        onRestoreSuspended: () => told.push('suspended'),
      },
      undefined,
      progress,
    )
    expect(told).toEqual([`start rows ${CHANGELOG}-0 0 ${RECORDS}`, `end ${RECORDS}`])
    expect([inBatches, reached]).toEqual([RECORDS, RECORDS])
    const all = { taskId: '0_0', store: 'rows', startingOffset: 0, endOffset: RECORDS }
    expect(progress[0]).toEqual({ ...all, restoredOffset: 0 })
    expect(progress.at(-1)).toEqual({ ...all, restoredOffset: RECORDS })
    expect(stores.storedOffset(CHANGELOG, 0)).toBe(RECORDS)
    const store = stores.get('rows') as KeyValueStore<string, string>
    expect(await store.get(`key-${KEYS - 1}`)).toBe(`${3 * KEYS - 1}`)
    expect(await store.get(`key-${RECORDS - 1 - 3 * KEYS}`)).toBe(`${RECORDS - 1}`)
    expect(await store.approximateEntries()).toBe(KEYS)
  })

  it('asks for nothing when nothing is missing', async () => {
    await fill()
    await restore({})
    const told: string[] = []
    await restore({ onRestoreStart: () => told.push('start') })
    expect(told).toEqual([])
  })

  it('is suspended when the task is taken away', async () => {
    await fill()
    const abort = new AbortController()
    const told: string[] = []
    await restore(
      {
        onBatchRestored: () => abort.abort(),
        onRestoreEnd: () => told.push('end'),
        onRestoreSuspended: ({ totalRestored }) => {
          expect(totalRestored).toBeGreaterThan(0)
          expect(totalRestored).toBeLessThan(RECORDS)
          told.push('suspended')
        },
      },
      abort.signal,
    )
    expect(told).toEqual(['suspended'])
    // What was written until then stands at its offset: the next restore takes up there.
    const next: number[] = []
    await restore({ onRestoreStart: ({ startingOffset }) => next.push(startingOffset) })
    expect(next).toHaveLength(1)
    expect(next[0]).toBeGreaterThan(0)
  })

  it('says that the task is corrupt when its state is ahead of the changelog', async () => {
    database.write({ puts: [], rangeDeletes: [], offsets: new Map([[`${CHANGELOG}-0`, 7]]) })
    await expect(restore({})).rejects.toBeInstanceOf(TaskCorruptedError)
  })
})
