import { setImmediate } from 'node:timers/promises'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { StateOffsets, StateWrite, TaskDatabase } from '../../stores/task-database.ts'

/** A database that answers later, as a disk does: what is not in a store's cache comes as a promise. */
export class SlowDatabase implements TaskDatabase {
  readonly persistent = true
  readonly #rows: TaskDatabase

  constructor(rows: TaskDatabase) {
    this.#rows = rows
  }

  storePrefix(storeName: string): Buffer {
    return this.#rows.storePrefix(storeName)
  }

  storeState(storeName: string): Buffer | undefined {
    return this.#rows.storeState(storeName)
  }

  keepStoreState(storeName: string, state: Buffer): void {
    this.#rows.keepStoreState(storeName, state)
  }

  offsets(): StateOffsets {
    return this.#rows.offsets()
  }

  async get(rowKey: Buffer): Promise<Buffer | undefined> {
    await setImmediate()
    return this.#rows.get(rowKey)
  }

  async getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    await setImmediate()
    return this.#rows.getMany(rowKeys)
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly [rowKey: Buffer, rowValue: Buffer], void, undefined> {
    await setImmediate()
    yield* this.#rows.scan(range)
  }

  async approximateRows(from: Buffer, to: Buffer): Promise<number> {
    await setImmediate()
    return this.#rows.approximateRows(from, to)
  }

  async write(write: StateWrite): Promise<void> {
    await setImmediate()
    await this.#rows.write(write)
  }

  close(): Promise<void> {
    return this.#rows.close()
  }
}
