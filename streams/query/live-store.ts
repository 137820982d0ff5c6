import { InvalidArgumentError } from '../../common/errors.ts'
import type { ChangelogRecord } from '../../stores/state-store.ts'
import { StoreNotAvailableError } from '../errors.ts'
import { guardedScan } from './guarded.ts'
import type { StoreParts } from './store-parts.ts'
import { committedRows, StoreChange, type StoreRow } from './store-rows.ts'

/** What follows a store. Called between two records of the task: what takes long has to wait elsewhere. */
export interface StoreListener {
  /** What one commit changed, in the order of the changes of each row, and the changelog offset after it (see `offset`). */
  changed(changes: readonly StoreChange[], offset: number | undefined): void
  /** The task ends here: follow it where it is now. */
  closed(): void
}

/** One partition of a store that is followed. */
export interface LiveStore {
  /**
   * Where the store stands in its changelog: every later change is told to the listener. The same on every instance, so that
   * one that was told up to an offset has all of it there. `undefined` for a store that has no changelog of its own partition.
   */
  readonly offset: number | undefined
  /** Resolves when `offset` is known: at once, but for a store in another thread; when that ends first, with nothing known. */
  readonly located: Promise<void>
  /**
   * The committed rows, or those of one key; read at least as of `offset`. What is changed meanwhile is told to the listener too.
   * @throws {StoreNotAvailableError} `migrated` (while iterating)
   */
  rows(key?: { readonly key: unknown }): AsyncIterable<StoreRow>
  stop(): void
}

const FOLLOWED = ['key-value', 'window', 'session', 'versioned']

/**
 * Follows what is committed to one partition of a store here. No topic is read: commits tell it.
 * @throws {StoreNotAvailableError} when the partition is not active here; {InvalidArgumentError} for a store that holds no rows to ask for.
 */
export function followStore(parts: StoreParts, name: string, partition: number, listener: StoreListener): LiveStore {
  const builder = parts.builder(name)
  if (!FOLLOWED.includes(builder.type))
    throw new InvalidArgumentError(`store ${name} is a ${builder.type}: it cannot be followed`)
  parts.checkRuns(name)
  const part = parts.part(name, partition)
  if (part === 'restoring') throw new StoreNotAvailableError(name, 'restoring')
  if (part === undefined || part.role !== 'active') throw new StoreNotAvailableError(name, 'not-local')
  const isGlobal = parts.isGlobal(name)
  const topic = parts.serdeTopic(name)
  const { stores, store } = part
  const { promise: located, resolve } = Promise.withResolvers<void>()
  let offset: number | undefined
  const stop = stores.tap(name, {
    began: (at) => {
      offset = isGlobal ? undefined : at
      resolve()
    },
    committed: (records: readonly ChangelogRecord[], after) =>
      listener.changed(
        records.map((record) => new StoreChange(record, builder, topic)),
        isGlobal ? undefined : after,
      ),
    closed: () => {
      resolve()
      listener.closed()
    },
  })
  return {
    get offset() {
      return offset
    },
    located,
    rows: (key) => guardedScan(part, committedRows(store, key)),
    stop,
  }
}
