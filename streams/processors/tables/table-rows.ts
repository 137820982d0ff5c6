import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { KeyValueStore, VersionedKeyValueStore } from '../../../stores/state-store.ts'
import type { StreamRecord } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import type { TableForwarder } from './table-forwarder.ts'

/** Where a table keeps its rows, with their history or without. @see KeyValueStoreWrapper */
export type TableRows<K, V> = KeyValueStore<K, V> | VersionedKeyValueStore<K, V>

/** An update of a row, as {@link TableForwarder.forward} takes it. */
export interface RowUpdate<K, V> {
  readonly key: K
  /** What brought it. */
  readonly record: StreamRecord<K, unknown>
  readonly newValue: V | null
  readonly oldValue: V | null
  /** Of the row. */
  readonly timestampMs: number
}

export function tableRows<K, V>(context: ProcessorContext, store: string): TableRows<K, V> {
  return context.getStateStore<TableRows<K, V>>(store)
}

/**
 * Puts a version where its time says and sends it on with what it is: the newest of its row or not. One that is older than the history
 * is dropped.
 */
export function putVersion<K, V>(
  context: Pick<ProcessorContext, 'drop'>,
  rows: VersionedKeyValueStore<K, V>,
  forwarder: TableForwarder<V>,
  { key, record, newValue, oldValue, timestampMs }: RowUpdate<K, V>,
): Awaitable<void> {
  const { headers } = record
  return chain(rows.put(key, newValue, timestampMs), (validToMs) => {
    if (validToMs === undefined) return context.drop(record, 'late')
    const isLatest = validToMs === Number.POSITIVE_INFINITY
    return forwarder.forward(key, 0, newValue, oldValue, timestampMs, headers, timestampMs, isLatest)
  })
}
