import { TableRepartitionMap } from '../processors/aggregates/table-aggregate.ts'
import { StatelessMapValues } from '../processors/stateless.ts'
import { TableFilter, TableMapValues, type TableResult } from '../processors/tables/table-operators.ts'
import { mappedView, type TableView } from '../processors/tables/table-view.ts'
import type { ValueTransformerFactory } from '../processors/value-transformer.ts'
import type { Change } from '../record.ts'
import type { DroppedOptions, ForeignDroppedOptions } from './dropped.ts'
import { joinTablesOnForeignKey } from './joins/foreign-key-joins.ts'
import { joinTables, type TableJoinKind } from './joins/table-joins.ts'
import { KGroupedTable } from './kgrouped-table.ts'
import type { KStream } from './kstream.ts'
import type { Grouped, Named, TableJoined, TableMaterialized } from './options.ts'
import { isMaterialized, storedTable } from './plan/materialize.ts'
import type { TableNode } from './plan/nodes.ts'
import type { Serdes } from './plan/plan.ts'
import { tableStoreView } from './plan/table-store.ts'
import { type SuppressOptions, suppressTable } from './suppress.ts'
import type { Suppressed } from './suppressed.ts'
import { type TransformValuesOptions, transformTableValues } from './transform-values.ts'

/** Of either kind of join. The third argument of a join is one where the second gives the foreign key. */
type JoinFunction<R> = (value: never, otherValue: never, key: never) => R

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

  /** Whether its rows have a history: it is kept in a versioned store, or computed from a table that is. Joins that are not stored in one are not. */
  get isVersioned(): boolean {
    return this.table.versioned ?? false
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

  /** {@link filter} for rows for which the predicate does not hold. Creates node KTABLE-FILTER-n. */
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
   * {@link mapValues} by an object that can read and write stores (`stores` names them; added with `addStateStore`), and that is called for
   * deletions too. Without a store of its own the result is computed again for each operator that reads it. Creates node
   * KTABLE-TRANSFORMVALUES-n, and a store if one is named (give its value serde).
   * @see KTableTransformValues
   */
  transformValues<V2>(
    supplier: ValueTransformerFactory<K, V, V2>,
    options: TransformValuesOptions<K, V2> = {},
  ): KTable<K, V2> {
    return new KTable(transformTableValues(this.table, supplier, options))
  }

  /**
   * Holds updates back until a time limit, or until the window of their key closes; of each key the last one that came meanwhile is sent
   * on, with its own time, headers and origin. Only records that reach it move its time. Creates node KTABLE-SUPPRESS-n and a buffer in
   * memory with a changelog, KTABLE-SUPPRESS-STATE-STORE-n (`<name>-store` with a name).
   * @see KTableSuppressProcessorSupplier (KIP-328)
   * @throws {TopologyError} for a versioned table, and for `untilWindowCloses` without a windowed aggregation above.
   */
  suppress(suppressed: Suppressed<K>, options: SuppressOptions<K, V> = {}): KTable<K, V> {
    return new KTable(suppressTable(this.table, suppressed, options))
  }

  /**
   * The updates as a stream, tombstones as null values; with a mapper under a new key, which counts as changed. Creates node
   * KTABLE-TOSTREAM-n, with a mapper KSTREAM-KEY-SELECT-n too.
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
    options?: TableMaterialized<K, R> & DroppedOptions<K, V | V2>,
  ): KTable<K, R>
  /**
   * Each row of this table with the row of the other whose key the row names (`null` or `undefined`: none). The tables may have
   * different partition counts. Emits when the row changes, with the later time of the two, and when the other's row changes, with
   * that time; a tombstone when one of them goes, also where there had been no pair before. Drops and counts rows without a foreign
   * key, and answers that a newer version of the row has overtaken. The other's value must not be of no bytes: that reads as no row.
   *
   * Creates the topics `<name>-subscription-registration-topic` (partitions of the other table) and `<name>-subscription-response-topic`
   * (partitions of this one), each with KTABLE-SINK-n and KTABLE-SOURCE-n, the store `<name>-subscription-store`, and nodes
   * KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-n, KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-n (three),
   * KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-n and KTABLE-FK-JOIN-OUTPUT-n. Without a name topics and store are
   * KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-n-topic, KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-n-topic and
   * KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-n.
   * @see KTableImpl.doJoinOnForeignKey; KIP-213, KIP-775, KIP-1104
   */
  join<K2, V2, R>(
    other: KTable<K2, V2>,
    foreignKey: (value: V, key: K) => K2 | null | undefined,
    joiner: (value: V, otherValue: V2, key: K) => R,
    options?: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2>,
  ): KTable<K, R>
  join<K2, V2, R>(
    other: KTable<K2, V2>,
    first: JoinFunction<R> | ((value: V, key: K) => K2 | null | undefined),
    second?: TableMaterialized<K, R> | JoinFunction<R>,
    options?: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2>,
  ): KTable<K, R> {
    return this.#joinBy('inner', other, first, second, options)
  }

  /**
   * As {@link join}, and rows of this side alone, with `undefined` for the other; an update of the other side alone is swallowed. Creates
   * the nodes of {@link join}. @see KTableKTableLeftJoin
   */
  leftJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: (value: V, otherValue: V2 | undefined, key: K) => R,
    options?: TableMaterialized<K, R> & DroppedOptions<K, V | V2>,
  ): KTable<K, R>
  /** As the foreign-key {@link join}, and rows alone, with `undefined`, where there is no foreign key or no row under it. @see KIP-962 */
  leftJoin<K2, V2, R>(
    other: KTable<K2, V2>,
    foreignKey: (value: V, key: K) => K2 | null | undefined,
    joiner: (value: V, otherValue: V2 | undefined, key: K) => R,
    options?: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2>,
  ): KTable<K, R>
  leftJoin<K2, V2, R>(
    other: KTable<K2, V2>,
    first: JoinFunction<R> | ((value: V, key: K) => K2 | null | undefined),
    second?: TableMaterialized<K, R> | JoinFunction<R>,
    options?: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2>,
  ): KTable<K, R> {
    return this.#joinBy('left', other, first, second, options)
  }

  /**
   * As {@link join}, and rows of either side alone, with `undefined` for the other; a deletion of what neither had is swallowed. Creates the
   * nodes of {@link join}. @see KTableKTableOuterJoin
   */
  outerJoin<V2, R>(
    other: KTable<K, V2>,
    joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R,
    options: TableMaterialized<K, R> & DroppedOptions<K, V | V2> = {},
  ): KTable<K, R> {
    return this.#join('outer', other, joiner as never, options)
  }

  /**
   * Groups the rows under another key, to be aggregated there with an adder and a subtractor. Rows whose new key or value is null
   * are left out. Creates node KTABLE-SELECT-n and, with the aggregation, a repartition topic with KSTREAM-SINK-n and
   * KSTREAM-SOURCE-n.
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
      (result) => new TableFilter<K, V>(predicate, result, this.isVersioned),
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
    // A number is taken for the store that options without a name would have had.
    const generated = options.store === undefined && isMaterialized(options) ? context.names.store(prefix) : undefined
    const store = options.store ?? ((options.versioned ?? options.lru) && generated)
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
      versioned: store === undefined ? this.isVersioned : options.versioned !== undefined,
      view: () => (store === undefined ? viewOf(this.table.view()) : tableStoreView(store, options)),
      enableOldValues: (force) => {
        if (store !== undefined || this.table.enableOldValues(force)) stored.settings.sendOldValues = true
        return stored.settings.sendOldValues
      },
    })
  }

  #joinBy<K2, V2, R>(
    kind: 'inner' | 'left',
    other: KTable<K2, V2>,
    first: unknown,
    second: TableMaterialized<K, R> | JoinFunction<R> | undefined,
    options: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2> = {},
  ): KTable<K, R> {
    if (typeof second !== 'function')
      return this.#join(kind, other as unknown as KTable<K, V2>, first as never, second ?? {})
    const join = { foreignKey: first as never, joiner: second as never, left: kind === 'left' }
    return new KTable(joinTablesOnForeignKey(this.table, other.table, join, options))
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
