import type { KeyRange } from '../../common/rocksdb.ts'
import { MemoryDatabase } from '../../stores/memory-database.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../../stores/task-database.ts'

/** Writes that may wait: more would hold too many rows twice. */
const MAX_WAITING_PUTS = 4_096

/**
 * A memory database for a task that commits after every record: writes are put together until somebody reads, or there are many.
 * What a reader sees is the same.
 */
export class DeferredDatabase implements TaskDatabase {
  readonly persistent = false
  readonly #rows = new MemoryDatabase()
  #puts: (readonly [rowKey: Buffer, rowValue: Buffer | null])[] = []
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
    for (const put of puts) this.#puts.push(put)
    for (const [partition, offset] of offsets) this.#offsets.set(partition, offset)
    if (this.#puts.length >= MAX_WAITING_PUTS) this.#written()
  }

  close(): Promise<void> {
    this.#puts = []
    return this.#rows.close()
  }

  #written(): MemoryDatabase {
    if (this.#puts.length > 0 || this.#offsets.size > 0) {
      this.#rows.write({ puts: this.#puts, rangeDeletes: [], offsets: this.#offsets })
      this.#puts = []
      this.#offsets.clear()
    }
    return this.#rows
  }
}
