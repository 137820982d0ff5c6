import { join } from 'node:path'
import { Database, type KeyRange } from '../../common/rocksdb.ts'
import type { OpenTaskDatabase, RowBatches, StateOffsets, StateWrite, TaskDatabase } from '../task-database.ts'
import { TaskCatalog } from './task-catalog.ts'

/** Rows that are counted one by one before an estimate is made. */
const COUNTED_ROWS = 1000

/** Resolves when the database of a task may be opened; what it answers is called when it is closed again. */
export type TaskGate = (taskId: string, signal?: AbortSignal) => Promise<() => void>

const OPEN_GATE: TaskGate = async () => () => {}

/** Databases of tasks in `<stateDir>/<taskId>/rocksdb`. Opening rejects while another process has the task's database open, and waits at the gate. */
export function openRocksdbDatabase(stateDir: string, gate = OPEN_GATE): OpenTaskDatabase {
  return async (taskId, signal) => {
    const onClosed = await gate(taskId, signal)
    let database: Database | undefined
    try {
      database = await Database.open(join(stateDir, taskId, 'rocksdb'))
      const catalog = new TaskCatalog()
      for await (const [rowKey, rowValue] of database.scan(TaskCatalog.range)) catalog.load(rowKey, rowValue)
      return new RocksdbDatabase(database, catalog, onClosed)
    } catch (error) {
      await database?.close()
      onClosed()
      throw error
    }
  }
}

class RocksdbDatabase implements TaskDatabase {
  readonly persistent = true
  readonly #database: Database
  readonly #catalog: TaskCatalog
  readonly #onClosed: () => void
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(database: Database, catalog: TaskCatalog, onClosed: () => void) {
    this.#database = database
    this.#catalog = catalog
    this.#onClosed = onClosed
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

  property(name: string): Promise<number | undefined> {
    return this.#database.property(name)
  }

  write(write: StateWrite): Promise<void> {
    return this.#afterTheLast(() => this.#write(write))
  }

  readonly rowBatches: RowBatches = {
    create: () => this.#database.createRowBatch(),
    write: (rows) => this.#afterTheLast(() => this.#database.writeRows(rows)),
  }

  #afterTheLast(write: () => Promise<void>): Promise<void> {
    const written = this.#lastWrite.then(write)
    this.#lastWrite = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    await this.#lastWrite
    await this.#database.close()
    this.#onClosed()
  }

  async #write(write: StateWrite): Promise<void> {
    const catalog = this.#catalog.begin(write.offsets)
    const puts = catalog.rows.length === 0 ? write.puts : [...write.puts, ...catalog.rows]
    await this.#database.write({ puts, rangeDeletes: write.rangeDeletes })
    catalog.settle()
  }
}
