import { InternalError } from '../../common/errors.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import { SortedRows } from '../shared/sorted-rows.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../task-database.ts'
import { TaskCatalog } from './task-catalog.ts'

/** Rows of stores that are not persistent: the same contract as RocksDB's, gone with the process. */
export class MemoryDatabase implements TaskDatabase {
  readonly persistent = false
  readonly #catalog = new TaskCatalog()
  #rows = new SortedRows()
  #closed = false

  storePrefix(storeName: string): Buffer {
    return this.#catalog.storePrefix(storeName)
  }

  storeState(storeName: string): Buffer | undefined {
    return this.#catalog.storeState(storeName)
  }

  keepStoreState(storeName: string, state: Buffer): void {
    this.#catalog.keepStoreState(storeName, state)
  }

  offsets(): StateOffsets {
    return this.#catalog.offsets()
  }

  get(rowKey: Buffer): Buffer | undefined {
    this.#checkOpen()
    return this.#rows.get(rowKey)
  }

  async getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    this.#checkOpen()
    return rowKeys.map((rowKey) => this.#rows.get(rowKey))
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly [rowKey: Buffer, rowValue: Buffer], void, undefined> {
    yield* this.scanNow(range)
  }

  scanNow(range: KeyRange): Iterable<readonly [rowKey: Buffer, rowValue: Buffer]> {
    this.#checkOpen()
    return this.#rows.scan(range)
  }

  approximateRows(from: Buffer, to: Buffer): number {
    this.#checkOpen()
    return this.#rows.count(from, to)
  }

  write(write: StateWrite): void {
    this.#checkOpen()
    const catalog = this.#catalog.begin(write.offsets)
    for (const [from, to] of write.rangeDeletes) this.#rows.deleteRange(from, to)
    for (const [rowKey, rowValue] of write.puts) {
      if (rowValue === null) this.#rows.delete(rowKey)
      else this.#rows.set(rowKey, rowValue)
    }
    catalog.settle()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#rows = new SortedRows()
  }

  #checkOpen(): void {
    if (this.#closed) throw new InternalError('the memory database of a task is used after it was closed')
  }
}
