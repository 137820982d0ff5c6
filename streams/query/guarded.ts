import { StoreClosedError } from '../../stores/errors.ts'
import { StoreNotAvailableError } from '../errors.ts'
import type { StorePart } from './query-host.ts'

/** What a store throws when its task is closed under a reader. */
export function asUnavailable(error: unknown, store: string): unknown {
  return error instanceof StoreClosedError ? new StoreNotAvailableError(store, 'migrated') : error
}

/**
 * The rows, as long as the task lives. A scan holds the database open, and a task that moves must not wait for a reader: when it is
 * closed the scan is let go, and the reader is told instead of being given rows that look like all of them.
 * @throws {StoreNotAvailableError} `migrated` (while iterating)
 */
export async function* guardedScan<R>(part: StorePart, rows: AsyncIterable<R>): AsyncGenerator<R, void, undefined> {
  const iterator = rows[Symbol.asyncIterator]()
  const state = { isClosed: false }
  const stop = part.stores.onClose(() => {
    state.isClosed = true
    iterator.return?.()?.catch(() => {})
  })
  try {
    for (;;) {
      const next = await iterator.next()
      if (state.isClosed) throw new StoreNotAvailableError(part.store.name, 'migrated')
      if (next.done) return
      yield next.value
    }
  } catch (error) {
    throw asUnavailable(error, part.store.name)
  } finally {
    stop()
    await iterator.return?.()
  }
}

/** An answer that is not a scan. @throws {StoreNotAvailableError} `migrated` */
export async function guardedRead<R>(part: StorePart, read: () => R | Promise<R>): Promise<R> {
  try {
    return await read()
  } catch (error) {
    throw asUnavailable(error, part.store.name)
  }
}
