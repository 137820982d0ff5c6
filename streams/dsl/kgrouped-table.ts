import type { Serde } from '../../common/serde.ts'
import { serdes as standard } from '../../common/serde.ts'
import { TableAggregate, type TableAggregator } from '../processors/aggregates/table-aggregate.ts'
import type { KTable } from './ktable.ts'
import type { Materialized } from './options.ts'
import { changeSerde } from './plan/change-serde.ts'
import { type BuilderContext, requireSerde } from './plan/context.ts'
import { aggregateSettings } from './plan/materialize.ts'
import type { PlanNode, RepartitionPlan, Serdes } from './plan/plan.ts'
import { isCached, tableStore, tableStoreView } from './plan/table-store.ts'

interface GroupedTableNode<K, V> {
  readonly context: BuilderContext
  readonly node: PlanNode
  readonly serdes: Serdes<K, V>
  readonly name: string | undefined
}

/**
 * Rows of a table under the key of their group. Aggregations see each change as old row out, new row in.
 * @see org.apache.kafka.streams.kstream.KGroupedTable
 */
export class KGroupedTable<K, V> {
  readonly #grouped: GroupedTableNode<K, V>
  #repartition: RepartitionPlan | undefined

  constructor(grouped: GroupedTableNode<K, V>) {
    this.#grouped = grouped
  }

  /**
   * Rows per group, as a number in a 64-bit integer; 0 when the last one has left. Creates node KTABLE-AGGREGATE-n, the store
   * KTABLE-AGGREGATE-STATE-STORE-n unless it is named, and a repartition topic. @see KTableAggregate
   * @throws {TopologyError} when a serde is not known.
   */
  count(options: Materialized<K, number> = {}): KTable<K, number> {
    const aggregator = { add: (count: number | undefined) => (count ?? 0) + 1, subtract: (count: number) => count - 1 }
    return this.#aggregate('KTABLE-AGGREGATE-', aggregator, { ...options, value: options.value ?? standard.long })
  }

  /**
   * The first row of a group is its aggregate; later ones go through the adder, rows that leave through the subtractor, old before new. Emits
   * the group after each, with the later time of row and aggregate. Creates node KTABLE-REDUCE-n, the store
   * KTABLE-REDUCE-STATE-STORE-n unless it is named, and a repartition topic. @see KTableReduce
   */
  reduce(
    adder: (aggregate: V, value: V) => V,
    subtractor: (aggregate: V, value: V) => V,
    options: Materialized<K, V> = {},
  ): KTable<K, V> {
    const aggregator: TableAggregator<K, V, V> = {
      add: (aggregate, value) => (aggregate === undefined ? value : adder(aggregate, value)),
      subtract: subtractor,
    }
    return this.#aggregate('KTABLE-REDUCE-', aggregator, {
      ...options,
      value: options.value ?? this.#grouped.serdes.value,
    })
  }

  /**
   * The subtractor takes the old row out before the adder puts the new one in; it is not called while a group has no aggregate. A result of
   * `null` deletes the group. Both may change and return what they are given. Creates node KTABLE-AGGREGATE-n, its store and a repartition
   * topic. Give the aggregate's serde as `value`. @see KTableAggregate @throws {TopologyError} when a serde is not known.
   */
  aggregate<A>(
    initializer: () => A,
    adder: (aggregate: A, value: V, key: K) => A,
    subtractor: (aggregate: A, value: V, key: K) => A,
    options: Materialized<K, A> = {},
  ): KTable<K, A> {
    const aggregator: TableAggregator<K, V, A> = {
      add: (aggregate, value, key) => adder(aggregate === undefined ? initializer() : aggregate, value, key),
      subtract: subtractor,
    }
    return this.#aggregate('KTABLE-AGGREGATE-', aggregator, options)
  }

  #aggregate<A>(
    prefix: string,
    aggregator: TableAggregator<K, V, A>,
    options: { [P in keyof Materialized<K, A>]: Materialized<K, A>[P] | undefined },
  ): KTable<K, A> {
    const { context, serdes, name: groupName } = this.#grouped
    const { names } = context
    const store = options.store ?? names.store('KTABLE-AGGREGATE-')
    const sinkName = names.suffixed(options.name, '-sink', 'KSTREAM-SINK-')
    const sourceName = names.suffixed(options.name, '-source', 'KSTREAM-SOURCE-')
    const name = names.orElse(options.name, prefix)
    const repartition = this.#repartitionNode(
      `${groupName ?? store}-repartition`,
      sinkName,
      sourceName,
      groupName !== undefined,
    )
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const builder = tableStore(store, { key, value }, options)
    const versioned = options.versioned !== undefined
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, isCached(options), versioned)
    const plan = context.processor(name, [repartition], () => new TableAggregate(aggregator, aggregate.options(plan)), {
      stores: () => [builder],
      retains: true,
    })
    return context.make.table<K, A>({
      context,
      node: plan,
      serdes: { key, value },
      sources: new Set([repartition.name]),
      store: options.store,
      versioned,
      view: () => tableStoreView(store, options, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }

  #repartitionNode(topic: string, sinkName: string, sourceName: string, shared: boolean): RepartitionPlan {
    if (shared && this.#repartition !== undefined) return this.#repartition
    const { context, node, serdes } = this.#grouped
    const what = `repartition topic ${topic}`
    this.#repartition = context.plan.add({
      kind: 'repartition',
      name: sourceName,
      parents: [node],
      topic,
      partitions: undefined,
      filterName: undefined,
      sinkName,
      key: requireSerde(serdes.key as Serde<unknown> | undefined, 'key', what),
      value: changeSerde(requireSerde(serdes.value as Serde<unknown> | undefined, 'value', what)) as Serde<unknown>,
      partitioner: undefined,
    })
    return this.#repartition
  }
}
