import { SerdeNotReadyError } from '../../common/errors.ts'
import type {
  HistoryOptions,
  KeyValueEntry,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  ScanOptions,
  SessionEntry,
  StoreType,
  ValueAndTimestamp,
  VersionedEntry,
  WindowEntry,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import {
  type RowReaders,
  type StoreRead,
  type StoreRow,
  type StoreScan,
  unpackRows,
  type WireRows,
} from './store-reads.ts'

/** The way to one store of a worker. Both reject with the error of the other side, or a retryable one when that is gone. */
export interface StoreLink {
  read(read: StoreRead): Promise<WireRows>
  scan(scan: StoreScan): AsyncIterable<WireRows>
}

/** A store in a worker, as the queries of the main thread read it. */
export interface RemoteStore {
  readonly name: string
  readonly type: StoreType
}

/** Reads a store over a link. Keys and values are decoded here again, by the same serdes. */
export function remoteStore(builder: StoreBuilder, topic: string, link: StoreLink): RemoteStore {
  const reads = new RemoteReads(builder, topic, link)
  const store: RemoteStore = { name: builder.name, type: builder.type }
  switch (builder.type) {
    case 'key-value':
      return Object.assign(store, keyValueReads(reads))
    case 'window':
      return Object.assign(store, windowReads(reads))
    case 'session':
      return Object.assign(store, sessionReads(reads))
    case 'versioned':
      return Object.assign(store, versionedReads(reads))
    default:
      return store
  }
}

class RemoteReads {
  readonly #builder: StoreBuilder
  readonly #topic: string
  readonly #link: StoreLink
  readonly #readers: RowReaders

  constructor(builder: StoreBuilder, topic: string, link: StoreLink) {
    this.#builder = builder
    this.#topic = topic
    this.#link = link
    this.#readers = {
      key: (bytes) => builder.keySerde.deserialize(bytes, topic),
      value: (bytes) => builder.valueSerde.deserialize(bytes, topic),
    }
  }

  key(key: unknown): Uint8Array {
    return new Uint8Array(this.#builder.keySerde.serialize(key, this.#topic))
  }

  bound(key: unknown): Uint8Array | undefined {
    return key === undefined ? undefined : this.key(key)
  }

  async rows<R>(read: StoreRead): Promise<readonly R[]> {
    return (await this.#unpack(await this.#link.read(read))) as readonly R[]
  }

  async row<R>(read: StoreRead): Promise<R | undefined> {
    return (await this.rows<R>(read))[0]
  }

  async *scan<R>(scan: StoreScan): AsyncGenerator<R> {
    for await (const rows of this.#link.scan(scan)) yield* (await this.#unpack(rows)) as readonly R[]
  }

  /** Schemas that this thread has not met yet are fetched first. */
  async #unpack(rows: WireRows): Promise<readonly StoreRow[]> {
    for (;;) {
      try {
        return unpackRows(rows, this.#readers)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
        await error.ready
      }
    }
  }
}

function keyValueReads(reads: RemoteReads): ReadOnlyKeyValueStore<unknown, unknown> {
  const entry = (key: unknown) => reads.row<ValueAndTimestamp<unknown>>({ kind: 'entry', key: reads.key(key) })
  return {
    get: async (key) => (await entry(key))?.value,
    getEntry: entry,
    range: (from, to, options) => range(reads, from, to, options),
    prefix: (prefix, options) =>
      reads.scan<KeyValueEntry<unknown, unknown>>({
        kind: 'prefix',
        prefix: new Uint8Array(prefix),
        options: scanOptions(options),
      }),
    approximateEntries: async () => (await reads.row<{ count: number }>({ kind: 'approximate-entries' }))?.count ?? 0,
  }
}

function windowReads(reads: RemoteReads): ReadOnlyWindowStore<unknown, unknown> {
  const entry = (key: unknown, startMs: number) =>
    reads.row<ValueAndTimestamp<unknown>>({ kind: 'window', key: reads.key(key), startMs })
  return {
    get: async (key, startMs) => (await entry(key, startMs))?.value,
    getEntry: entry,
    fetch: (key, fromMs, toMs, options) =>
      reads.rows<WindowEntry<unknown, unknown>>({
        kind: 'windows',
        key: reads.key(key),
        fromMs,
        toMs,
        options: scanOptions(options),
      }),
    fetchRange: (from, to, fromMs, toMs, options) =>
      reads.scan<WindowEntry<unknown, unknown>>({
        kind: 'window-range',
        from: reads.bound(from),
        to: reads.bound(to),
        fromMs,
        toMs,
        options: scanOptions(options),
      }),
  }
}

function sessionReads(reads: RemoteReads): ReadOnlySessionStore<unknown, unknown> {
  return {
    fetchSession: async (key, startMs, endMs) =>
      (await reads.row<{ value: unknown }>({ kind: 'session', key: reads.key(key), startMs, endMs }))?.value,
    fetch: (key, options) =>
      reads.rows<SessionEntry<unknown, unknown>>({
        kind: 'sessions',
        key: reads.key(key),
        options: scanOptions(options),
      }),
    findSessions: (key, earliestEndMs, latestStartMs, options) =>
      reads.rows<SessionEntry<unknown, unknown>>({
        kind: 'overlapping-sessions',
        key: reads.key(key),
        earliestEndMs,
        latestStartMs,
        options: scanOptions(options),
      }),
    fetchRange: (from, to, earliestEndMs, latestStartMs, options) =>
      reads.scan<SessionEntry<unknown, unknown>>({
        kind: 'session-range',
        from: reads.bound(from),
        to: reads.bound(to),
        earliestEndMs,
        latestStartMs,
        options: scanOptions(options),
      }),
  }
}

function versionedReads(reads: RemoteReads): ReadOnlyVersionedKeyValueStore<unknown, unknown> {
  const entry = (key: unknown, asOfMs?: number) =>
    reads.row<VersionedEntry<unknown>>({ kind: 'version', key: reads.key(key), asOfMs })
  return {
    get: async (key, asOfMs) => (await entry(key, asOfMs))?.value,
    getEntry: entry,
    history: (key, fromMs, toMs, options: HistoryOptions = {}) =>
      reads.rows<VersionedEntry<unknown>>({
        kind: 'history',
        key: reads.key(key),
        fromMs,
        toMs,
        options: { ...options },
      }),
    range: (from, to, options) => range(reads, from, to, options),
  }
}

function range(
  reads: RemoteReads,
  from: unknown,
  to: unknown,
  options: ScanOptions | undefined,
): AsyncIterable<KeyValueEntry<unknown, unknown>> {
  return reads.scan({ kind: 'range', from: reads.bound(from), to: reads.bound(to), options: scanOptions(options) })
}

/** Only what is known of the options is sent: callers may pass objects with more in them. */
function scanOptions({ reverse, limit, committedOnly }: ScanOptions = {}): ScanOptions {
  return {
    ...(reverse === undefined ? {} : { reverse }),
    ...(limit === undefined ? {} : { limit }),
    ...(committedOnly === undefined ? {} : { committedOnly }),
  }
}
