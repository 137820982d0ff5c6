import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PackedBatch, PackedRecords } from '../../../common/packed-records.ts'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import { serdes } from '../../../common/serde.ts'
import { openRocksdbDatabase } from '../../../stores/database/rocksdb-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { Stores } from '../../../stores/stores.ts'
import type { TaskDatabase } from '../../../stores/task-database.ts'
import { TaskStores } from './task-stores.ts'

const TOPIC = 'counts-changelog'
const KEYS = 5_000
let stateDir: string
let opened: TaskStores | undefined
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'brook-restore-'))
})
afterEach(async () => {
  await opened?.close()
  await rm(stateDir, { recursive: true })
})

async function open(wrap: (database: TaskDatabase) => TaskDatabase = (database) => database): Promise<TaskStores> {
  opened = await TaskStores.open({
    taskId: '0_0',
    partition: 0,
    builders: [Stores.keyValueStore('counts', { key: serdes.string, value: serdes.string })],
    changelogTopic: () => TOPIC,
    openPersistent: async (taskId) => wrap(await openRocksdbDatabase(stateDir)(taskId)),
    openMemory: () => Promise.reject(new Error('not of this test')),
    cacheEntries: 100,
    onExpired: () => {},
  })
  return opened
}

/** Every key once, in an order that makes the last rows of one batch the first ones of the next. */
function batch(round: number): PackedBatch {
  const packed = new PackedRecords()
  const keys = Array.from({ length: KEYS }, (_, i) => `key-${round % 2 === 0 ? i : KEYS - 1 - i}`)
  const value = `round ${round}`
  packed.begin(Buffer.from(keys.map((key) => key + value).join('')))
  let at = 0
  for (const [i, key] of keys.entries()) {
    packed.add(at, key.length, at + key.length, value.length, 1_795_311_600_000, round * KEYS + i, EMPTY_HEADERS)
    at += key.length + value.length
  }
  return new PackedBatch(TOPIC, 0, packed, (round + 1) * KEYS)
}

test('batches that are given before the last one is written do not overtake it', async () => {
  const stores = await open()
  await Promise.all([0, 1, 2].map((round) => stores.restore('counts', batch(round))))
  stores.restored()
  const counts = stores.get('counts') as KeyValueStore<string, string>
  const left = new Map<string, number>()
  for await (const { value } of counts.range(undefined, undefined)) left.set(value, (left.get(value) ?? 0) + 1)
  expect(left).toEqual(new Map([['round 2', KEYS]]))
  expect(stores.offsetOf('counts')).toBe(3 * KEYS)
})

test('after a write that failed none of the ones behind it counts', async () => {
  let writes = 0
  const stores = await open((database) => {
    const rowBatches = database.rowBatches
    if (rowBatches === undefined) throw new Error('RocksDB takes rows in batches')
    const write = rowBatches.write
    Object.assign(rowBatches, {
      write: (rows: never) => (++writes === 3 ? Promise.reject(new Error('no space left')) : write(rows)),
    })
    return database
  })
  const answers = await Promise.allSettled([0, 1].map((round) => stores.restore('counts', batch(round))))
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(stores.offsetOf('counts')).toBe(0)
})
