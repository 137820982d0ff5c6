import { expect, test } from 'vitest'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import { serdes } from '../../../common/serde.ts'
import type { ChangeBuffer } from '../../../stores/buffers/change-buffer.ts'
import { changeBuffer } from '../../../stores/buffers/change-buffer-builder.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { Stores } from '../../../stores/stores.ts'
import type { StateWrite } from '../../../stores/task-database.ts'
import { TaskStores } from './task-stores.ts'

class WatchedDatabase extends MemoryDatabase {
  readonly writes: StateWrite[] = []

  override write(write: StateWrite): void {
    this.writes.push(write)
    super.write(write)
  }
}

async function open(builders: readonly StoreBuilder[]) {
  const database = new WatchedDatabase()
  const stores = await TaskStores.open({
    taskId: '0_0',
    partition: 0,
    builders,
    changelogTopic: (store) => `${store}-changelog`,
    openPersistent: async () => database,
    openMemory: async () => database,
    cacheEntries: 100,
    onExpired: () => {},
  })
  const commit = async (): Promise<void> => {
    stores.sendChanges(undefined)
    await stores.writeDrained()
    stores.committed()
  }
  return { stores, database, commit }
}

const types = { key: serdes.string, value: serdes.string }

test('rows of all stores of a database are in one write, and nothing is written without a change', async () => {
  const { stores, database, commit } = await open([
    Stores.keyValueStore('one', { ...types, persistent: false }),
    Stores.keyValueStore('other', { ...types, persistent: false }),
  ])
  await commit()
  expect(database.writes).toEqual([])
  const [one, other] = ['one', 'other'].map((name) => stores.get(name) as KeyValueStore<string, string>)
  one?.put('a', '1', 1)
  await commit()
  one?.put('b', '2', 2)
  other?.put('a', '3', 3)
  other?.put('c', null, 3)
  await commit()
  const keys = database.writes.map(({ puts }) => puts.map(([rowKey]) => rowKey.toString('latin1')))
  expect(keys).toEqual([['\x00\x01a'], ['\x00\x01b', '\x00\x02a', '\x00\x02c']])
  await stores.close()
})

test('a buffer that has neither rows nor records is told of the commit', async () => {
  const plan = { ...types, logging: false, changelogConfigs: {}, countBytes: false }
  const { stores, commit } = await open([changeBuffer('buffer', plan)])
  const buffer = stores.get('buffer') as ChangeBuffer<string, string>
  const context = { topic: 'in', partition: 0, offset: 0, timestampMs: 5, headers: EMPTY_HEADERS }
  buffer.put(5, 'a', 'new', null, context)
  expect(buffer.dirtyEntries).toBe(1)
  await commit()
  expect(buffer.dirtyEntries).toBe(0)
  // What is committed does not go back.
  buffer.discard()
  expect(buffer.records).toBe(1)
  await stores.close()
})
