import { join } from 'node:path'
import { Database, DatabaseLockedError } from '../common/rocksdb.ts'

const MAX_INSTANCES = 64

/** A place of its own for one process among those that share a data directory. */
export interface Instance {
  /** 1 for the first process on this data directory. */
  readonly number: number
  readonly directory: string
  release(): Promise<void>
}

/**
 * Takes the first place in the data directory that no process has, so that several can be started from one folder. What holds a
 * place is the lock of an (empty) database in it: the operating system lets go of it however the process ends, so a place whose
 * process was killed is taken over with the state in it.
 */
export async function takeInstance(dataDir: string): Promise<Instance> {
  for (let number = 1; number <= MAX_INSTANCES; number++) {
    const directory = join(dataDir, `instance-${number}`)
    const lock = await openUnlessHeld(join(directory, 'lock'))
    if (lock !== undefined) return { number, directory, release: () => lock.close() }
  }
  throw new Error(`${dataDir} has ${MAX_INSTANCES} processes on it already`)
}

async function openUnlessHeld(path: string): Promise<Database | undefined> {
  try {
    return await Database.open(path)
  } catch (error) {
    if (error instanceof DatabaseLockedError) return undefined
    throw error
  }
}
