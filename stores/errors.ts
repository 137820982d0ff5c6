import { BrookError } from '../common/errors.ts'
import { DatabaseCorruptError } from '../common/rocksdb.ts'

/** What a database holds is not what this version writes: the task's state has to be built again from its changelog. */
export class CorruptStateError extends BrookError {
  readonly code = 'STATE_CORRUPT'
  readonly domain = 'external'
  readonly recovery = 'restore-task'
}

/** The store was closed: its task has ended or moved to another process. Ask again where the task is now. */
export class StoreClosedError extends BrookError {
  readonly code = 'STORE_CLOSED'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** Whether local state is to blame, here or anywhere down the causes. */
export function isCorruption(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof CorruptStateError || at instanceof DatabaseCorruptError) return true
  return false
}
