import { StatelessMapValues } from '../processors/stateless.ts'
import { TableRepartitionMap } from '../processors/table-aggregate.ts'
import { TableFilter, TableMapValues, type TableResult } from '../processors/table-operators.ts'
import { keyValueView, mappedView, type TableView } from '../processors/table-view.ts'
import type { Change } from '../record.ts'
import { KGroupedTable } from './kgrouped-table.ts'
import type { KStream } from './kstream.ts'
import { isMaterialized, storedTable } from './materialize.ts'
import type { TableNode } from './nodes.ts'
import type { Grouped, Named, TableMaterialized } from './options.ts'
import type { Serdes } from './plan.ts'
import { joinTables, type TableJoinKind } from './table-joins.ts'

/**
 * A changelog stream: each record is the new value of its key's row, null deletes it.
 * @see org.apache.kafka.streams.kstream.KTable
 */
export class KTable<K, V> {
  readonly table: TableNode<K, V>

  constructor(table: TableNode<K, V>) {
    this.table = table
  }

  /** The name under which its rows can be queried, if the user gave one. */
  get queryableStoreName(): string | undefined {
    return this.table.store
  }

  /**
   * Rows for which the predicate holds. Emits a tombstone for a row that stops matching, and for one that never did unless the old
   * value is known. The predicate sees no tombstones. Creates node KTABLE-FILTER-n, and a store if one is named.
   * @see KTableFilter
   */
  filter<W extends V>(predicate: (value: V, key: K) => value is W, options?: TableMaterialized<K, W>): KTable<K, W>
  filter(predicate: (value: V, key: K) => boolean, options?: TableMaterialized<K, V>): KTable<K, V>
  filter(predicate: (value: V, key: K) => boolean, options: TableMaterialized<K, V> = {}): KTable<K, V> {
    return this.#filter(predicate, options)
  }

  /** {@link filter} for rows for which the predicate does not hold. */
  filterNot(predicate: (value: V, key: K) => boolean, options: TableMaterialized<K, V> = {}): KTable<K, V> {
    return this.#filter((value, key) => !predicate(value, key), options)
  }

  /**
   * Rows with another value under the same key. The mapper is never called for tombstones, which pass. Creates node
   * KTABLE-MAPVALUES-n, and a store if one is named (give its value serde).
   * @see KTableMapValues
   */
  mapValues<V2>(mapper: (value: V, key: K) => V2, options: TableMaterialized<K, V2> = {}): KTable<K, V2> {
    const serdes: Serdes<K, V2> = { key: options.key ?? this.table.serdes.key, value: options.value }
    return this.#derive(
      'KTABLE-MAPVALUES-',
      serdes,
      options,
      false,
      (result) => new TableMapValues<K, V, V2>(mapper, result),
      (view) => mappedView(view, mapper),
    )
  }

  /**
   * The updates as a stream, tombstones as null values; with a mapper under a new key. Creates node KTABLE-TOSTREAM-n.
   * @see KTable#toStream
   */
  toStream<K2>(selectKey: (value: V, key: K) => K2, options?: Named): KStream<K2, V>
  toStream(options?: Named): KStream<K, V>
  toStream<K2>(first?: Named | ((value: V, key: K) => K2), second?: Named): KStream<K, V> | KStream<K2, V> {
    const { context, node, serdes, sources } = this.table
    const options = typeof first === 'function' ? second : first
    const name = context.names.orElse(options?.name, 'KTABLE-TOSTREAM-')
    const toStream = context.processor(
      name,
      [node],
      () => new StatelessMapValues<K, Change<V>, V | null>((change) => change.newValue),
    )
    const stream = context.make.stream<K, V>({ context, node: toStream, serdes, sources, repartitionRequired: false })
    return typeof first === 'function' ? stream.selectKey(first as (value: V, key: K) => K2) : stream
  }

  /**
   * Both tables' rows of one key, when both are there. An update of either side emits; a deletion of either emits a tombstone if the
   * other is there. Result time: the later of the two rows. Creates nodes KTABLE-JOINTHIS-n, KTABLE-JOINOTHER-n and
   * KTABLE-MERGE-n. Both tables must have the same number of partitions.
   * @see KTableKTableInnerJoin
   */
  join<V2, R>(
    other: KTable<K, V2>,
    joiner: (value: V, otherValue: V2, key: K) => R,
    options: TableMaterialized<K, R> = {},
  ): KTable<K, R> {
    return this.#join('inner', other, joiner as never, options)
  }

  /** As {@link join}, and rows of this side alone, with `undefined` for the other. @see KTableKTableLeftJoin */
  leftJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: (value: V, otherValue: V2 | undefined, key: K) => R,
    options: TableMaterialized<K, R> = {},
  ): KTable<K, R> {
    return this.#join('left', other, joiner as never, options)
  }

  /** As {@link join}, and rows of either side alone. @see KTableKTableOuterJoin */
  outerJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R,
    options: TableMaterialized<K, R> = {},
  ): KTable<K, R> {
    return this.#join('outer', other, joiner as never, options)
  }

  /**
   * Groups the rows under another key, to be aggregated there with an adder and a subtractor. Rows whose new key or value is null
   * are left out. Creates node KTABLE-SELECT-n and, with the aggregation, a repartition topic.
   * @see KTableRepartitionMap
   */
  groupBy<K2, V2>(
    selector: (value: V, key: K) => readonly [K2, V2],
    options: Grouped<K2, V2> = {},
  ): KGroupedTable<K2, V2> {
    const { context, node, enableOldValues } = this.table
    const name = context.names.orElse(options.name, 'KTABLE-SELECT-')
    const select = context.processor(name, [node], () => new TableRepartitionMap(selector))
    enableOldValues(true)
    return new KGroupedTable<K2, V2>({
      context,
      node: select,
      serdes: { key: options.key, value: options.value },
      name: options.name,
    })
  }

  #filter(predicate: (value: V, key: K) => boolean, options: TableMaterialized<K, V>): KTable<K, V> {
    const { key, value } = this.table.serdes
    // Where the old value costs nothing, tombstones for rows that were not there are left out.
    const sendOldValues = this.table.enableOldValues(false)
    return this.#derive<V>(
      'KTABLE-FILTER-',
      { key: options.key ?? key, value: options.value ?? value },
      options,
      sendOldValues,
      (result) => new TableFilter<K, V>(predicate, result),
      (view) => mappedView(view, (v, k) => (predicate(v, k) ? v : undefined)),
    )
  }

  #derive<V2>(
    prefix: string,
    serdes: Serdes<K, V2>,
    options: TableMaterialized<K, V2>,
    sendOldValues: boolean,
    processor: (result: TableResult<V2>) => unknown,
    viewOf: (parent: TableView<K, V>) => TableView<K, V2>,
  ): KTable<K, V2> {
    const { context, node, sources } = this.table
    const { store } = options
    // A number is taken for the store that options without a name would have had.
    if (store === undefined && isMaterialized(options)) context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const stored = storedTable(name, store, serdes, options, true)
    const plan = context.processor(name, [node], () => processor(stored.result()), {
      stores: stored.builders,
      retains: store !== undefined,
    })
    stored.settings.sendOldValues = sendOldValues
    return new KTable<K, V2>({
      context,
      node: plan,
      serdes,
      sources,
      store,
      view: () => (store === undefined ? viewOf(this.table.view()) : keyValueView(store)),
      enableOldValues: (force) => {
        if (store !== undefined || this.table.enableOldValues(force)) stored.settings.sendOldValues = true
        return stored.settings.sendOldValues
      },
    })
  }

  #join<V2, R>(
    kind: TableJoinKind,
    other: KTable<K, V2>,
    joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R,
    options: TableMaterialized<K, R>,
  ): KTable<K, R> {
    return new KTable(joinTables(kind, this.table, other.table, joiner, options))
  }
}
