import type { Awaitable } from '../common/awaitable.ts'
import { InternalError, SerdeNotReadyError } from '../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { type CachedEntry, CachedKeyValueStore } from './cached-key-value-store.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from './key-identity.ts'
import { keyValuePrefixRange, keyValueRowKey, PREFIX_BYTES } from './key-value-keys.ts'
import type { ChangedRow, RestoredRecord, StoreChanges, ValueAndTimestamp } from './state-store.ts'
import type { StoreContext } from './store-builder.ts'
import type { TaskDatabase } from './task-database.ts'
import { UseOrder } from './use-order.ts'
import { whenReady } from './when-ready.ts'

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
    const { rows } = changes
    if (rows.length < 2) return changes
    const places = rows.map((row, i) => ({
      row,
      usedAt: row.changelogValue === null ? 0 : this.#order.usedAt(this.#drainedIds[i] as KeyIdentity),
    }))
    return { ...changes, rows: places.sort((a, b) => a.usedAt - b.usedAt).map(({ row }) => row) }
  }

  override committed(): void {
    super.committed()
    this.#order.committed()
  }

  override discard(): void {
    super.discard()
    this.#order.discard()
  }

  override restoredRows(records: readonly RestoredRecord[]): Awaitable<StoreChanges> {
    const changes = this.restoredChanges(records)
    if (this.#restore === undefined) {
      try {
        return this.#restored(changes)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
      }
    }
    const restore = Promise.resolve(this.#restore).then(() => whenReady(() => this.#restored(changes)))
    this.#restore = restore
    return restore.finally(() => {
      if (this.#restore === restore) this.#restore = undefined
    })
  }

  protected override encode(entry: CachedEntry<K, V>): ChangedRow {
    this.#drainedIds.push(entry.id)
    return super.encode(entry)
  }

  /** Either all of the rows are taken, or (when a key cannot be read yet) none. */
  #restored(changes: StoreChanges): StoreChanges {
    const { rows } = changes
    const keys = rows.map(({ changelogKey }) => this.#keySerde.deserialize(changelogKey, this.#topic))
    const order = this.#order
    const evicted = new Map<KeyIdentity, ChangedRow>()
    for (const [i, { changelogValue, timestampMs }] of rows.entries()) {
      const key = keys[i] as K
      const id = this.#idOf(key)
      if (changelogValue === null) order.remove(id)
      else order.add(id, plainKey(key))
      while (order.size > this.#maxEntries) {
        const oldest = order.takeOldest()
        if (oldest !== undefined) evicted.set(oldest.id, this.#deletion(oldest, timestampMs))
      }
    }
    const gone = [...evicted].filter(([id]) => order.usedAt(id) === 0).map(([, row]) => row)
    order.drain()
    order.committed()
    return gone.length === 0 ? changes : { ...changes, rows: [...rows, ...gone] }
  }

  #deletion(oldest: { readonly id: KeyIdentity; readonly key: PlainKey<K> }, timestampMs: number): ChangedRow {
    const changelogKey = keyBytesOf(this.#keyOf(oldest), oldest.id, this.#keySerde, this.#topic)
    const rowKey = keyValueRowKey(this.#prefix, changelogKey)
    return { changelogKey, changelogValue: null, timestampMs, headers: EMPTY_HEADERS, rowKey, rowValue: null }
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
