import { type Awaitable, chain } from '../../common/awaitable.ts'
import { InternalError, SerdeNotReadyError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { Serde } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import { keyAfterPrefix } from '../shared/bytes.ts'
import { keyValueRowKey, PREFIX_BYTES } from '../shared/key-value-keys.ts'
import { DEFAULT_CACHE_ENTRIES } from '../shared/second-chance.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { ChangelogRecord, RestoredRecord, RowChanges, StateStore, StoreChanges } from '../state-store.ts'
import type { StoreContext } from '../store-builder.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { decodeWindowState, EMPTY_WINDOW_STATE, encodeWindowState } from '../window/window-state.ts'
import { BufferOrder, type BufferPlace } from './buffer-order.ts'
import { type BufferedContext, decodeBufferValue, encodeBufferValue } from './buffer-value.ts'
import { bufferKey, parseBufferKey } from './record-buffer-keys.ts'

/** A record that waited, with where it came from. */
export interface BufferedRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly context: BufferedContext
}

/**
 * Records of a stream that wait until stream time is `graceMs` beyond them; stream time is the latest time that was put.
 * @see org.apache.kafka.streams.state.internals.RocksDBTimeOrderedKeyValueBuffer
 */
export interface RecordBuffer<K, V> extends StateStore {
  readonly type: 'record-buffer'
  readonly graceMs: number
  /** False when grace is over for it already: it is not taken. Values must not be changed afterwards. */
  put(key: K, value: V, context: BufferedContext): boolean
  /** Hands over the records that have waited long enough, in the order of time, key bytes, arrival. */
  evict(callback: (record: BufferedRecord<K, V>) => Awaitable<void>): Awaitable<void>
}

/** Rows that are read from the database at once. */
const READ_ROWS = 1_000
/** The changelog's value ends with a buffer time that is always 0. */
const PADDING_BYTES = 8

interface Waiting<K, V> extends BufferPlace {
  /** `undefined`: not decoded yet. */
  record: BufferedRecord<K, V> | undefined
  /** The row, when it was read from the database. */
  readonly row: Buffer | undefined
  /** The changelog and the database have it, or will have it after this commit. */
  stored: boolean
  evicted: boolean
}

/**
 * A record buffer of one task. The records that are due first are in memory, decoded; beyond a bound the others are in the database
 * alone, from `#unreadFrom` on.
 */
export class TimeOrderedRecordBuffer<K, V> implements RecordBuffer<K, V> {
  readonly name: string
  readonly type = 'record-buffer'
  readonly persistent: boolean
  readonly graceMs: number
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #maxWaiting: number
  readonly #waiting = new Map<string, Waiting<K, V>>()
  #order = new BufferOrder<Waiting<K, V>>()
  #added: Waiting<K, V>[] = []
  #removed = new Map<string, Waiting<K, V>>()
  /** Encoded by a drain whose commit is not known to have succeeded. */
  #drained: readonly Waiting<K, V>[] = []
  /** Rows with this key and later ones may not be in memory; `undefined`: all are. */
  #unreadFrom: Buffer | undefined
  #observedMs = -1
  #sequence = 0
  #closed = false

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, graceMs: number, context: StoreContext) {
    this.name = name
    this.persistent = context.database.persistent
    this.graceMs = graceMs
    this.#database = context.database
    this.#prefix = context.database.storePrefix(name)
    this.#topic = context.changelogTopic
    this.#keySerde = keySerde
    this.#valueSerde = valueSerde
    this.#maxWaiting = context.cacheEntries ?? DEFAULT_CACHE_ENTRIES
    this.#takeStoredState()
  }

  put(key: K, value: V, context: BufferedContext): boolean {
    this.#checkOpen()
    const { timestampMs, headers } = context
    if (timestampMs < this.#observedMs - this.graceMs) return false
    if (timestampMs > this.#observedMs) this.#observedMs = timestampMs
    this.#sequence = (this.#sequence + 1) & 0x7fffffff
    const keyBytes = bufferKey(timestampMs, this.#keySerde.serialize(key, this.#topic, headers), this.#sequence)
    const record = { key, value, context }
    const waiting = { timeMs: timestampMs, keyBytes, record, row: undefined, stored: false, evicted: false }
    this.#add(waiting)
    this.#added.push(waiting)
    return true
  }

  evict(callback: (record: BufferedRecord<K, V>) => Awaitable<void>): Awaitable<void> {
    this.#checkOpen()
    const dueMs = this.#observedMs - this.graceMs
    for (;;) {
      const first = this.#order.first
      if (this.#mustRead(first, dueMs)) {
        const read = this.#read()
        if (read instanceof Promise) return read.then(() => this.evict(callback))
        continue
      }
      if (first === undefined || first.timeMs > dueMs) return
      const done = chain(chain(this.#recordOf(first), callback), () => this.#remove(first))
      if (done instanceof Promise) return done.then(() => this.evict(callback))
    }
  }

  get dirtyEntries(): number {
    return this.#added.length + this.#removed.size + this.#drained.length
  }

  drain(): StoreChanges {
    // What came and went since the last commit leaves no trace.
    const added = this.#added.filter((waiting) => !waiting.evicted)
    const puts: RowPut[] = []
    const records = added.map((waiting) => this.#record(waiting, this.#encode(waiting), puts))
    for (const waiting of this.#removed.values()) records.push(this.#record(waiting, null, puts))
    if (this.dirtyEntries > 0) this.#keepState()
    for (const waiting of added) waiting.stored = true
    this.#drained = [...this.#drained, ...added, ...this.#removed.values()]
    this.#added = []
    this.#removed = new Map()
    return { records, puts, expired: [] }
  }

  committed(): void {
    this.#drained = []
    if (this.#waiting.size > this.#maxWaiting) this.#leaveInDatabase()
  }

  discard(): void {
    this.#clear()
    this.#takeStoredState()
    this.#keepState()
  }

  restoredRows(records: readonly RestoredRecord[]): RowChanges {
    if (this.dirtyEntries > 0) throw new InternalError(`buffer ${this.name} is restored over uncommitted changes`)
    const puts: RowPut[] = []
    for (const { key, value } of records) {
      if (key === null) continue
      const { timeMs, sequence } = parseBufferKey(key)
      this.#observedMs = Math.max(this.#observedMs, timeMs)
      this.#sequence = Math.max(this.#sequence, sequence)
      puts.push([keyValueRowKey(this.#prefix, key), value])
    }
    if (puts.length > 0) {
      this.#clear()
      this.#unreadFrom = this.#prefix
      this.#keepState()
    }
    return { puts, expired: [] }
  }

  close(): void {
    this.#closed = true
    this.#clear()
  }

  #add(waiting: Waiting<K, V>): void {
    this.#waiting.set(waiting.keyBytes.toString('latin1'), waiting)
    this.#order.add(waiting)
  }

  #remove(waiting: Waiting<K, V>): void {
    const id = waiting.keyBytes.toString('latin1')
    waiting.evicted = true
    this.#order.removeFirst()
    this.#waiting.delete(id)
    if (waiting.stored) this.#removed.set(id, waiting)
  }

  #recordOf(waiting: Waiting<K, V>): Awaitable<BufferedRecord<K, V>> {
    const decode = (): BufferedRecord<K, V> => {
      waiting.record ??= this.#decode(waiting)
      return waiting.record
    }
    try {
      return decode()
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError)) throw error
      return whenReady(decode)
    }
  }

  #decode({ keyBytes, row }: Waiting<K, V>): BufferedRecord<K, V> {
    const { context, newValue } = decodeBufferValue(row as Buffer)
    const key = this.#keySerde.deserialize(parseBufferKey(keyBytes).key, this.#topic, context.headers)
    return { key, value: this.#valueSerde.deserialize(newValue as Buffer, this.#topic, context.headers), context }
  }

  #encode({ record }: Waiting<K, V>): Buffer {
    const { value, context } = record as BufferedRecord<K, V>
    const newValue = this.#valueSerde.serialize(value, this.#topic, context.headers)
    return encodeBufferValue({ context, priorValue: null, oldValue: null, newValue }, PADDING_BYTES)
  }

  /** The row's value is the changelog's. */
  #record({ keyBytes, timeMs }: Waiting<K, V>, value: Buffer | null, puts: RowPut[]): ChangelogRecord {
    const rowKey = keyValueRowKey(this.#prefix, keyBytes)
    puts.push([rowKey, value])
    return {
      changelogKey: rowKey.subarray(PREFIX_BYTES),
      changelogValue: value,
      timestampMs: timeMs,
      headers: EMPTY_HEADERS,
    }
  }

  /** Whether a row that is not in memory may be due before what is first there. */
  #mustRead(first: Waiting<K, V> | undefined, dueMs: number): boolean {
    const from = this.#unreadFrom
    if (from === undefined) return false
    if (first !== undefined && keyValueRowKey(this.#prefix, first.keyBytes).compare(from) < 0) return false
    return from.length === PREFIX_BYTES || parseBufferKey(from.subarray(PREFIX_BYTES)).timeMs <= dueMs
  }

  #read(): Awaitable<void> {
    const gte = this.#unreadFrom as Buffer
    const lt = keyAfterPrefix(this.#prefix)
    const range: KeyRange = { gte, ...(lt === undefined ? {} : { lt }), limit: READ_ROWS }
    const now = this.#database.scanNow?.(range)
    if (now === undefined) return this.#readLater(range)
    this.#adopt([...now])
  }

  async #readLater(range: KeyRange): Promise<void> {
    const rows: (readonly [Buffer, Buffer])[] = []
    for await (const row of this.#database.scan(range)) rows.push(row)
    this.#checkOpen()
    this.#adopt(rows)
  }

  #adopt(rows: readonly (readonly [rowKey: Buffer, rowValue: Buffer])[]): void {
    const gone = new Set(this.#drained.filter((w) => w.evicted).map((w) => w.keyBytes.toString('latin1')))
    for (const [rowKey, row] of rows) {
      const keyBytes = rowKey.subarray(PREFIX_BYTES)
      const id = keyBytes.toString('latin1')
      if (this.#waiting.has(id) || this.#removed.has(id) || gone.has(id)) continue
      const { timeMs } = parseBufferKey(keyBytes)
      this.#add({ timeMs, keyBytes, record: undefined, row, stored: true, evicted: false })
    }
    const last = rows.length < READ_ROWS ? undefined : rows.at(-1)
    this.#unreadFrom = last && Buffer.concat([last[0], Buffer.from([0])])
  }

  #leaveInDatabase(): void {
    const all = [...this.#waiting.values()]
    const stored = all.filter((waiting) => waiting.stored).sort((a, b) => a.keyBytes.compare(b.keyBytes))
    const from = stored[this.#maxWaiting]
    if (from === undefined) return
    this.#waiting.clear()
    this.#order = new BufferOrder()
    for (const waiting of stored.slice(0, this.#maxWaiting)) this.#add(waiting)
    for (const waiting of all) if (!waiting.stored) this.#add(waiting)
    const rowKey = keyValueRowKey(this.#prefix, from.keyBytes)
    if (this.#unreadFrom === undefined || rowKey.compare(this.#unreadFrom) < 0) this.#unreadFrom = rowKey
  }

  #clear(): void {
    this.#waiting.clear()
    this.#order = new BufferOrder()
    this.#added = []
    this.#removed = new Map()
    this.#drained = []
  }

  #takeStoredState(): void {
    const stored = this.#database.storeState(this.name)
    const state = stored === undefined ? EMPTY_WINDOW_STATE : decodeWindowState(stored)
    this.#observedMs = state.observedStreamTimeMs
    this.#sequence = state.lastSequence
    this.#unreadFrom = stored === undefined ? undefined : this.#prefix
  }

  #keepState(): void {
    const state = { observedStreamTimeMs: this.#observedMs, lastSequence: this.#sequence, segments: [] }
    this.#database.keepStoreState(this.name, encodeWindowState(state))
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`buffer ${this.name} is closed`)
  }
}
