import { Database, DatabaseLockedError, type DatabaseWrite, type KeyRange } from '../../common/rocksdb.ts'
import { EmbeddedLogFailedError, EmbeddedLogInUseError } from './errors.ts'

/** The ordered key-value database under the log. A write is all or nothing and outlives the process when it resolves. */
export interface LogStore {
  write(write: DatabaseWrite): Promise<void>
  /** Rows in key order as they were when the scan began. */
  scan(range: KeyRange): AsyncIterable<readonly [key: Buffer, value: Buffer]>
  close(): Promise<void>
}

/** @throws {EmbeddedLogInUseError | EmbeddedLogFailedError} */
export async function openDurableStore(directory: string, path: string): Promise<LogStore> {
  try {
    return await Database.open(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (cause instanceof DatabaseLockedError) throw new EmbeddedLogInUseError(directory, { cause })
    throw new EmbeddedLogFailedError(`the embedded log in ${directory} cannot be opened: ${reason}`, { cause })
  }
}
