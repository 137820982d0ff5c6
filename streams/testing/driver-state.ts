import type { FetchedBatch, LogRecord } from '../../kafka/port.ts'
import type { TaskDatabase } from '../../stores/task-database.ts'
import type { Application } from '../runtime/client/application.ts'
import { measuredBuilder } from '../runtime/metrics/measured-store.ts'
import type { TaskMetrics } from '../runtime/metrics/task-metrics.ts'
import { TaskStores } from '../runtime/state/task-stores.ts'
import type { CapturedRecord } from './captured-topic.ts'
import { DeferredDatabase } from './deferred-database.ts'
import { SlowDatabase } from './slow-database.ts'

/** Entries that a store of the driver keeps decoded. */
const CACHE_ENTRIES = 10_000

export interface DriverStateOptions {
  readonly restartable?: boolean
  readonly storeCacheEntries?: number
  readonly slowState?: boolean
}

/** What a restart of the driver finds: the databases of its tasks, and the topics that stores are restored from. */
export class DriverState {
  readonly #application: Application
  readonly #cacheEntries: number
  readonly #databases = new Map<string, DeferredDatabase>()
  /** All records of changelogs; only when the driver may be restarted. */
  readonly #logs: Map<string, LogRecord[]> | undefined

  readonly #slow: boolean

  constructor(application: Application, options: DriverStateOptions) {
    const { restartable = false, storeCacheEntries = CACHE_ENTRIES, slowState = false } = options
    this.#application = application
    this.#cacheEntries = storeCacheEntries
    this.#slow = slowState
    if (!restartable) return
    const topics = [...application.topology.stores.values()].map(({ name }) => application.changelogTopic(name))
    this.#logs = new Map(topics.map((topic) => [topic, []]))
  }

  get restartable(): boolean {
    return this.#logs !== undefined
  }

  /** Takes note of a record that a store may have to be restored from. */
  keep(topic: string, offset: number, { key, value, timestampMs, headers }: CapturedRecord): void {
    this.#logs?.get(topic)?.push({ key, value, timestampMs, headers, offset })
  }

  /** Opens the stores of a task: on the rows that are there, or without `kept` on nothing, with everything restored from changelogs. */
  async open(taskId: string, storeNames: readonly string[], kept: boolean, metrics: TaskMetrics): Promise<TaskStores> {
    const application = this.#application
    const { topology } = application
    const stores = await TaskStores.open({
      taskId,
      partition: 0,
      builders: storeNames
        .filter((name) => topology.stores.has(name))
        .map((name) => application.storeBuilder(name))
        .map((builder) => measuredBuilder(builder, metrics.store(builder))),
      changelogTopic: (store) => application.changelogTopic(store),
      isSource: (store) => application.sourceTopicOf(store) !== undefined,
      openPersistent: async () => this.#database(`${taskId} on disk`, kept),
      openMemory: async () => this.#database(`${taskId} in memory`, false),
      cacheEntries: this.#cacheEntries,
      onExpired: (name) => metrics.expired(application.storeBuilder(name)),
    })
    for (const { store, topic, offset } of stores.changelogs()) {
      const records = this.#logs?.get(topic)?.filter((record) => record.offset >= offset) ?? []
      if (records.length > 0) await stores.restore(store, batchOf(topic, records))
    }
    stores.restored()
    return stores
  }

  #database(name: string, kept: boolean): TaskDatabase {
    const found = kept ? this.#databases.get(name) : undefined
    const database = found ?? new DeferredDatabase()
    this.#databases.set(name, database)
    return this.#slow ? new SlowDatabase(database) : database
  }
}

function batchOf(topic: string, records: readonly LogRecord[]): FetchedBatch {
  return { topic, partition: 0, records, nextOffset: (records[records.length - 1] as LogRecord).offset + 1 }
}
