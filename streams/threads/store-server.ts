import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  ScanOptions,
  StoreType,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import {
  packRows,
  type RowSerdes,
  type StoreRead,
  type StoreRow,
  type StoreScan,
  type WireRows,
} from './store-reads.ts'

/** The store as its queries read it, by its type. Each call checks that it can be read now. */
export interface StoreReaders {
  readonly 'key-value': () => ReadOnlyKeyValueStore<unknown, unknown>
  readonly window: () => ReadOnlyWindowStore<unknown, unknown>
  readonly session: () => ReadOnlySessionStore<unknown, unknown>
  readonly versioned: () => ReadOnlyVersionedKeyValueStore<unknown, unknown>
}

/** Answers the reads of the main thread from a store of this thread: keys and values pass as the bytes that the store's serdes write. */
export class StoreServer {
  readonly #type: StoreType
  readonly #readers: StoreReaders
  readonly #readKey: (bytes: Uint8Array) => unknown
  readonly #serdes: RowSerdes

  constructor({ type, keySerde, valueSerde }: StoreBuilder, topic: string, readers: StoreReaders) {
    this.#type = type
    this.#readers = readers
    this.#readKey = (bytes) => keySerde.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), topic)
    this.#serdes = {
      key: (key) => keySerde.serialize(key, topic),
      value: (value) => valueSerde.serialize(value, topic),
    }
  }

  /** One row or several; none where there is nothing. The approximate number of entries is a row of that number alone. */
  async read(read: StoreRead): Promise<WireRows> {
    return this.#pack(await this.#rows(read))
  }

  /** Batches of rows, each made when it is asked for. */
  async *scan(scan: StoreScan, batchRows: number): AsyncGenerator<WireRows> {
    let rows: StoreRow[] = []
    for await (const row of this.#open(scan)) {
      rows.push(row)
      if (rows.length < batchRows) continue
      yield this.#pack(rows)
      rows = []
    }
    if (rows.length > 0) yield this.#pack(rows)
  }

  #pack(rows: readonly StoreRow[]): WireRows {
    return packRows(rows, this.#serdes)
  }

  async #rows(read: StoreRead): Promise<readonly StoreRow[]> {
    switch (read.kind) {
      case 'entry':
        return some(await this.#readers['key-value']().getEntry(this.#readKey(read.key)))
      case 'approximate-entries':
        return [{ count: await this.#readers['key-value']().approximateEntries() } as StoreRow]
      case 'window':
        return some(await this.#readers.window().getEntry(this.#readKey(read.key), read.startMs))
      case 'windows':
        return this.#readers.window().fetch(this.#readKey(read.key), read.fromMs, read.toMs, read.options)
      case 'session': {
        const value = await this.#readers.session().fetchSession(this.#readKey(read.key), read.startMs, read.endMs)
        return value === undefined ? [] : [{ value }]
      }
      case 'sessions':
        return this.#readers.session().fetch(this.#readKey(read.key), read.options)
      case 'overlapping-sessions':
        return this.#readers
          .session()
          .findSessions(this.#readKey(read.key), read.earliestEndMs, read.latestStartMs, read.options)
      case 'version':
        return some(await this.#readers.versioned().getEntry(this.#readKey(read.key), read.asOfMs))
      case 'history':
        return this.#readers.versioned().history(this.#readKey(read.key), read.fromMs, read.toMs, read.options)
    }
  }

  #open(scan: StoreScan): AsyncIterable<StoreRow> {
    const options: ScanOptions = scan.options
    if (scan.kind === 'prefix') return this.#readers['key-value']().prefix(Buffer.from(scan.prefix), options)
    const from = scan.from === undefined ? undefined : this.#readKey(scan.from)
    const to = scan.to === undefined ? undefined : this.#readKey(scan.to)
    switch (scan.kind) {
      case 'range':
        return (this.#type === 'versioned' ? this.#readers.versioned() : this.#readers['key-value']()).range(
          from,
          to,
          options,
        )
      case 'window-range':
        return this.#readers.window().fetchRange(from, to, scan.fromMs, scan.toMs, options)
      case 'session-range':
        return this.#readers.session().fetchRange(from, to, scan.earliestEndMs, scan.latestStartMs, options)
    }
  }
}

function some(row: StoreRow | undefined): readonly StoreRow[] {
  return row === undefined ? [] : [row]
}
