import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { partitionName } from '../../../common/record.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import type { Admin, FetchedBatch, KafkaProvider, LogReader } from '../../../kafka/port.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { Stores } from '../../../stores/stores.ts'
import { serdes } from '../../index.ts'
import { restoreStores } from './restore.ts'
import { TaskStores } from './task-stores.ts'

const CHANGELOG = 'app-rows-changelog'
const PARTITION = partitionName(CHANGELOG, 0)
const COMMITTED = 2
/** Two records more, and the marker of their transaction. */
const END = 5

let kafka: EmbeddedProvider
let stores: TaskStores

beforeEach(async () => {
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  const database = new MemoryDatabase()
  stores = await TaskStores.open({
    taskId: '0_0',
    partition: 0,
    builders: [Stores.keyValueStore('rows', { key: serdes.string, value: serdes.string }) as never],
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

function batch(values: readonly string[], from: number, nextOffset: number): FetchedBatch {
  const records = values.map((value, i) => ({
    key: Buffer.from('k'),
    value: Buffer.from(value),
    timestampMs: 1,
    offset: from + i,
    headers: [],
  }))
  return { topic: CHANGELOG, partition: 0, records, nextOffset }
}

/** A changelog that somebody has an open transaction on, which ends at a poll. */
class HeldUp {
  polls = 0
  readonly #endsAt: number
  readonly #whenItEnds: readonly string[]

  constructor(endsAt: number, whenItEnds: readonly string[]) {
    this.#endsAt = endsAt
    this.#whenItEnds = whenItEnds
  }

  provider(): KafkaProvider {
    const stable = (): number => (this.polls < this.#endsAt ? COMMITTED : END)
    const admin: Partial<Admin> = {
      beginningOffsets: async () => new Map([[PARTITION, 0]]),
      endOffsets: async (_partitions, level) => new Map([[PARTITION, level === 'read_committed' ? stable() : END]]),
    }
    const reader: Partial<LogReader> = {
      assign: async () => {},
      poll: async () => this.#poll(++this.polls),
      lag: () => 0,
      close: async () => {},
    }
    return altered<KafkaProvider>(kafka, { admin: () => admin as Admin, createReader: () => reader as LogReader })
  }

  #poll(poll: number): readonly FetchedBatch[] {
    if (poll === 1) return [batch(['1', '2'], 0, COMMITTED)]
    return poll === this.#endsAt ? [batch(this.#whenItEnds, COMMITTED, END)] : []
  }
}

function altered<T extends object>(real: T, own: Partial<T>): T {
  return new Proxy(real, {
    get: (target, name) => (name in own ? own[name as keyof T] : Reflect.get(target, name)),
  })
}

async function restored(log: HeldUp): Promise<string | undefined> {
  await restoreStores({
    taskId: '0_0',
    stores,
    kafka: log.provider(),
    isolationLevel: 'read_committed',
    signal: new AbortController().signal,
    committedOffset: () => undefined,
  })
  stores.restored()
  return (stores.get('rows') as KeyValueStore<string, string>).get('k')
}

describe('a restore of a changelog with an open transaction of another producer', () => {
  it('waits for its records', async () => {
    const log = new HeldUp(6, ['3', '4'])
    expect(await restored(log)).toBe('4')
    expect(log.polls).toBe(6)
    expect(stores.storedOffset(CHANGELOG, 0)).toBe(END)
  })

  it('waits until it is aborted, and then has what was committed before', async () => {
    const log = new HeldUp(4, [])
    expect(await restored(log)).toBe('2')
    expect(stores.storedOffset(CHANGELOG, 0)).toBe(END)
  })
})
