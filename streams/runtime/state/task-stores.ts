import { partitionName } from '../../../common/record.ts'
import type { FetchedBatch, OffsetCommit } from '../../../kafka/port.ts'
import { CorruptStateError, isCorruption } from '../../../stores/errors.ts'
import type { RowChanges, StateStore, StoreChanges } from '../../../stores/state-store.ts'
import type { ExpiredPut, StoreBuilder } from '../../../stores/store-builder.ts'
import type { OpenTaskDatabase, TaskDatabase } from '../../../stores/task-database.ts'
import { TaskCorruptedError } from '../../errors.ts'
import type { RecordCollector } from '../task/record-collector.ts'
import { PackedRestore } from './packed-restore.ts'
import { type StoreTap, StoreTaps } from './store-taps.ts'

export interface TaskStoresOptions {
  readonly taskId: string
  readonly partition: number
  readonly builders: readonly StoreBuilder[]
  readonly changelogTopic: (store: string) => string
  /** What serdes are told as the topic of a store's rows (default its changelog). */
  readonly serdeTopic?: (store: string) => string
  /** Whether that topic is one that the task reads anyway: nothing is written to it. */
  readonly isSource?: (store: string) => boolean
  readonly openPersistent: OpenTaskDatabase
  readonly openMemory: OpenTaskDatabase
  readonly cacheEntries: number
  readonly onExpired: ExpiredPut
  /** Databases that are open already. */
  readonly databases?: TaskDatabases | undefined
}

/** The databases of a task, without the stores over them. */
export interface TaskDatabases {
  readonly persistent: TaskDatabase | undefined
  readonly memory: TaskDatabase | undefined
}

interface OpenStore {
  readonly builder: StoreBuilder
  readonly store: StateStore
  readonly database: TaskDatabase
  /** `undefined` for a store without changelog. */
  readonly changelog: { readonly topic: string; readonly name: string; readonly isSource: boolean } | undefined
  readonly acknowledged: Acknowledged
}

interface Drained {
  readonly opened: OpenStore
  readonly changes: StoreChanges
}

/** How far the changelog records of the commit that is under way have arrived. */
class Acknowledged {
  /** Offset after the last of them; -1 before the first. */
  endOffset = -1
  readonly one = (error: Error | undefined, offset: number): void => {
    if (error === undefined && offset >= this.endOffset) this.endOffset = offset + 1
  }
}

const NO_CHANGES: RowChanges = { puts: [], expired: [] }
const NONE: readonly StoreChanges[] = []

/** The stores of one task with their databases, and their part in a commit: drain, changelog, write. */
export class TaskStores {
  readonly partition: number
  readonly #stores: ReadonlyMap<string, OpenStore>
  readonly #opened: readonly OpenStore[]
  readonly #databases: readonly TaskDatabase[]
  /** Partitions of inputs that are changelogs too. */
  readonly #sources: ReadonlySet<string>
  readonly #taps = new StoreTaps()
  #drained: Drained[] = []
  /** Of the one database that takes rows in batches. */
  #packedRestore: PackedRestore | undefined

  private constructor(partition: number, stores: ReadonlyMap<string, OpenStore>, databases: readonly TaskDatabase[]) {
    this.partition = partition
    this.#stores = stores
    this.#opened = [...stores.values()]
    this.#databases = databases
    this.#sources = new Set(this.#opened.flatMap(({ changelog: c }) => (c?.isSource ? [c.name] : [])))
  }

  /** @throws {TaskCorruptedError} when what a store finds is not what it writes. */
  static async open(options: TaskStoresOptions): Promise<TaskStores> {
    const { taskId, partition, builders } = options
    const { persistent, memory } = options.databases ?? (await openDatabases(options))
    const databases = [persistent, memory].filter((d) => d !== undefined)
    const stores = new Map<string, OpenStore>()
    for (const builder of builders) {
      const database = (builder.persistent ? persistent : memory) as TaskDatabase
      const topic = options.changelogTopic(builder.name)
      let store: StateStore
      try {
        store = builder.build({
          database,
          changelogTopic: options.serdeTopic?.(builder.name) ?? topic,
          cacheEntries: options.cacheEntries,
          onExpired: options.onExpired,
        })
      } catch (error) {
        await Promise.all(databases.map((d) => d.close()))
        if (error instanceof CorruptStateError)
          throw new TaskCorruptedError([taskId], { cause: error, because: error.message })
        throw error
      }
      const isSource = options.isSource?.(builder.name) ?? false
      const name = partitionName(topic, partition)
      const changelog = builder.logging || isSource ? { topic, name, isSource } : undefined
      stores.set(builder.name, { builder, store, database, changelog, acknowledged: new Acknowledged() })
    }
    return new TaskStores(partition, stores, databases)
  }

  get(name: string): StateStore | undefined {
    return this.#stores.get(name)?.store
  }

  get names(): readonly string[] {
    return [...this.#stores.keys()]
  }

  get dirtyEntries(): number {
    let sum = 0
    for (const { store } of this.#opened) sum += store.dirtyEntries
    return sum
  }

  /** Changelog partitions with the offset that local state stands at (0 when there is none). */
  changelogs(): readonly {
    readonly store: string
    readonly topic: string
    readonly offset: number
    /** It goes on beyond what is committed: no further than that may be restored. */
    readonly isSource: boolean
  }[] {
    const list = []
    for (const { builder, changelog, database } of this.#opened) {
      if (changelog) {
        const { topic, name, isSource } = changelog
        list.push({ store: builder.name, topic, offset: database.offsets().get(name) ?? 0, isSource })
      }
    }
    return list
  }

  /** Of input positions, those of topics that are changelogs too: local state stands there after the commit. */
  positionsOfSources(task: { positions(): readonly OffsetCommit[] }): ReadonlyMap<string, number> | undefined {
    const names = this.#sources
    if (names.size === 0) return undefined
    const known = task.positions().map((p) => [partitionName(p.topic, p.partition), p.offset] as const)
    return new Map(known.filter(([name]) => names.has(name)))
  }

  /** The offsets of all changelogs that local state stands at, in one number: more is further. */
  get offsetSum(): number {
    let sum = 0
    for (const { offset } of this.changelogs()) sum += offset
    return sum
  }

  get hasPersistent(): boolean {
    return this.#databases.some((d) => d.persistent)
  }

  /** As `offsetSum`, of what outlives the process. */
  get persistentOffsetSum(): number {
    let sum = 0
    for (const { changelog, database } of this.#opened)
      if (changelog && database.persistent) sum += database.offsets().get(changelog.name) ?? 0
    return sum
  }

  /** The offset after the last record of a partition that is in local state; 0 when there is none. */
  storedOffset(topic: string, partition: number): number {
    const name = partitionName(topic, partition)
    return this.#databases.reduce((offset, database) => Math.max(offset, database.offsets().get(name) ?? 0), 0)
  }

  /** Encodes what changed and hands it to the changelogs; without a collector (global stores) it is encoded only. */
  sendChanges(collector: RecordCollector | undefined): void {
    this.#drained = []
    for (const opened of this.#opened) {
      const changes = opened.store.drain()
      const isUnchanged = changes.records.length === 0 && changes.puts.length === 0 && changes.expired.length === 0
      if (isUnchanged && opened.store.dirtyEntries === 0) continue
      this.#drained.push({ opened, changes })
      const { acknowledged } = opened
      acknowledged.endOffset = -1
      if (opened.changelog === undefined || opened.changelog.isSource || collector === undefined) continue
      const { topic } = opened.changelog
      for (const record of changes.records) {
        collector.sendChangelog(
          topic,
          this.partition,
          record.changelogKey,
          record.changelogValue,
          record.timestampMs,
          record.headers,
          acknowledged.one,
        )
      }
    }
  }

  /** Writes what was drained, with the changelog offsets, in one batch per database; a promise only when a database has to wait. */
  writeDrained(inputOffsets?: ReadonlyMap<string, number>): Promise<void> | undefined {
    if (this.#drained.length === 0 && inputOffsets === undefined) return undefined
    let pending: Promise<void> | undefined
    for (const database of this.#databases) {
      let first: StoreChanges | undefined
      let others = NONE
      const offsets = new Map<string, number>(inputOffsets)
      for (const { opened, changes } of this.#drained) {
        if (opened.database !== database) continue
        if (first === undefined) first = changes
        else others = [...others, changes]
        const { endOffset } = opened.acknowledged
        if (opened.changelog && endOffset >= 0) offsets.set(opened.changelog.name, endOffset)
      }
      if (first === undefined && inputOffsets === undefined) continue
      const { puts, expired: rangeDeletes } = others === NONE ? (first ?? NO_CHANGES) : joined(first, others)
      const written = database.write({ puts, rangeDeletes, offsets })
      if (written instanceof Promise)
        pending = pending === undefined ? written : Promise.all([pending, written]).then(() => {})
    }
    return pending
  }

  /** What was drained is in the databases. */
  committed(): void {
    for (const { opened, changes } of this.#drained) {
      opened.store.committed()
      if (this.#taps.any) this.#taps.committed(opened.builder.name, changes, () => this.offsetOf(opened.builder.name))
    }
    this.#drained = []
  }

  /** A number that the task's RocksDB tells of itself. */
  async databaseProperty(name: string): Promise<number | undefined> {
    return this.#databases.find((database) => database.persistent)?.property?.(name)
  }

  /** Where local state of a store stands in its changelog; `undefined` for one without. */
  offsetOf(store: string): number | undefined {
    const { changelog, database } = this.#stores.get(store) ?? {}
    return changelog && (database?.offsets().get(changelog.name) ?? 0)
  }

  /** Tells what each commit changes in a store, from now on, until the answer is called or the stores are closed. */
  tap(store: string, tap: StoreTap): () => void {
    tap.began?.(this.offsetOf(store))
    return this.#taps.add(store, tap)
  }

  /** Calls `listener` before the databases are closed, which wait for reads that are under way. */
  onClose(listener: () => void): () => void {
    return this.#taps.onClose(listener)
  }

  /** Whether records can be turned into rows only when those before them are written. */
  readsToRestore(storeName: string): boolean {
    return this.#stores.get(storeName)?.store.type === 'versioned'
  }

  /** Writes restored changelog records of one store. The next ones may be given before it resolves; the order is kept. */
  async restore(storeName: string, batch: FetchedBatch): Promise<void> {
    const { store, database, changelog } = this.#stores.get(storeName) as OpenStore
    const offsets = new Map(changelog ? [[changelog.name, batch.nextOffset]] : [])
    const { rowBatches } = database
    const rows = rowBatches && batch.packed && store.restoredPacked?.(batch.packed)
    if (rowBatches === undefined || rows === undefined) {
      const { puts, expired } = await store.restoredRows(batch.records)
      await database.write({ puts, rangeDeletes: expired, offsets })
      return
    }
    // A crash in between leaves rows that are ahead of their offset: the same records are restored over them.
    this.#packedRestore ??= new PackedRestore(rowBatches)
    await this.#packedRestore.write(rows)
    await database.write({ puts: [], rangeDeletes: [], offsets })
  }

  /** The restore is over: what is read from now on may be kept. */
  restored(): void {
    this.#packedRestore = undefined
    for (const { store } of this.#opened) store.committed()
  }

  /** Drops everything uncommitted and closes. */
  async close(): Promise<void> {
    this.#closeStores()
    await Promise.all(this.#databases.map((d) => d.close()))
  }

  /** As `close`, but gives the databases away, open. */
  release(): TaskDatabases {
    this.#closeStores()
    return {
      persistent: this.#databases.find((d) => d.persistent),
      memory: this.#databases.find((d) => !d.persistent),
    }
  }

  #closeStores(): void {
    this.#taps.close()
    for (const { store } of this.#opened) store.close()
  }
}

function joined(first: RowChanges | undefined, others: readonly RowChanges[]): RowChanges {
  const all = [first ?? NO_CHANGES, ...others]
  return { puts: all.flatMap(({ puts }) => puts), expired: all.flatMap(({ expired }) => expired) }
}

async function openDatabases({
  taskId,
  builders,
  openPersistent,
  openMemory,
}: TaskStoresOptions): Promise<TaskDatabases> {
  try {
    const persistent = builders.some((b) => b.persistent) ? await openPersistent(taskId) : undefined
    const memory = builders.some((b) => !b.persistent) ? await openMemory(taskId) : undefined
    return { persistent, memory }
  } catch (error) {
    if (isCorruption(error)) throw new TaskCorruptedError([taskId], { cause: error, because: (error as Error).message })
    throw error
  }
}
