import { partitionName } from '../../common/record.ts'
import type { FetchedBatch } from '../../kafka/port.ts'
import type { StateStore, StoreChanges } from '../../stores/state-store.ts'
import type { ExpiredPut, StoreBuilder } from '../../stores/store-builder.ts'
import type { OpenTaskDatabase, TaskDatabase } from '../../stores/task-database.ts'
import type { RecordCollector } from './record-collector.ts'

export interface TaskStoresOptions {
  readonly taskId: string
  readonly partition: number
  readonly builders: readonly StoreBuilder[]
  readonly changelogTopic: (store: string) => string
  readonly openPersistent: OpenTaskDatabase
  readonly openMemory: OpenTaskDatabase
  readonly cacheEntries: number
  readonly onExpired: ExpiredPut
}

interface OpenStore {
  readonly builder: StoreBuilder
  readonly store: StateStore
  readonly database: TaskDatabase
  /** `undefined` for a store without changelog. */
  readonly changelog: { readonly topic: string; readonly name: string } | undefined
}

interface Drained {
  readonly opened: OpenStore
  readonly changes: StoreChanges
  /** Offset after the last changelog record, known when they are acknowledged. */
  endOffset: number
}

const NO_RANGES: StoreChanges['expired'] = []

/** The stores of one task with their databases, and their part in a commit: drain, changelog, write. */
export class TaskStores {
  readonly partition: number
  readonly #stores: ReadonlyMap<string, OpenStore>
  readonly #databases: readonly TaskDatabase[]
  #drained: Drained[] = []

  private constructor(partition: number, stores: ReadonlyMap<string, OpenStore>, databases: readonly TaskDatabase[]) {
    this.partition = partition
    this.#stores = stores
    this.#databases = databases
  }

  static async open(options: TaskStoresOptions): Promise<TaskStores> {
    const { taskId, partition, builders } = options
    const persistent = builders.some((b) => b.persistent) ? await options.openPersistent(taskId) : undefined
    const memory = builders.some((b) => !b.persistent) ? await options.openMemory(taskId) : undefined
    const stores = new Map<string, OpenStore>()
    for (const builder of builders) {
      const database = (builder.persistent ? persistent : memory) as TaskDatabase
      const topic = options.changelogTopic(builder.name)
      const store = builder.build({
        database,
        changelogTopic: topic,
        cacheEntries: options.cacheEntries,
        onExpired: options.onExpired,
      })
      const changelog = builder.logging ? { topic, name: partitionName(topic, partition) } : undefined
      stores.set(builder.name, { builder, store, database, changelog })
    }
    return new TaskStores(
      partition,
      stores,
      [persistent, memory].filter((d) => d !== undefined),
    )
  }

  get(name: string): StateStore | undefined {
    return this.#stores.get(name)?.store
  }

  get names(): readonly string[] {
    return [...this.#stores.keys()]
  }

  get dirtyEntries(): number {
    let sum = 0
    for (const { store } of this.#stores.values()) sum += store.dirtyEntries
    return sum
  }

  /** Changelog partitions with the offset that local state stands at (0 when there is none). */
  changelogs(): readonly { readonly store: string; readonly topic: string; readonly offset: number }[] {
    const list = []
    for (const { builder, changelog, database } of this.#stores.values()) {
      if (changelog)
        list.push({ store: builder.name, topic: changelog.topic, offset: database.offsets().get(changelog.name) ?? 0 })
    }
    return list
  }

  /** The offset after the last record of a partition that is in local state; 0 when there is none. */
  storedOffset(topic: string, partition: number): number {
    const name = partitionName(topic, partition)
    return this.#databases.reduce((offset, database) => Math.max(offset, database.offsets().get(name) ?? 0), 0)
  }

  /** Encodes what changed and hands it to the changelogs; without a collector (global stores) it is encoded only. */
  sendChanges(collector: RecordCollector | undefined): void {
    this.#drained = []
    for (const opened of this.#stores.values()) {
      const changes = opened.store.drain()
      if (changes.rows.length === 0 && changes.expired.length === 0) continue
      const drained: Drained = { opened, changes, endOffset: -1 }
      this.#drained.push(drained)
      if (opened.changelog === undefined || collector === undefined) continue
      const acknowledge = (error: Error | undefined, offset: number): void => {
        if (error === undefined && offset >= drained.endOffset) drained.endOffset = offset + 1
      }
      const { topic } = opened.changelog
      for (const row of changes.rows) {
        collector.sendChangelog(
          topic,
          this.partition,
          row.changelogKey,
          row.changelogValue,
          row.timestampMs,
          row.headers,
          acknowledge,
        )
      }
    }
  }

  /** Writes what was drained, with the changelog offsets, in one batch per database; a promise only when a database has to wait. */
  writeDrained(inputOffsets?: ReadonlyMap<string, number>): Promise<void> | undefined {
    let pending: Promise<void> | undefined
    for (const database of this.#databases) {
      const puts: (readonly [Buffer, Buffer | null])[] = []
      let rangeDeletes = NO_RANGES
      const offsets = new Map<string, number>(inputOffsets)
      let changed = inputOffsets !== undefined
      for (const { opened, changes, endOffset } of this.#drained) {
        if (opened.database !== database) continue
        changed = true
        for (const { rowKey, rowValue } of changes.rows) puts.push([rowKey, rowValue])
        if (changes.expired.length > 0) rangeDeletes = [...rangeDeletes, ...changes.expired]
        if (opened.changelog && endOffset >= 0) offsets.set(opened.changelog.name, endOffset)
      }
      if (!changed) continue
      const written = database.write({ puts, rangeDeletes, offsets })
      if (written instanceof Promise)
        pending = pending === undefined ? written : Promise.all([pending, written]).then(() => {})
    }
    return pending
  }

  /** What was drained is in the databases. */
  committed(): void {
    for (const { opened } of this.#drained) opened.store.committed()
    this.#drained = []
  }

  /** Writes restored changelog records of one store. */
  async restore(storeName: string, batch: FetchedBatch): Promise<void> {
    const opened = this.#stores.get(storeName) as OpenStore
    const changes = opened.store.restoredRows(batch.records)
    await opened.database.write({
      puts: changes.rows.map((row) => [row.rowKey, row.rowValue] as const),
      rangeDeletes: changes.expired,
      offsets: new Map(opened.changelog ? [[opened.changelog.name, batch.nextOffset]] : []),
    })
  }

  /** Drops everything uncommitted and closes. */
  async close(): Promise<void> {
    for (const { store } of this.#stores.values()) store.close()
    await Promise.all(this.#databases.map((d) => d.close()))
  }
}
