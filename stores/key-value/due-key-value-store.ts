import { type Awaitable, chain } from '../../common/awaitable.ts'
import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { keyBytesOf, keyIdentity } from '../shared/key-identity.ts'
import type { DueEntry, DueStore, DueTime, RestoredRecord, RowChanges, StoreChanges } from '../state-store.ts'
import type { StoreContext } from '../store-builder.ts'
import type { TaskDatabase } from '../task-database.ts'
import { CachedKeyValueStore } from './cached-key-value-store.ts'
import type { Due } from './due-heap.ts'
import { DueIndex } from './due-index.ts'

/** Rows that are looked at together. */
const TAKEN_TOGETHER = 500
const NOTHING = Buffer.alloc(0)

/** When the rows of a store are due. */
export interface DueRule<V> {
  readonly time: DueTime
  /** Another number is another rule: the index is made anew. */
  readonly version: number
  dueMs(value: V, timestampMs: number): number
  /** The same of a row in the changelog. */
  restoredDueMs(value: Buffer, timestampMs: number): number
}

/**
 * A key-value store whose rows come due. Rows and index are written together, and only rows go to the changelog: the index is made from
 * them when they are restored.
 */
export class DueKeyValueStore<K, V> extends CachedKeyValueStore<K, V> implements DueStore<K, V> {
  readonly dueTime: DueTime
  readonly #rule: DueRule<V>
  readonly #index: DueIndex<K>
  readonly #database: TaskDatabase
  readonly #keySerde: Serde<K>
  readonly #topic: string
  readonly #indexName: string
  /** Rows without entries may be in the database: it was written with another rule, or with none. */
  #isUnindexed: boolean
  #isStateKept: boolean
  /** What is put while due rows are handed over is looked at the next time, so that handing over comes to an end. */
  #isTaking = false
  #later: (readonly [key: K, dueMs: number])[] = []

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, rule: DueRule<V>, context: StoreContext) {
    super(name, keySerde, valueSerde, context)
    const { database, changelogTopic } = context
    this.dueTime = rule.time
    this.#rule = rule
    this.#database = database
    this.#keySerde = keySerde
    this.#topic = changelogTopic
    // No store can have this name.
    this.#indexName = `${name}/due`
    this.#isStateKept = this.#isIndexed()
    this.#isUnindexed = this.#hasRows() && !this.#isStateKept
    const decode = (keyBytes: Buffer) => {
      const key = keySerde.deserialize(keyBytes, changelogTopic)
      return { key, id: keyIdentity(key, keySerde, changelogTopic) }
    }
    this.#index = new DueIndex<K>(database, database.storePrefix(this.#indexName), this.#isStateKept, decode)
  }

  get nextDueMs(): number {
    return this.#isUnindexed ? 0 : this.#index.nextMs
  }

  takeDue(nowMs: number, handle: (entry: DueEntry<K, V>) => Awaitable<void>): Awaitable<void> {
    if (this.#isUnindexed) return this.#makeIndex().then(() => this.takeDue(nowMs, handle))
    this.#isTaking = true
    return chain(this.#takeAll(nowMs, handle), () => {
      this.#isTaking = false
      const later = this.#later
      this.#later = []
      for (const [key, dueMs] of later) this.#add(key, dueMs)
    })
  }

  override put(key: K, value: V | null, timestampMs: number, headers?: Headers): void {
    if (value === null) {
      super.put(key, value, timestampMs, headers)
      return
    }
    const dueMs = this.#rule.dueMs(value, timestampMs)
    // A row that is there has an entry, which is not later than the row is due.
    const before = this.cached(key)
    const hasEntry = before !== undefined && this.#rule.dueMs(before.value, before.timestampMs) <= dueMs
    super.put(key, value, timestampMs, headers)
    if (hasEntry) return
    if (this.#isTaking) this.#later.push([key, dueMs])
    else this.#add(key, dueMs)
  }

  override get dirtyEntries(): number {
    return super.dirtyEntries + this.#index.uncommitted
  }

  override drain(): StoreChanges {
    const changes = super.drain()
    const index = this.#index.drain()
    if (changes.puts.length > 0 || index.length > 0) this.#keepState()
    return index.length === 0 ? changes : { ...changes, puts: [...changes.puts, ...index] }
  }

  override committed(): void {
    super.committed()
    this.#index.committed()
  }

  override discard(): void {
    super.discard()
    this.#isStateKept = this.#isIndexed()
    this.#isUnindexed = this.#hasRows() && !this.#isStateKept
    this.#forget()
  }

  override restoredPacked(): undefined {}

  override restoredRows(records: readonly RestoredRecord[]): RowChanges {
    const puts = this.restoredOneByOne(records)
    if (puts.length === 0) return { puts, expired: [] }
    const entries = new Map<string, Buffer>()
    for (const { key, value, timestampMs } of records) {
      if (key === null) continue
      const id = key.toString('latin1')
      if (value === null) entries.delete(id)
      else entries.set(id, this.#index.rowKey(this.#rule.restoredDueMs(value, timestampMs), key))
    }
    this.#keepState()
    this.#forget()
    for (const rowKey of entries.values()) puts.push([rowKey, NOTHING])
    return { puts, expired: [] }
  }

  #add(key: K, dueMs: number): void {
    const id = keyIdentity(key, this.#keySerde, this.#topic)
    this.#index.add(key, id, dueMs, () => keyBytesOf(key, id, this.#keySerde, this.#topic))
  }

  #takeAll(nowMs: number, handle: (entry: DueEntry<K, V>) => Awaitable<void>): Awaitable<void> {
    for (;;) {
      const some = this.#takeSome(nowMs, handle)
      if (some instanceof Promise) return some.then((isMore) => (isMore ? this.#takeAll(nowMs, handle) : undefined))
      if (!some) return
    }
  }

  /** False when nothing is due any more. */
  #takeSome(nowMs: number, handle: (entry: DueEntry<K, V>) => Awaitable<void>): Awaitable<boolean> {
    return chain(this.#index.peek(nowMs, TAKEN_TOGETHER), (keys) => {
      if (keys.length === 0) return false
      const isRead = this.prefetch(keys)
      const each = (): Awaitable<boolean> => chain(this.#takeCount(keys.length, nowMs, handle), () => true)
      return isRead === undefined ? each() : isRead.then(each)
    })
  }

  #takeCount(count: number, nowMs: number, handle: (entry: DueEntry<K, V>) => Awaitable<void>): Awaitable<void> {
    for (let left = count; left > 0; left--) {
      const due = this.#index.take(nowMs)
      if (due === undefined) return
      const handed = this.#hand(due, nowMs, handle)
      if (handed instanceof Promise) return handed.then(() => this.#takeCount(left - 1, nowMs, handle))
    }
  }

  /** The row may have been put off, which makes it wait for its turn, or deleted, since its entry was made. */
  #hand(
    { key, dueMs: entryMs }: Due<K>,
    nowMs: number,
    handle: (entry: DueEntry<K, V>) => Awaitable<void>,
  ): Awaitable<void> {
    return chain(this.getEntry(key), (row) => {
      if (row === undefined) return
      const { value, timestampMs } = row
      const dueMs = this.#rule.dueMs(value, timestampMs)
      if (dueMs > nowMs || dueMs > entryMs) return this.#add(key, dueMs)
      super.put(key, null, Math.max(dueMs, timestampMs))
      return handle({ key, value, timestampMs, dueMs })
    })
  }

  async #makeIndex(): Promise<void> {
    for await (const { key, value, timestampMs } of this.range(undefined, undefined))
      this.#add(key, this.#rule.dueMs(value, timestampMs))
    this.#isUnindexed = false
  }

  #forget(): void {
    this.#isTaking = false
    this.#later = []
    this.#index.reset(this.#isStateKept)
  }

  #isIndexed(): boolean {
    const state = this.#database.storeState(this.#indexName)
    return state !== undefined && readInt64(state, 0) === this.#rule.version
  }

  #hasRows(): boolean {
    return this.#database.storeState(this.name) !== undefined
  }

  #keepState(): void {
    if (this.#isStateKept || this.#isUnindexed) return
    this.#isStateKept = true
    const state = Buffer.allocUnsafe(8)
    writeInt64(state, this.#rule.version, 0)
    this.#database.keepStoreState(this.#indexName, state)
  }
}
