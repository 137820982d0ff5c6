import type { KeyRange } from '../../common/rocksdb.ts'
import { MemoryDatabase } from '../../stores/database/memory-database.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../../stores/task-database.ts'

/** Puts that may wait to be written: more would hold too many rows twice. */
const MAX_WAITING_PUTS = 4_096

type Put = StateWrite['puts'][number]

/**
 * A memory database for a task that commits after every record: writes are put together until somebody reads, or there are many.
 * What a reader sees is the same.
 */
export class DeferredDatabase implements TaskDatabase {
  readonly persistent = false
  readonly #rows = new MemoryDatabase()
  #puts: Put[] = []
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
    for (let i = 0; i < puts.length; i++) this.#puts.push(puts[i] as Put)
    for (const [partition, offset] of offsets) this.#offsets.set(partition, offset)
    if (this.#puts.length >= MAX_WAITING_PUTS) this.#written()
  }

  /** The rows stay: the driver opens the database again at a restart. */
  async close(): Promise<void> {
    this.#written()
  }

  #written(): MemoryDatabase {
    if (this.#puts.length > 0 || this.#offsets.size > 0) {
      this.#rows.write({ puts: lastOfEach(this.#puts), rangeDeletes: [], offsets: this.#offsets })
      this.#puts = []
      this.#offsets.clear()
    }
    return this.#rows
  }
}

/** A row that is written over and over comes with the same key object: only its last put counts. */
function lastOfEach(puts: readonly Put[]): readonly Put[] {
  const seen = new Set<Buffer>()
  const last: Put[] = []
  for (let i = puts.length - 1; i >= 0; i--) {
    const put = puts[i] as Put
    if (seen.has(put[0])) continue
    seen.add(put[0])
    last.push(put)
  }
  return last.reverse()
}
