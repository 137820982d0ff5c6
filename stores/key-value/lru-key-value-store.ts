import type { Awaitable } from '../../common/awaitable.ts'
import { InternalError, SerdeNotReadyError } from '../../common/errors.ts'
import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from '../shared/key-identity.ts'
import { keyValuePrefixRange, keyValueRowKey, PREFIX_BYTES } from '../shared/key-value-keys.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { ChangelogRecord, RestoredRecord, RowChanges, StoreChanges, ValueAndTimestamp } from '../state-store.ts'
import type { StoreContext } from '../store-builder.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { type CachedEntry, CachedKeyValueStore } from './cached-key-value-store.ts'
import { UseOrder } from './use-order.ts'

/** Of a key that is an object only its identity is kept: the object may change. */
type PlainKey<K> = K | undefined

/** Where rows stay in memory while their task moves, the order of their use stays with them. */
const ORDERS = new WeakMap<TaskDatabase, Map<string, UseOrder<unknown>>>()

/**
 * A key-value store that keeps so many rows: when one more is put, the one whose last use (`get`, `getEntry`, `putIfAbsent`, `put`) is
 * longest ago is deleted, in the changelog too, at the time of that put. Scans use nothing. The changelog knows of puts only: restored
 * rows are in the order of their last puts, and rows beyond the bound go unlogged.
 * @see MemoryNavigableLRUCache, ChangeLoggingKeyValueBytesStore
 */
export class LruKeyValueStore<K, V> extends CachedKeyValueStore<K, V> {
  readonly #maxEntries: number
  readonly #order: UseOrder<PlainKey<K>>
  readonly #keySerde: Serde<K>
  readonly #topic: string
  readonly #prefix: Buffer
  /** Of the rows that are being drained, in their order. */
  #drainedIds: KeyIdentity[] = []
  /** A restore that waits for a schema; the next one comes after it. */
  #restore: Promise<unknown> | undefined

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, maxEntries: number, context: StoreContext) {
    super(name, keySerde, valueSerde, context)
    const { database, changelogTopic } = context
    this.#maxEntries = maxEntries
    this.#keySerde = keySerde
    this.#topic = changelogTopic
    this.#prefix = database.storePrefix(name)
    const orders = ORDERS.get(database) ?? new Map<string, UseOrder<unknown>>()
    ORDERS.set(database, orders)
    const known = orders.get(name)
    this.#order = (known as UseOrder<PlainKey<K>> | undefined) ?? new UseOrder<PlainKey<K>>()
    orders.set(name, this.#order)
    if (known !== undefined) known.discard()
    else if (database.storeState(name) !== undefined) this.#adoptRows(database)
  }

  override getEntry(key: K): Awaitable<ValueAndTimestamp<V> | undefined> {
    const found = super.getEntry(key)
    this.#order.use(this.#idOf(key))
    return found
  }

  override put(key: K, value: V | null, timestampMs: number, headers?: Headers): void {
    super.put(key, value, timestampMs, headers)
    const id = this.#idOf(key)
    if (value === null) {
      this.#order.remove(id)
      return
    }
    this.#order.add(id, plainKey(key))
    while (this.#order.size > this.#maxEntries) {
      const oldest = this.#order.takeOldest()
      if (oldest !== undefined) super.put(this.#keyOf(oldest), null, timestampMs)
    }
  }

  override approximateEntries(): number {
    return this.#order.size
  }

  /**
   * Deletions first, then rows in the order of their use: whoever reads the changelog with this bound never has a row too many, and has
   * the same order in the end.
   */
  override drain(): StoreChanges {
    this.#drainedIds = []
    const changes = super.drain()
    this.#order.drain()
    const { records } = changes
    if (records.length < 2) return changes
    const places = records.map((record, i) => ({
      record,
      usedAt: record.changelogValue === null ? 0 : this.#order.usedAt(this.#drainedIds[i] as KeyIdentity),
    }))
    return { ...changes, records: places.sort((a, b) => a.usedAt - b.usedAt).map(({ record }) => record) }
  }

  override committed(): void {
    super.committed()
    this.#order.committed()
  }

  override discard(): void {
    super.discard()
    this.#order.discard()
  }

  override restoredPacked(): undefined {}

  override restoredRows(records: readonly RestoredRecord[]): Awaitable<RowChanges> {
    const puts = this.restoredOneByOne(records)
    if (this.#restore === undefined) {
      try {
        return this.#restored(records, puts)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
      }
    }
    const restore = Promise.resolve(this.#restore).then(() => whenReady(() => this.#restored(records, puts)))
    this.#restore = restore
    return restore.finally(() => {
      if (this.#restore === restore) this.#restore = undefined
    })
  }

  protected override encode(entry: CachedEntry<K, V>, puts: RowPut[]): ChangelogRecord {
    this.#drainedIds.push(entry.id)
    return super.encode(entry, puts)
  }

  /** Either all of the rows are taken, or (when a key cannot be read yet) none. */
  #restored(records: readonly RestoredRecord[], puts: RowPut[]): RowChanges {
    const decoded: (readonly [key: K, isDeleted: boolean])[] = []
    for (const { key, value } of records)
      if (key !== null) decoded.push([this.#keySerde.deserialize(key, this.#topic), value === null])
    const order = this.#order
    const evicted = new Map<KeyIdentity, RowPut>()
    for (const [key, isDeleted] of decoded) {
      const id = this.#idOf(key)
      if (isDeleted) order.remove(id)
      else order.add(id, plainKey(key))
      while (order.size > this.#maxEntries) {
        const oldest = order.takeOldest()
        if (oldest !== undefined) evicted.set(oldest.id, this.#deletion(oldest))
      }
    }
    for (const [id, deletion] of evicted) if (order.usedAt(id) === 0) puts.push(deletion)
    order.drain()
    order.committed()
    return { puts, expired: [] }
  }

  #deletion(oldest: { readonly id: KeyIdentity; readonly key: PlainKey<K> }): RowPut {
    return [keyValueRowKey(this.#prefix, keyBytesOf(this.#keyOf(oldest), oldest.id, this.#keySerde, this.#topic)), null]
  }

  /** Nobody knows when the rows that are there were used: they are older than all that come, in the order of their keys. */
  #adoptRows(database: TaskDatabase): void {
    if (database.scanNow === undefined) throw new InternalError(`store ${this.name} is not in memory`)
    for (const [rowKey] of database.scanNow(keyValuePrefixRange(this.#prefix, Buffer.alloc(0)))) {
      const key = this.#keySerde.deserialize(rowKey.subarray(PREFIX_BYTES), this.#topic)
      this.#order.add(this.#idOf(key), plainKey(key))
    }
    this.#order.drain()
    this.#order.committed()
  }

  #idOf(key: K): KeyIdentity {
    return typeof key === 'string' ? key : keyIdentity(key, this.#keySerde, this.#topic)
  }

  #keyOf({ id, key }: { readonly id: KeyIdentity; readonly key: PlainKey<K> }): K {
    return key ?? this.#keySerde.deserialize(Buffer.from(id as string, 'latin1'), this.#topic)
  }
}

function plainKey<K>(key: K): PlainKey<K> {
  return typeof key === 'object' ? undefined : key
}
