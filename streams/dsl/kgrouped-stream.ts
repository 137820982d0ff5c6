import type { Serde } from '../../common/serde.ts'
import { serdes as standard } from '../../common/serde.ts'
import { type Aggregate, StreamAggregate } from '../processors/aggregates/stream-aggregate.ts'
import { CogroupPlan } from './cogroup.ts'
import { CogroupedKStream } from './cogrouped-kstream.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import { burnForCount, type GroupedStreamNode, repartitionBefore } from './grouped-stream.ts'
import { KTable } from './ktable.ts'
import type { ExpiringMaterialized } from './options.ts'
import { requireSerde } from './plan/context.ts'
import { aggregateSettings } from './plan/materialize.ts'
import type { RepartitionPlan } from './plan/plan.ts'
import { isCached, tableStore, tableStoreView } from './plan/table-store.ts'
import type { CalendarWindows } from './windows/calendar-windows.ts'
import { CountWindowedKStream } from './windows/count-windowed-kstream.ts'
import { CountWindows } from './windows/count-windows.ts'
import { SessionWindowedKStream } from './windows/session-windowed-kstream.ts'
import { SessionWindows } from './windows/session-windows.ts'
import type { SlidingWindows } from './windows/sliding-windows.ts'
import { TimeWindowedKStream } from './windows/time-windowed-kstream.ts'
import type { UnlimitedWindows } from './windows/unlimited-windows.ts'
import type { TimeWindows } from './windows/windows.ts'

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

  /** Its place in the plan. */
  get grouped(): GroupedStreamNode<K, V> {
    return this.#grouped
  }

  /**
   * Records per key, as a number in a 64-bit integer. Drops null keys and null values. Emits the new count. Creates node
   * KSTREAM-AGGREGATE-n, the store KSTREAM-AGGREGATE-STATE-STORE-n unless it is named, its changelog and, if the key was changed, a
   * repartition topic. @see KStreamAggregate @throws {TopologyError} when a serde is not known.
   */
  count(options: ExpiringMaterialized<K, number> & DroppedOptions<K, V> = {}): KTable<K, number> {
    burnForCount(this.#grouped.context, options)
    return this.#aggregate('KSTREAM-AGGREGATE-', (count) => (count ?? 0) + 1, {
      ...options,
      value: options.value ?? standard.long,
    })
  }

  /**
   * The first value of a key is its aggregate; later ones go through the reducer, which may change and return it; `null` deletes it. Drops
   * null keys and null values; the result's time is the later of record and aggregate. Creates node KSTREAM-REDUCE-n and the store
   * KSTREAM-REDUCE-STATE-STORE-n unless it is named. @see KStreamReduce
   */
  reduce(
    reducer: (aggregate: V, value: V) => V,
    options: ExpiringMaterialized<K, V> & DroppedOptions<K, V> = {},
  ): KTable<K, V> {
    const { value } = this.#grouped.serdes
    const aggregate: Aggregate<K, V, V> = (before, next) => (before === undefined ? next : reducer(before, next))
    return this.#aggregate('KSTREAM-REDUCE-', aggregate, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /**
   * An aggregate of its own type per key. The aggregator may change and return the aggregate it is given. Drops null keys and null
   * values; the result's time is the later of record and aggregate. Give the aggregate's serde as `value`. Creates node
   * KSTREAM-AGGREGATE-n and its store. @see KStreamAggregate
   */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    options: ExpiringMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<K, A> {
    return this.#aggregate(
      'KSTREAM-AGGREGATE-',
      (before, value, key) => aggregator(before === undefined ? initializer() : before, value, key),
      options,
    )
  }

  /**
   * The first input of an aggregation of several grouped streams, with its aggregator: `cogroup` of the result adds the others. The
   * aggregate's type is that of the aggregator's first parameter.
   * @see CogroupedKStream
   */
  cogroup<A>(aggregator: (aggregate: A, value: V, key: K) => A): CogroupedKStream<K, A> {
    return new CogroupedKStream<K, A>(new CogroupPlan(this.#grouped.context)).cogroup(this, aggregator)
  }

  /**
   * Aggregations per key and window; what is a window, and when it closes, is said by `windows`. Sessions and windows of so many records have
   * aggregations of their own. @see org.apache.kafka.streams.kstream.KGroupedStream.windowedBy
   */
  windowedBy(windows: TimeWindows | SlidingWindows | UnlimitedWindows | CalendarWindows): TimeWindowedKStream<K, V>
  /** Aggregations per key and session. */
  windowedBy(windows: SessionWindows): SessionWindowedKStream<K, V>
  /** Aggregations per key and so many records. */
  windowedBy(windows: CountWindows): CountWindowedKStream<K, V>
  windowedBy(
    windows: TimeWindows | SlidingWindows | UnlimitedWindows | CalendarWindows | SessionWindows | CountWindows,
  ): TimeWindowedKStream<K, V> | SessionWindowedKStream<K, V> | CountWindowedKStream<K, V> {
    if (windows instanceof CountWindows) return new CountWindowedKStream(this.#grouped, windows, this.#repartition)
    return windows instanceof SessionWindows
      ? new SessionWindowedKStream(this.#grouped, windows, this.#repartition)
      : new TimeWindowedKStream(this.#grouped, windows, this.#repartition)
  }

  #aggregate<A>(
    prefix: string,
    aggregator: Aggregate<K, V, A>,
    options: ExpiringMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<K, A> {
    const { context, serdes } = this.#grouped
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const builder = tableStore(store, { key, value }, options)
    const versioned = options.versioned !== undefined
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, isCached(options), versioned)
    const plan = context.processor(name, [parent], () => new StreamAggregate(aggregator, aggregate.options(plan)), {
      stores: () => [builder],
      retains: true,
    })
    handDropped({ context, serdes, sources, repartitionRequired: false }, [plan], options)
    return new KTable<K, A>({
      context,
      node: plan,
      serdes: { key, value },
      sources,
      store: options.store,
      versioned,
      view: () => tableStoreView(store, options, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }
}
