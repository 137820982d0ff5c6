import type { Awaitable } from '../../../common/awaitable.ts'
import type { DueEntry, DueStore, StateStore } from '../../../stores/state-store.ts'
import { TopologyError } from '../../errors.ts'
import type { ProcessorContext, PunctuationType } from '../processor.ts'

/**
 * Something that a node does at times of its own. By stream time it is done before the record is processed that moves stream time there, so
 * that results do not depend on how many records the task takes in a row; by the wall clock when the task gets round to it.
 */
export interface TimedWork {
  readonly type: PunctuationType
  /** Asked before every record, so it must cost nothing; Infinity: nothing to do. */
  readonly nextDueMs: number
  run(nowMs: number): Awaitable<void>
}

export function isDueStore(store: StateStore | undefined): boolean {
  return dueStoreOf(store) !== undefined
}

/** The store, if its rows come due. */
export function dueStoreOf(store: StateStore | undefined): DueStore<unknown, unknown> | undefined {
  return store !== undefined && 'takeDue' in store ? (store as DueStore<unknown, unknown>) : undefined
}

/** Hands over the rows of a store as they come due, after they were deleted. @throws {TopologyError} for a store whose rows do not. */
export function onDue<K, V>(
  context: ProcessorContext,
  storeName: string,
  handle: (row: DueEntry<K, V>) => Awaitable<void>,
): DueStore<K, V> {
  const store = context.getStateStore<DueStore<K, V>>(storeName)
  if (!isDueStore(store))
    throw new TopologyError(
      `rows of store ${storeName}, asked for by ${context.nodeName}, do not come due: it has no time to live and is no timer store`,
    )
  context.onTime(dueWork(store, handle), storeName)
  return store
}

export function dueWork<K, V>(store: DueStore<K, V>, handle: (row: DueEntry<K, V>) => Awaitable<void>): TimedWork {
  return {
    type: store.dueTime,
    get nextDueMs() {
      return store.nextDueMs
    },
    run: (nowMs) => store.takeDue(nowMs, handle),
  }
}
