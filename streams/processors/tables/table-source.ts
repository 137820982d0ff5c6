import type { Awaitable } from '../../../common/awaitable.ts'
import type { KeyValueStore, ValueAndTimestamp } from '../../../stores/state-store.ts'
import { Change, type StreamRecord } from '../../record.ts'
import { forwardExpiredRows } from '../aggregates/expired-rows.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { type KeyIdOf, TableForwarder, type TableSettings } from './table-forwarder.ts'
import { putVersion, type TableRows, tableRows } from './table-rows.ts'

/**
 * Turns records into updates of a table: the value replaces the row, null deletes it. Null keys are dropped; an update that is
 * older than the row still replaces it (rule 28), but for a versioned store, where it becomes an old version (rule 29). Without a store (nobody reads the rows) the old value is unknown.
 * @see KTableSource
 */
export class TableSource<K, V> implements Processor<K, V | null, K, Change<V>> {
  readonly #store: string | undefined
  readonly #settings: TableSettings<V>
  readonly #keyIdOf: KeyIdOf
  #context!: ProcessorContext<K, Change<V>>
  #rows: TableRows<K, V> | undefined
  #forwarder!: TableForwarder<V>

  constructor(store: string | undefined, settings: TableSettings<V>, keyIdOf: KeyIdOf) {
    this.#store = store
    this.#settings = settings
    this.#keyIdOf = keyIdOf
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    if (this.#store === undefined) return
    this.#rows = tableRows(context as ProcessorContext, this.#store)
    this.#forwarder = new TableForwarder(context as ProcessorContext, this.#store, this.#settings, this.#keyIdOf)
    forwardExpiredRows(context as ProcessorContext, this.#store, this.#rows, this.#forwarder)
  }

  process(record: StreamRecord<K, V | null>): Awaitable<void> {
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (this.#rows === undefined) return this.#context.forward(record.withValue(new Change(record.value, null)))
    const rows = this.#rows
    const row = rows.getEntry(record.key)
    return row instanceof Promise ? row.then((r) => this.#update(rows, record, r)) : this.#update(rows, record, row)
  }

  #update(
    rows: TableRows<K, V>,
    record: StreamRecord<K, V | null>,
    row: ValueAndTimestamp<V> | undefined,
  ): Awaitable<void> {
    const { key, value, timestampMs, headers } = record
    const oldValue = row?.value ?? null
    if (rows.type === 'versioned')
      return putVersion(this.#context, rows, this.#forwarder, {
        key,
        record,
        newValue: value,
        oldValue,
        timestampMs,
      })
    if (row !== undefined && timestampMs < row.timestampMs) {
      this.#context.log.warn(
        { node: this.#context.nodeName, timestampMs, rowTimestampMs: row.timestampMs },
        'out-of-order update of a table',
      )
    }
    if (row === undefined && value === null && this.#forwarder.caching) return
    rows.put(key, value, timestampMs)
    return this.#forwarder.forward(key, 0, value, oldValue, timestampMs, headers)
  }
}

/** Fills the store of a global table. @see KTableSource in a GlobalStateUpdateTask */
export class GlobalTableSource<K, V> implements Processor<K, V | null> {
  readonly #store: string
  #context!: ProcessorContext
  #rows!: KeyValueStore<K, V>

  constructor(store: string) {
    this.#store = store
  }

  init(context: ProcessorContext): void {
    this.#context = context
    this.#rows = context.getStateStore(this.#store)
  }

  process({ key, value, timestampMs }: StreamRecord<K, V | null>): Awaitable<void> {
    if (key === null) return this.#context.drop(undefined, 'null-key')
    this.#rows.put(key, value, timestampMs)
  }
}
