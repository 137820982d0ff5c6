import type { Serde } from '../../../common/serde.ts'
import { serdes as standard } from '../../../common/serde.ts'
import { TopologyError } from '../../errors.ts'
import type { Aggregate } from '../../processors/aggregates/stream-aggregate.ts'
import type { Windows } from '../../processors/aggregates/windows.ts'
import { windowView } from '../../processors/tables/table-view.ts'
import type { Windowed } from '../../record.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import { burnForCount, type GroupedStreamNode, repartitionBefore } from '../grouped-stream.ts'
import { KTable } from '../ktable.ts'
import type { WindowMaterialized } from '../options.ts'
import { requireSerde } from '../plan/context.ts'
import { aggregateSettings } from '../plan/materialize.ts'
import type { RepartitionPlan } from '../plan/plan.ts'
import { EmitStrategy } from './emit-strategy.ts'
import type { SlidingWindows } from './sliding-windows.ts'
import { type WindowKind, windowKindOf } from './window-kind.ts'
import { windowedKeySerde, windowStoreBuilder } from './window-store-plan.ts'

/**
 * A grouped stream cut into windows: tumbling, hopping, sliding, unlimited, or by the calendar. All aggregations drop null keys (a null value
 * reaches the aggregator; sliding windows drop it too), and drop and count a record once for each of its windows that is closed: stream
 * time less grace has reached the window's end (of sliding windows, whose end is inside: is beyond it).
 * @see org.apache.kafka.streams.kstream.TimeWindowedKStream, KStreamWindowAggregate, KStreamSlidingWindowAggregate
 */
export class TimeWindowedKStream<K, V> {
  readonly #grouped: GroupedStreamNode<K, V>
  readonly #windows: Windows | SlidingWindows
  readonly #kind: WindowKind
  readonly #emit: EmitStrategy
  readonly #repartition: { node: RepartitionPlan | undefined }

  constructor(
    grouped: GroupedStreamNode<K, V>,
    windows: Windows | SlidingWindows,
    repartition: { node: RepartitionPlan | undefined },
    emit = EmitStrategy.onWindowUpdate(),
  ) {
    this.#grouped = grouped
    this.#windows = windows
    this.#kind = windowKindOf(windows)
    this.#repartition = repartition
    this.#emit = emit
  }

  /**
   * Says when aggregations of the stream that comes back emit: at every update (default), or each window once, when it has closed.
   * @throws {TopologyError} for windows that never close.
   * @see org.apache.kafka.streams.kstream.TimeWindowedKStream.emitStrategy (KIP-825)
   */
  emitStrategy(strategy: EmitStrategy): TimeWindowedKStream<K, V> {
    const { neverCloses } = this.#kind
    if (strategy.type === 'on-window-close' && neverCloses !== undefined)
      throw new TopologyError(`nothing can be emitted on window close: ${neverCloses}`)
    return new TimeWindowedKStream(this.#grouped, this.#windows, this.#repartition, strategy)
  }

  /**
   * Records per key and window, as a number in a 64-bit integer. Emits the new count of each window that the record is in. Creates node
   * KSTREAM-AGGREGATE-n and a window store with changelog.
   * @throws {TopologyError} when the retention is too short, or a serde is not known.
   * @see org.apache.kafka.streams.kstream.TimeWindowedKStream.count
   */
  count(options: WindowMaterialized<K, number> & DroppedOptions<K, V> = {}): KTable<Windowed<K>, number> {
    if (this.#kind.burnsForCount) burnForCount(this.#grouped.context, options)
    return this.#aggregate('KSTREAM-AGGREGATE-', (count) => (count ?? 0) + 1, {
      ...options,
      value: options.value ?? standard.long,
    })
  }

  /**
   * The first value of a window is its aggregate; later ones go through the reducer, which may change and return the aggregate. Emits it with
   * the later time of record and aggregate. Creates node KSTREAM-REDUCE-n and a window store with changelog.
   * @throws {TopologyError} as {@link count}.
   * @see org.apache.kafka.streams.kstream.TimeWindowedKStream.reduce
   */
  reduce(
    reducer: (aggregate: V, value: V) => V,
    options: WindowMaterialized<K, V> & DroppedOptions<K, V> = {},
  ): KTable<Windowed<K>, V> {
    const { value } = this.#grouped.serdes
    const aggregate: Aggregate<K, V, V> = (before, next) => (before === undefined ? next : reducer(before, next))
    return this.#aggregate('KSTREAM-REDUCE-', aggregate, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /**
   * An aggregate of its own type per key and window. The aggregator may change and return the aggregate it is given; `null` deletes it.
   * Emits it with the later time of record and aggregate. Give the aggregate's serde as `value`. Creates node KSTREAM-AGGREGATE-n and a
   * window store with changelog.
   * @throws {TopologyError} as {@link count}.
   * @see org.apache.kafka.streams.kstream.TimeWindowedKStream.aggregate
   */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    options: WindowMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<Windowed<K>, A> {
    return this.#aggregate(
      'KSTREAM-AGGREGATE-',
      (before, value, key) => aggregator(before === undefined ? initializer() : before, value, key),
      options,
    )
  }

  #aggregate<A>(
    prefix: string,
    aggregator: Aggregate<K, V, A>,
    options: WindowMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<Windowed<K>, A> {
    const { context, serdes } = this.#grouped
    const { graceMs } = this.#kind
    const onClose = this.#emit.type === 'on-window-close' ? { idleTimeoutMs: this.#emit.idleTimeoutMs } : undefined
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const builder = windowStoreBuilder<K, A>(store, this.#kind, { key, value }, options, onClose !== undefined)
    const caching = onClose === undefined ? options.caching : false
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, caching)
    const plan = context.processor(
      name,
      [parent],
      () =>
        this.#kind.processor<K, V, A>(
          aggregator,
          (sharesInput) => aggregate.options(plan, sharesInput),
          aggregate.copy,
          onClose,
        ),
      { stores: () => [builder as never], retains: true, graceMs },
    )
    handDropped({ context, serdes, sources, repartitionRequired: false }, [plan], options)
    return new KTable<Windowed<K>, A>({
      context,
      node: plan,
      serdes: { key: windowedKeySerde(this.#kind, key), value },
      sources,
      store: options.store,
      view: () => windowView<K, A>(store, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }
}
