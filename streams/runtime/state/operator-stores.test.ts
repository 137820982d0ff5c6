import { describe, expect, it } from 'vitest'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { MemoryTracer } from '../../../test/support/memory-tracer.ts'
import { StreamsBuilder, serdes } from '../../index.ts'
import { Application } from '../client/application.ts'
import { TaskTracing } from '../tracing/task-tracing.ts'
import { OperatorStores } from './operator-stores.ts'
import { TaskStores } from './task-stores.ts'

async function storesOf(verifiesPuts: boolean, isTraced: boolean): Promise<OperatorStores> {
  const builder = new StreamsBuilder()
  builder.table('in', { key: serdes.string, value: serdes.string, store: 'rows' })
  const application = new Application('app', builder.build())
  const stores = await TaskStores.open({
    taskId: '0_0',
    partition: 0,
    builders: [application.storeBuilder('rows')],
    changelogTopic: (store) => application.changelogTopic(store),
    openPersistent: async () => new MemoryDatabase(),
    openMemory: async () => new MemoryDatabase(),
    cacheEntries: 10,
    onExpired: () => {},
  })
  const tracing = new TaskTracing(new MemoryTracer().tracing, { applicationId: 'app', taskId: '0_0' })
  return new OperatorStores({ application, stores, verifiesPuts } as never, isTraced ? tracing : undefined)
}

describe('the stores of operators', () => {
  // Operators that share a store, or its time, find each other by the object.
  it.each([
    ['as they are', false, false],
    ['verified', true, false],
    ['traced', false, true],
    ['verified and traced', true, true],
  ])('%s, are one object for all who ask', async (_, verifiesPuts, isTraced) => {
    const stores = await storesOf(verifiesPuts, isTraced)
    const rows = stores.get('rows') as KeyValueStore<string, string>
    expect(stores.get('rows')).toBe(rows)
    rows.put('a', '1', 5)
    expect(await rows.get('a')).toBe('1')
    expect(rows.dirtyEntries).toBe(1)
    expect(stores.get('others')).toBeUndefined()
  })
})
