import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asError } from '../../common/errors.ts'
import { Database } from '../../common/rocksdb.ts'
import { TaskCatalog } from './task-catalog.ts'

/** Rows of a store that are counted one by one before an estimate is made. */
const COUNTED_ROWS = 100_000

export interface LocalStore {
  readonly store: string
  /** Rows of the store's own, with those of its indexes; exact unless `isEstimate`. */
  readonly rows: number
  readonly sizeBytes: number
  readonly isEstimate: boolean
}

export interface LocalTask {
  readonly taskId: string
  readonly directory: string
  /** Where else the same is. */
  readonly copies?: readonly string[]
  readonly stores: readonly LocalStore[]
  /** By changelog partition the offset that the rows stand at. */
  readonly offsets: ReadonlyMap<string, number>
  /** Why nothing could be read. */
  readonly problem?: string
}

/**
 * What the tasks of an application have in a state directory (`<stateDir>/<applicationId>`), as it was written last; the process that
 * has them open goes on meanwhile. Empty when there is no such directory.
 */
export async function readLocalState(directory: string): Promise<readonly LocalTask[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => /^(\d+_\d+|global)$/.test(name))
  const tasks: LocalTask[] = []
  for (const taskId of names.sort(new Intl.Collator('en', { numeric: true }).compare))
    tasks.push(await readTask(taskId, join(directory, taskId)))
  if (!names.includes('global')) tasks.push(...(await readGlobalOfThreads(join(directory, 'threads'))))
  return tasks
}

/** Each stream thread has a copy of the global stores, in a folder of its own: the first one stands for all. */
async function readGlobalOfThreads(directory: string): Promise<readonly LocalTask[]> {
  const threads = (await readdir(directory).catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found: string[] = []
  for (const thread of threads.sort(new Intl.Collator('en', { numeric: true }).compare)) {
    const copy = join(directory, thread, 'global')
    if ((await readdir(copy).catch(() => [])).length > 0) found.push(copy)
  }
  const [first, ...copies] = found
  return first === undefined ? [] : [{ ...(await readTask('global', first)), copies }]
}

async function readTask(taskId: string, directory: string): Promise<LocalTask> {
  let database: Database
  try {
    database = await Database.openReadOnly(join(directory, 'rocksdb'))
  } catch (error) {
    return { taskId, directory, stores: [], offsets: new Map(), problem: asError(error).message }
  }
  try {
    const catalog = new TaskCatalog()
    for await (const [rowKey, rowValue] of database.scan(TaskCatalog.range)) catalog.load(rowKey, rowValue)
    const stores: LocalStore[] = []
    for (const [store, prefix] of catalog.stores()) stores.push(await measure(database, store, prefix))
    return { taskId, directory, stores, offsets: catalog.offsets() }
  } catch (error) {
    return { taskId, directory, stores: [], offsets: new Map(), problem: asError(error).message }
  } finally {
    await database.close()
  }
}

async function measure(database: Database, store: string, prefix: Buffer): Promise<LocalStore> {
  const after = Buffer.alloc(2)
  after.writeUInt16BE(prefix.readUInt16BE(0) + 1)
  let rows = 0
  let sizeBytes = 0
  for await (const [rowKey, rowValue] of database.scan({ gte: prefix, lt: after, limit: COUNTED_ROWS })) {
    rows++
    sizeBytes += rowKey.length + rowValue.length
  }
  if (rows < COUNTED_ROWS) return { store, rows, sizeBytes, isEstimate: false }
  const onDiskBytes = Math.max(sizeBytes, await database.approximateSizeBytes(prefix, after))
  return { store, rows: Math.round((onDiskBytes / sizeBytes) * rows), sizeBytes: onDiskBytes, isEstimate: true }
}
