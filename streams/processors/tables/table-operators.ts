import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { ValueAndTimestamp } from '../../../stores/state-store.ts'
import { Change, type StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { type KeyIdOf, TableForwarder, type TableSettings } from './table-forwarder.ts'
import { putVersion, type TableRows, tableRows } from './table-rows.ts'

/** Where a table operator keeps its result, when the user asked for a store. */
export interface TableResult<V> {
  readonly store: string | undefined
  readonly settings: TableSettings<V>
  readonly keyIdOf: KeyIdOf
}

/** Forwards a computed change, through the operator's own store when it has one. */
export abstract class TableOperator<K, V, V2> implements Processor<K, Change<V>, K, Change<V2>> {
  protected readonly result: TableResult<V2>
  protected context!: ProcessorContext<K, Change<V2>>
  #rows: TableRows<K, V2> | undefined
  #forwarder!: TableForwarder<V2>

  constructor(result: TableResult<V2>) {
    this.result = result
  }

  init(context: ProcessorContext<K, Change<V2>>): void {
    this.context = context
    const { store, settings, keyIdOf } = this.result
    if (store === undefined) return
    this.#rows = tableRows(context as ProcessorContext, store)
    this.#forwarder = new TableForwarder(context as ProcessorContext, store, settings, keyIdOf)
  }

  abstract process(record: StreamRecord<K, Change<V>>): Awaitable<void>

  /** Without a store of its own, the old value comes from the parent's. */
  protected get computesOld(): boolean {
    return this.#rows === undefined && this.result.settings.sendOldValues
  }

  /**
   * With `swallowNothing`, a tombstone for a row that is known not to have been there goes no further. `oldValue` is what the
   * operator made of its parent's old value; with a store the row that is in it counts.
   */
  protected emit(
    record: StreamRecord<K, Change<V>>,
    newValue: V2 | null,
    oldValue: V2 | null,
    swallowNothing = false,
  ): Awaitable<void> {
    const { sendOldValues } = this.result.settings
    const rows = this.#rows
    if (rows === undefined) {
      const old = sendOldValues ? oldValue : null
      if (swallowNothing && sendOldValues && old === null && newValue === null) return
      return this.context.forward(record.withValue(new Change(newValue, old, record.value.isLatest)))
    }
    const readsRow = sendOldValues || this.#forwarder.caching
    return chain(readsRow ? rows.getEntry(record.key) : undefined, (row) =>
      this.#store(rows, record, newValue, row, swallowNothing),
    )
  }

  #store(
    rows: TableRows<K, V2>,
    record: StreamRecord<K, Change<V>>,
    newValue: V2 | null,
    row: ValueAndTimestamp<V2> | undefined,
    swallowNothing: boolean,
  ): Awaitable<void> {
    const { sendOldValues } = this.result.settings
    const { key, timestampMs, headers } = record
    const { caching } = this.#forwarder
    const stored = row?.value ?? null
    if (swallowNothing && sendOldValues && stored === null && newValue === null) return
    if (rows.type === 'versioned')
      return putVersion(this.context, rows, this.#forwarder, {
        key,
        record,
        newValue,
        oldValue: stored,
        timestampMs,
      })
    if (row === undefined && newValue === null && caching) return
    rows.put(key, newValue, timestampMs)
    return this.#forwarder.forward(key, 0, newValue, stored, timestampMs, headers)
  }
}

/**
 * A row that does not match becomes a tombstone, swallowed only when it is known that it did not match before (rule 26): of a versioned
 * table it is sent on, since it is a version all the same.
 * @see KTableFilter
 */
export class TableFilter<K, V> extends TableOperator<K, V, V> {
  readonly #predicate: (value: V, key: K) => boolean
  readonly #versioned: boolean

  constructor(predicate: (value: V, key: K) => boolean, result: TableResult<V>, versioned = false) {
    super(result)
    this.#predicate = predicate
    this.#versioned = versioned
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { key, value: change } = record
    const newValue = this.#matching(key, change.newValue)
    return this.emit(record, newValue, this.computesOld ? this.#matching(key, change.oldValue) : null, !this.#versioned)
  }

  #matching(key: K, value: V | null): V | null {
    return value !== null && this.#predicate(value, key) ? value : null
  }
}

/** The mapper is never called for tombstones (rule 27). @see KTableMapValues */
export class TableMapValues<K, V, V2> extends TableOperator<K, V, V2> {
  readonly #mapper: (value: V, key: K) => V2

  constructor(mapper: (value: V, key: K) => V2, result: TableResult<V2>) {
    super(result)
    this.#mapper = mapper
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { key, value: change } = record
    const map = (value: V | null): V2 | null => (value === null ? null : this.#mapper(value, key))
    return this.emit(record, map(change.newValue), this.computesOld ? map(change.oldValue) : null)
  }
}

/**
 * Where the two sides of a table join come together; stores the result when asked to. With a store, the old value is the row that
 * was sent last; Kafka Streams works it out from the sides, and so counts twice where both sides change with one record.
 * @see KTableKTableJoinMerger
 */
export class TableJoinMerge<K, V> extends TableOperator<K, V, V> {
  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    return this.emit(record, record.value.newValue, this.computesOld ? record.value.oldValue : null)
  }
}
