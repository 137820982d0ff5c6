import type { Awaitable } from '../../common/awaitable.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { RestoredRecord, RowChanges, StateStore, StoreChanges } from '../state-store.ts'
import type { StoreBuilder, StoreContext } from '../store-builder.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../task-database.ts'

/** Where a contract keeps the state of one task. */
export interface ContractPlace {
  /** Whether `open` finds what was written before the last `close`. */
  readonly keepsState: boolean
  open(): Promise<TaskDatabase>
  remove(): Promise<void>
}

export interface ContractOptions {
  readonly place: () => Promise<ContractPlace>
  /** Bound of clean entries in the cache. */
  readonly cacheEntries: number
}

export const CHANGELOG = 'app-store-changelog'
export const NO_OFFSETS: StateOffsets = new Map()

/** An open store with its database, and what the runtime does with them. */
export class ContractStore<S extends StateStore> {
  readonly store: S
  readonly database: TaskDatabase
  /** What the changelog would hold. */
  readonly changelog: RestoredRecord[] = []

  constructor(
    builder: StoreBuilder<S>,
    database: TaskDatabase,
    context: Omit<StoreContext, 'database' | 'changelogTopic'>,
  ) {
    this.database = database
    this.store = builder.build({ database, changelogTopic: CHANGELOG, ...context })
  }

  /** A commit as the runtime makes it. */
  async commit(offsets: StateOffsets = NO_OFFSETS): Promise<StoreChanges> {
    const changes = this.store.drain()
    for (const { changelogKey: key, changelogValue: value, timestampMs, headers } of changes.records)
      this.changelog.push({ key, value, timestampMs, headers })
    await this.database.write(stateWrite(changes, offsets))
    this.store.committed()
    return changes
  }

  async restore(records: readonly RestoredRecord[]): Promise<RowChanges> {
    const changes = await this.store.restoredRows(records)
    await this.database.write(stateWrite(changes, NO_OFFSETS))
    return changes
  }
}

export function stateWrite({ puts, expired }: RowChanges, offsets: StateOffsets): StateWrite {
  return { puts, rangeDeletes: expired, offsets }
}

/** A database whose reads can be held back, so that a test decides what happens before they arrive; and which counts them. */
export class HeldDatabase implements TaskDatabase {
  readonly #inner: TaskDatabase
  #gate: Promise<void> | undefined
  #open: (() => void) | undefined
  reads = 0
  readonly scanNow?: NonNullable<TaskDatabase['scanNow']>

  /** With `scansNow` a scan that its caller does not wait for is not held back, if the database knows such. */
  constructor(inner: TaskDatabase, scansNow = false) {
    this.#inner = inner
    const scanNow = scansNow ? inner.scanNow?.bind(inner) : undefined
    if (scanNow !== undefined) this.scanNow = scanNow
  }

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve))
  }

  release(): void {
    this.#open?.()
    this.#gate = undefined
  }

  get persistent(): boolean {
    return this.#inner.persistent
  }

  storePrefix(storeName: string): Buffer {
    return this.#inner.storePrefix(storeName)
  }

  storeState(storeName: string): Buffer | undefined {
    return this.#inner.storeState(storeName)
  }

  keepStoreState(storeName: string, state: Buffer): void {
    this.#inner.keepStoreState(storeName, state)
  }

  /** The value as of the call, which arrives when the gate opens. */
  async get(rowKey: Buffer): Promise<Buffer | undefined> {
    this.reads++
    const gate = this.#gate
    const value = await this.#inner.get(rowKey)
    await gate
    return value
  }

  async getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    this.reads++
    const gate = this.#gate
    const values = await this.#inner.getMany(rowKeys)
    await gate
    return values
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly [rowKey: Buffer, rowValue: Buffer], void, undefined> {
    this.reads++
    const gate = this.#gate
    const rows = []
    for await (const row of this.#inner.scan(range)) rows.push(row)
    await gate
    yield* rows
  }

  approximateRows(from: Buffer, to: Buffer): Awaitable<number> {
    return this.#inner.approximateRows(from, to)
  }

  write(write: StateWrite): Awaitable<void> {
    return this.#inner.write(write)
  }

  offsets(): StateOffsets {
    return this.#inner.offsets()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

export async function toArray<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

/** All results, of reads that may be answered at once. */
export function settled<T>(reads: readonly Awaitable<T>[]): Promise<T[]> {
  return Promise.all(reads.map((read) => Promise.resolve(read)))
}
