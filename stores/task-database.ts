import type { Awaitable } from '../common/awaitable.ts'
import type { KeyRange } from '../common/rocksdb.ts'
import type { RowBatch } from '../common/row-batch.ts'

/** Offsets a task's state stands at: per changelog partition the offset after the last record that is in it. */
export type StateOffsets = ReadonlyMap<string, number>

/** A row as it is written, its key with the store's prefix; `null` deletes. */
export type RowPut = readonly [rowKey: Buffer, rowValue: Buffer | null]

/** Row keys in [from, to). */
export type RowRange = readonly [from: Buffer, to: Buffer]

/** What one commit writes: rows, expired ranges and the changelog offsets, all or nothing. */
export interface StateWrite {
  readonly puts: readonly RowPut[]
  readonly rangeDeletes: readonly RowRange[]
  readonly offsets: StateOffsets
}

/**
 * The rows of all stores of one task: one database with one key space. The first two bytes of a row key are the store's
 * prefix; prefix 0 is reserved for the changelog offsets and the table of store names. Two engines: RocksDB and memory.
 */
export interface TaskDatabase {
  readonly persistent: boolean
  /** The prefix of a store, given out at first use and kept with the data. */
  storePrefix(storeName: string): Buffer
  /** What a store keeps beside its rows (such as its stream time), as of the last write; `undefined` when it never kept any. */
  storeState(storeName: string): Buffer | undefined
  /** Makes this the store's state with the next write, in the same batch as its rows. */
  keepStoreState(storeName: string, state: Buffer): void
  get(rowKey: Buffer): Awaitable<Buffer | undefined>
  getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>
  /** Rows in the order of their keys' bytes (or reverse), as they are when the first one is asked for. */
  scan(range: KeyRange): AsyncIterable<readonly [rowKey: Buffer, rowValue: Buffer]>
  /** The same at once, from a database that never waits. */
  scanNow?(range: KeyRange): Iterable<readonly [rowKey: Buffer, rowValue: Buffer]>
  /** Rows in [from, to): exact while they are few, an estimate when they are many. */
  approximateRows(from: Buffer, to: Buffer): Awaitable<number>
  /** A number that RocksDB tells of itself; absent where there is none. */
  property?(name: string): Promise<number | undefined>
  /** Partitions that `offsets` does not name keep theirs. Writes take effect in the order of the calls. Memory answers at once. */
  write(write: StateWrite): Awaitable<void>
  /** For rows that are restored many at a time; absent where each row has to have memory of its own. */
  readonly rowBatches?: RowBatches
  /** As of the last write; empty when there is no state. */
  offsets(): StateOffsets
  close(): Promise<void>
}

/** Writes of rows without offsets, in memory that is used again. */
export interface RowBatches {
  create(): RowBatch
  /** In the order of the calls of this and of `write`. */
  write(rows: RowBatch): Promise<void>
}

/** Opens the database of a task. Where that has to wait, the signal ends the waiting. */
export type OpenTaskDatabase = (taskId: string, signal?: AbortSignal) => Promise<TaskDatabase>
