import type { KeyRange } from '../../common/rocksdb.ts'
import { MemoryDatabase } from '../../stores/memory-database.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../../stores/task-database.ts'

/** Rows that may wait to be written: more would hold too many twice. */
const MAX_WAITING_ROWS = 4_096

/**
 * A memory database for a task that commits after every record: writes are put together until somebody reads, or there are many.
 * What a reader sees is the same.
 */
export class DeferredDatabase implements TaskDatabase {
  readonly persistent = false
  readonly #rows = new MemoryDatabase()
  /** The last put of each row. */
  readonly #puts = new Map<string, readonly [rowKey: Buffer, rowValue: Buffer | null]>()
  readonly #offsets = new Map<string, number>()

  storePrefix(storeName: string): Buffer {
    return this.#rows.storePrefix(storeName)
  }

  storeState(storeName: string): Buffer | undefined {
    return this.#written().storeState(storeName)
  }

  keepStoreState(storeName: string, state: Buffer): void {
    this.#rows.keepStoreState(storeName, state)
  }

  offsets(): StateOffsets {
    return this.#written().offsets()
  }

  get(rowKey: Buffer): Buffer | undefined {
    return this.#written().get(rowKey)
  }

  getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#written().getMany(rowKeys)
  }

  scan(range: KeyRange): AsyncIterable<readonly [rowKey: Buffer, rowValue: Buffer]> {
    return this.#written().scan(range)
  }

  scanNow(range: KeyRange): Iterable<readonly [rowKey: Buffer, rowValue: Buffer]> {
    return this.#written().scanNow(range)
  }

  approximateRows(from: Buffer, to: Buffer): number {
    return this.#written().approximateRows(from, to)
  }

  write({ puts, rangeDeletes, offsets }: StateWrite): void {
    if (rangeDeletes.length > 0) this.#written().write({ puts: [], rangeDeletes, offsets })
    for (const put of puts) this.#puts.set(put[0].toString('latin1'), put)
    for (const [partition, offset] of offsets) this.#offsets.set(partition, offset)
    if (this.#puts.size >= MAX_WAITING_ROWS) this.#written()
  }

  /** The rows stay: the driver opens the database again at a restart. */
  async close(): Promise<void> {
    this.#written()
  }

  #written(): MemoryDatabase {
    if (this.#puts.size > 0 || this.#offsets.size > 0) {
      this.#rows.write({ puts: [...this.#puts.values()], rangeDeletes: [], offsets: this.#offsets })
      this.#puts.clear()
      this.#offsets.clear()
    }
    return this.#rows
  }
}
