import { EMPTY_HEADERS } from '../../../common/record.ts'
import type { ProcessorContext } from '../processor.ts'
import type { TableForwarder } from '../tables/table-forwarder.ts'
import type { TableRows } from '../tables/table-rows.ts'
import { isDueStore, onDue } from '../times/timed-work.ts'

/** Sends a tombstone for each row whose time to live is over, with the time at which it was; nothing for tables whose rows live for ever. */
export function forwardExpiredRows<K, V>(
  context: ProcessorContext,
  store: string,
  rows: TableRows<K, V>,
  forwarder: TableForwarder<V>,
): void {
  if (!isDueStore(rows)) return
  onDue<K, V>(context, store, ({ key, value, dueMs }) => forwarder.forward(key, 0, null, value, dueMs, EMPTY_HEADERS))
}
