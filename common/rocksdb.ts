import { mkdir, readdir } from 'node:fs/promises'
import RocksDB from 'rocksdb-native'
import { DiskFullError, orDiskFull } from './disk-full.ts'
import { BrookError, InternalError } from './errors.ts'
import { type OperationKinds, RowBatch } from './row-batch.ts'

/** Bounds of a scan over keys in byte order; at most one lower and one upper bound. */
export interface KeyRange {
  readonly gt?: Buffer
  readonly gte?: Buffer
  readonly lt?: Buffer
  readonly lte?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

/** What one atomic write changes. `null` deletes. Range deletes are [from, to) and come before the puts. */
export interface DatabaseWrite {
  readonly puts: readonly (readonly [key: Buffer, value: Buffer | null])[]
  readonly rangeDeletes?: readonly (readonly [from: Buffer, to: Buffer])[]
}

/** Another handle, most likely of another process, has the database open. */
export class DatabaseLockedError extends BrookError {
  readonly code = 'DATABASE_LOCKED'
  readonly domain = 'external'
  readonly recovery = 'stop'
}

/** Files of the database are missing, cut off or changed: it cannot be read any more. */
export class DatabaseCorruptError extends BrookError {
  readonly code = 'DATABASE_CORRUPT'
  readonly domain = 'external'
  readonly recovery = 'restore-task'
}

const LOCKED = /lock file|lock hold|no locks available/i
/** Troubles of the machine, after which the files are as good as before. */
const ENVIRONMENT = /permission denied|too many open files|read-only|input\/output error|not a directory/i
const CORRUPT = /corrupt|checksum|truncated|bad table magic|mismatch/i

function openFailure(path: string, error: Error): Error {
  if (LOCKED.test(error.message))
    return new DatabaseLockedError(`the database ${path} is open in another place`, { cause: error })
  const full = orDiskFull(path, error)
  if (full instanceof DiskFullError || ENVIRONMENT.test(error.message)) return full
  return new DatabaseCorruptError(`the database ${path} cannot be read: ${error.message}`, { cause: error })
}

/**
 * RocksDB takes a directory without the file CURRENT for a new database, deletes the tables in it, but applies the logs that it finds: rows
 * would be missing, and what says how far they go would not. @throws {DatabaseCorruptError}
 */
async function checkThatWhole(path: string): Promise<void> {
  const names = await readdir(path)
  // Both come after CURRENT when a database is made, so an attempt that was cut short has neither.
  if (!names.includes('CURRENT') && names.some((name) => /\.(sst|log)$/.test(name)))
    throw new DatabaseCorruptError(`the database ${path} cannot be read: its file CURRENT is gone`)
}

/** How the binding tells what to do with a row. @throws {InternalError} when it hands writes over in another way than the version that is pinned */
function operationKinds(db: RocksDB): OperationKinds {
  const probe = db.write({ capacity: 3, autoDestroy: true })
  const key = Buffer.alloc(1)
  probe.tryPut(key, key)
  probe.tryDelete(key)
  probe.tryDeleteRange(key, key)
  const [put, deletion, rangeDeletion] = probe._operations ?? []
  probe.destroy()
  if (put === undefined || deletion === undefined || rangeDeletion === undefined || probe._resize === undefined)
    throw new InternalError('this version of rocksdb-native has no _operations or _resize in its batches')
  const { columnFamily } = put
  return { put: put.type, delete: deletion.type, deleteRange: rangeDeletion.type, columnFamily }
}

const NOTHING = Buffer.alloc(0)
/** Rows a scan fetches at a time: the binding's own default of 8 makes it four times slower. */
const SCAN_ROWS = 1000

/**
 * An ordered key-value database in a directory: RocksDB through `rocksdb-native`, and the one file that knows it. Writes are
 * in the write-ahead log when they resolve, so they outlive the process (not a power cut: the log is not synced per write).
 */
export class Database {
  readonly path: string
  readonly #db: RocksDB
  #knownKinds: OperationKinds | undefined
  #closing: Promise<void> | undefined
  #running = 0
  #idle: (() => void) | undefined

  private constructor(path: string, db: RocksDB) {
    this.path = path
    this.#db = db
  }

  /**
   * Opens or creates the database. After a {@link DiskFullError} of any method it takes no more writes until it is opened again.
   * @throws {DatabaseLockedError}; {DatabaseCorruptError} when it cannot be read; {DiskFullError}
   */
  static async open(path: string): Promise<Database> {
    await mkdir(path, { recursive: true }).catch((error) => {
      throw orDiskFull(path, error)
    })
    await checkThatWhole(path)
    const db = new RocksDB(path, { maxBackgroundJobs: 2 })
    try {
      await db.ready()
    } catch (error) {
      throw openFailure(path, error as Error)
    }
    return new Database(path, db)
  }

  /**
   * Opens a database that is there for reading only, as it is now: no lock is taken, so another process may have it open; what that one
   * writes from now on is not seen. Rejects when there is none.
   */
  static async openReadOnly(path: string): Promise<Database> {
    const db = new RocksDB(path, { readOnly: true, createIfMissing: false })
    await db.ready()
    return new Database(path, db)
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return (await this.getMany([key]))[0]
  }

  /** One round trip to the database's threads for all keys; `undefined` where there is none. */
  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return []
    return this.#use(async () => {
      const batch = this.#db.read({ capacity: keys.length, autoDestroy: true })
      const values = Promise.all(keys.map((key) => batch.get(key)))
      batch.tryFlush()
      return (await values).map((value) => value ?? undefined)
    })
  }

  /** All or nothing. */
  async write(write: DatabaseWrite): Promise<void> {
    const { put, delete: deletion, deleteRange, columnFamily } = this.#kinds
    const operations: object[] = []
    for (const [start, end] of write.rangeDeletes ?? [])
      operations.push({ type: deleteRange, columnFamily, start, end })
    for (const row of write.puts) {
      const value = row[1]
      if (value === null) operations.push({ type: deletion, columnFamily, key: row[0], value: NOTHING })
      else operations.push({ type: put, columnFamily, key: row[0], value })
    }
    await this.#write(operations)
  }

  /** For rows that are written many at a time. */
  createRowBatch(): RowBatch {
    return new RowBatch(this.#kinds)
  }

  /** All or nothing. The batch may be cleared and used again when this has ended. */
  async writeRows(rows: RowBatch): Promise<void> {
    await this.#write(rows.operations())
  }

  /** Rows in key order (or reverse), as they were when the scan began. Stop early with `break`: the scan is then released. */
  async *scan(range: KeyRange = {}): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
    this.#running++
    const view = this.#db.snapshot()
    try {
      const capacity = Math.min(SCAN_ROWS, range.limit ?? SCAN_ROWS)
      for await (const { key, value } of view.iterator(range, { capacity })) yield [key, value]
    } catch (error) {
      throw this.#failure(error as Error)
    } finally {
      await view.close()
      this.#release()
    }
  }

  /** Writes memory tables to files. */
  async flush(): Promise<void> {
    await this.#use(() => this.#db.flush())
  }

  /** Bytes on disk between two keys, roughly. */
  async approximateSizeBytes(from: Buffer, to: Buffer): Promise<number> {
    return this.#use(() => this.#db.approximateSize(from, to))
  }

  /** A number that RocksDB tells of itself, such as `total-sst-files-size`; `undefined` for one that it does not know, or when it is closed. */
  async property(name: string): Promise<number | undefined> {
    if (this.#closing !== undefined) return undefined
    const text = await this.#use(() => this.#db.getProperty(`rocksdb.${name}`))
    return text === undefined ? undefined : Number(text)
  }

  /** Waits for reads and writes that run, then closes. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
      await this.#db.close({ force: true })
    })()
    return this.#closing
  }

  /**
   * Hands operations over as native code reads them, by name: an own property is found where the binding's own objects have a getter for the type, a
   * call into JavaScript for every row.
   */
  async #write(operations: readonly object[]): Promise<void> {
    if (operations.length === 0) return
    await this.#use(async () => {
      const batch = this.#db.write({ capacity: operations.length, autoDestroy: true })
      batch._operations = operations
      // A batch that was used before has the capacity of then, and native code writes beyond its memory without a word.
      batch._resize?.()
      await batch.flush()
    })
  }

  get #kinds(): OperationKinds {
    this.#knownKinds ??= operationKinds(this.#db)
    return this.#knownKinds
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    this.#running++
    try {
      return await work()
    } catch (error) {
      throw this.#failure(error as Error)
    } finally {
      this.#release()
    }
  }

  #failure(error: Error): Error {
    const said = [error, error.cause, ...(error instanceof AggregateError ? error.errors : [])].map(String).join(' ')
    if (!CORRUPT.test(said)) return orDiskFull(this.path, error)
    return new DatabaseCorruptError(`the database ${this.path} cannot be read: ${said}`, { cause: error })
  }

  #release(): void {
    this.#running--
    if (this.#running === 0) this.#idle?.()
  }
}
