import type { Serde } from '../../common/serde.ts'
import { serdes as standard } from '../../common/serde.ts'
import { Stores } from '../../stores/stores.ts'
import { type Aggregate, StreamAggregate } from '../processors/stream-aggregate.ts'
import { keyValueView } from '../processors/table-view.ts'
import { requireSerde } from './context.ts'
import { burnForCount, type GroupedStreamNode, repartitionBefore } from './grouped-stream.ts'
import { KTable } from './ktable.ts'
import { aggregateSettings, storeOptions } from './materialize.ts'
import type { Materialized } from './options.ts'
import type { RepartitionPlan } from './plan.ts'
import { TimeWindowedKStream } from './time-windowed-kstream.ts'
import type { TimeWindows } from './windows.ts'

/**
 * A stream whose records of one key come to one task. A repartition topic stands before each aggregation when the key was
 * changed on the way.
 * @see org.apache.kafka.streams.kstream.KGroupedStream
 */
export class KGroupedStream<K, V> {
  readonly #grouped: GroupedStreamNode<K, V>
  readonly #repartition = { node: undefined as RepartitionPlan | undefined }

  constructor(grouped: GroupedStreamNode<K, V>) {
    this.#grouped = grouped
  }

  /**
   * Records per key, as a number in a 64-bit integer. Drops null keys and null values. Creates node KSTREAM-AGGREGATE-n and a
   * store with changelog. @see KStreamAggregate
   */
  count(options: Materialized<K, number> = {}): KTable<K, number> {
    burnForCount(this.#grouped.context, options)
    return this.#aggregate('KSTREAM-AGGREGATE-', (count) => (count ?? 0) + 1, {
      ...options,
      value: options.value ?? standard.long,
    })
  }

  /** The first value of a key is its aggregate; later ones go through the reducer. Drops null keys and null values. @see KStreamReduce */
  reduce(reducer: (aggregate: V, value: V) => V, options: Materialized<K, V> = {}): KTable<K, V> {
    const { value } = this.#grouped.serdes
    const aggregate: Aggregate<K, V, V> = (before, next) => (before === undefined ? next : reducer(before, next))
    return this.#aggregate('KSTREAM-REDUCE-', aggregate, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /**
   * An aggregate of its own type per key. The aggregator may change and return the aggregate it is given. Drops null keys and null
   * values; the result's time is the later of record and aggregate. Give the aggregate's serde as `value`. @see KStreamAggregate
   */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    options: Materialized<K, A>,
  ): KTable<K, A> {
    return this.#aggregate(
      'KSTREAM-AGGREGATE-',
      (before, value, key) => aggregator(before === undefined ? initializer() : before, value, key),
      options,
    )
  }

  /** Aggregations per key and window. */
  windowedBy(windows: TimeWindows): TimeWindowedKStream<K, V> {
    return new TimeWindowedKStream(this.#grouped, windows, this.#repartition)
  }

  #aggregate<A>(prefix: string, aggregator: Aggregate<K, V, A>, options: Materialized<K, A>): KTable<K, A> {
    const { context, serdes } = this.#grouped
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const builder = Stores.keyValueStore<K, A>(store, { key, value, ...storeOptions(options) })
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, options.caching)
    const plan = context.processor(name, [parent], () => new StreamAggregate(aggregator, aggregate.options(plan)), {
      stores: () => [builder as never],
      retains: true,
    })
    return new KTable<K, A>({
      context,
      node: plan,
      serdes: { key, value },
      sources,
      store: options.store,
      view: () => keyValueView(store, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }
}
