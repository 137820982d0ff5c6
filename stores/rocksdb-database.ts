import { join } from 'node:path'
import { Database, type KeyRange } from '../common/rocksdb.ts'
import { TaskCatalog } from './task-catalog.ts'
import type { OpenTaskDatabase, StateOffsets, StateWrite, TaskDatabase } from './task-database.ts'

/** Rows that are counted one by one before an estimate is made. */
const COUNTED_ROWS = 1000

/** Databases of tasks in `<stateDir>/<taskId>/rocksdb`. Opening rejects while another process has the task's database open. */
export function openRocksdbDatabase(stateDir: string): OpenTaskDatabase {
  return async (taskId) => {
    const database = await Database.open(join(stateDir, taskId, 'rocksdb'))
    try {
      const catalog = new TaskCatalog()
      for await (const [rowKey, rowValue] of database.scan(TaskCatalog.range)) catalog.load(rowKey, rowValue)
      return new RocksdbDatabase(database, catalog)
    } catch (error) {
      await database.close()
      throw error
    }
  }
}

class RocksdbDatabase implements TaskDatabase {
  readonly persistent = true
  readonly #database: Database
  readonly #catalog: TaskCatalog
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(database: Database, catalog: TaskCatalog) {
    this.#database = database
    this.#catalog = catalog
  }

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

  get(rowKey: Buffer): Promise<Buffer | undefined> {
    return this.#database.get(rowKey)
  }

  getMany(rowKeys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#database.getMany(rowKeys)
  }

  scan(range: KeyRange): AsyncIterable<readonly [rowKey: Buffer, rowValue: Buffer]> {
    return this.#database.scan(range)
  }

  async approximateRows(from: Buffer, to: Buffer): Promise<number> {
    let rows = 0
    let sizeBytes = 0
    for await (const [rowKey, rowValue] of this.#database.scan({ gte: from, lt: to, limit: COUNTED_ROWS })) {
      rows++
      sizeBytes += rowKey.length + rowValue.length
    }
    if (rows < COUNTED_ROWS) return rows
    const onDiskBytes = await this.#database.approximateSizeBytes(from, to)
    return Math.max(rows, Math.round(onDiskBytes / (sizeBytes / rows)))
  }

  write(write: StateWrite): Promise<void> {
    const written = this.#lastWrite.then(() => this.#write(write))
    this.#lastWrite = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    await this.#lastWrite
    await this.#database.close()
  }

  async #write(write: StateWrite): Promise<void> {
    const catalog = this.#catalog.begin(write.offsets)
    const puts = catalog.rows.length === 0 ? write.puts : [...write.puts, ...catalog.rows]
    await this.#database.write({ puts, rangeDeletes: write.rangeDeletes })
    catalog.settle()
  }
}
