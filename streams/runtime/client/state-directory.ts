import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DiskFullError, orDiskFull } from '../../../common/disk-full.ts'
import { asError } from '../../../common/errors.ts'
import { Database, DatabaseLockedError } from '../../../common/rocksdb.ts'
import type { OpenTaskDatabase } from '../../../stores/task-database.ts'
import { StateDirectoryLockedError } from '../../errors.ts'

const TASK_DIRECTORY = /^\d+_\d+$/
const LOCK_DIRECTORY = '.lock'
const OWNER_FILE = '.owner.json'

interface Owner {
  readonly pid: number
  readonly host: string
  readonly since: string
}

/**
 * The directory of an application's state on this machine: `<stateDir>/<applicationId>`, one folder per task in it. One
 * process at a time has it: the lock is the operating system's, and goes with the process however that ends.
 * @see org.apache.kafka.streams.processor.internals.StateDirectory
 */
export class StateDirectory {
  readonly path: string
  readonly #offsetSums = new Map<string, number>()
  #lock: Database | undefined

  constructor(path: string) {
    this.path = path
  }

  /** @throws {StateDirectoryLockedError} naming the process that has it; {DiskFullError}. */
  async lock(): Promise<void> {
    try {
      await this.#takeLock()
    } catch (error) {
      throw orDiskFull(this.path, asError(error))
    }
  }

  async #takeLock(): Promise<void> {
    await mkdir(this.path, { recursive: true })
    const lock = join(this.path, LOCK_DIRECTORY)
    try {
      this.#lock = await Database.open(lock)
    } catch (error) {
      if (error instanceof DatabaseLockedError)
        throw new StateDirectoryLockedError(this.path, await this.#owner(), { cause: error })
      if (error instanceof DiskFullError) throw error
      // Nothing is kept in it: whatever is wrong with the files, new ones do.
      await rm(lock, { recursive: true, force: true })
      this.#lock = await Database.open(lock)
    }
    const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
    try {
      await writeFile(join(this.path, OWNER_FILE), JSON.stringify(owner))
    } catch (error) {
      await this.unlock()
      throw error
    }
  }

  async unlock(): Promise<void> {
    const lock = this.#lock
    this.#lock = undefined
    await lock?.close()
  }

  /** Tasks with state here. */
  async tasks(): Promise<readonly string[]> {
    return (await readdir(this.path).catch(() => [])).filter((name) => TASK_DIRECTORY.test(name))
  }

  /** Looks how far the state of each task is, by its own account. What cannot be read does not count. */
  async readOffsets(openPersistent: OpenTaskDatabase): Promise<void> {
    for (const taskId of await this.tasks()) {
      try {
        const database = await openPersistent(taskId)
        const offsets = [...database.offsets().values()]
        await database.close()
        if (offsets.length > 0)
          this.keepOffsetSum(
            taskId,
            offsets.reduce((sum, offset) => sum + offset, 0),
          )
      } catch {
        this.#offsetSums.delete(taskId)
      }
    }
  }

  /** For tasks that are not open here: the sum of the changelog offsets that their state stands at. */
  get offsetSums(): ReadonlyMap<string, number> {
    return this.#offsetSums
  }

  keepOffsetSum(taskId: string, offsetSum: number): void {
    this.#offsetSums.set(taskId, offsetSum)
  }

  /** Deletes the state of a task: it is restored from its changelog when the task comes back. */
  async wipe(taskId: string): Promise<void> {
    this.#offsetSums.delete(taskId)
    await rm(join(this.path, taskId), { recursive: true, force: true })
  }

  /** Deletes state that nobody here has used for that long; gives the tasks. */
  async clean(olderThanMs: number, inUse: () => ReadonlySet<string>): Promise<readonly string[]> {
    const cleaned: string[] = []
    for (const taskId of await this.tasks()) {
      if (inUse().has(taskId)) continue
      const usedMs = await lastUsedMs(join(this.path, taskId))
      if (Date.now() - usedMs < olderThanMs || inUse().has(taskId)) continue
      await this.wipe(taskId)
      cleaned.push(taskId)
    }
    return cleaned
  }

  /** Deletes everything. */
  async cleanUp(): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
    this.#offsetSums.clear()
  }

  async #owner(): Promise<string> {
    try {
      const { pid, host, since } = JSON.parse(await readFile(join(this.path, OWNER_FILE), 'utf8')) as Owner
      return `process ${pid} on ${host}, since ${since}`
    } catch {
      return 'another process'
    }
  }
}

/** The latest change of a task's directory or its database's files. */
async function lastUsedMs(directory: string): Promise<number> {
  const database = join(directory, 'rocksdb')
  const files = (await readdir(database).catch(() => [])).map((name) => join(database, name))
  const times = await Promise.all(
    [directory, ...files].map((path) =>
      stat(path)
        .then((s) => s.mtimeMs)
        .catch(() => 0),
    ),
  )
  return Math.max(0, ...times)
}
