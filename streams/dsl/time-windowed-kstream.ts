import { durationMs } from '../../common/duration.ts'
import type { Serde } from '../../common/serde.ts'
import { serdes as standard } from '../../common/serde.ts'
import { Stores } from '../../stores/stores.ts'
import { TopologyError } from '../errors.ts'
import type { Aggregate } from '../processors/stream-aggregate.ts'
import { windowView } from '../processors/table-view.ts'
import { WindowAggregate } from '../processors/window-aggregate.ts'
import type { Windowed } from '../record.ts'
import { requireSerde } from './context.ts'
import { burnForCount, type GroupedStreamNode, repartitionBefore } from './grouped-stream.ts'
import { KTable } from './ktable.ts'
import { aggregateSettings, storeOptions } from './materialize.ts'
import type { WindowMaterialized } from './options.ts'
import type { RepartitionPlan } from './plan.ts'
import { timeWindowedSerde } from './windowed-serde.ts'
import type { TimeWindows } from './windows.ts'

/**
 * A grouped stream cut into windows. All aggregations drop null keys only (a null value reaches the aggregator), and drop and
 * count a record once for each of its windows that is closed: stream time less grace has reached the window's end.
 * @see org.apache.kafka.streams.kstream.TimeWindowedKStream, KStreamWindowAggregate
 */
export class TimeWindowedKStream<K, V> {
  readonly #grouped: GroupedStreamNode<K, V>
  readonly #windows: TimeWindows
  readonly #repartition: { node: RepartitionPlan | undefined }

  constructor(
    grouped: GroupedStreamNode<K, V>,
    windows: TimeWindows,
    repartition: { node: RepartitionPlan | undefined },
  ) {
    this.#grouped = grouped
    this.#windows = windows
    this.#repartition = repartition
  }

  /** Records per key and window. Creates node KSTREAM-AGGREGATE-n and a window store with changelog. */
  count(options: WindowMaterialized<K, number> = {}): KTable<Windowed<K>, number> {
    burnForCount(this.#grouped.context, options)
    return this.#aggregate('KSTREAM-AGGREGATE-', (count) => (count ?? 0) + 1, {
      ...options,
      value: options.value ?? standard.long,
    })
  }

  /** The first value of a window is its aggregate; later ones go through the reducer. */
  reduce(reducer: (aggregate: V, value: V) => V, options: WindowMaterialized<K, V> = {}): KTable<Windowed<K>, V> {
    const { value } = this.#grouped.serdes
    const aggregate: Aggregate<K, V, V> = (before, next) => (before === undefined ? next : reducer(before, next))
    return this.#aggregate('KSTREAM-REDUCE-', aggregate, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /** An aggregate of its own type per key and window. The aggregator may change and return the aggregate it is given. */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    options: WindowMaterialized<K, A>,
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
    options: WindowMaterialized<K, A>,
  ): KTable<Windowed<K>, A> {
    const { context, serdes } = this.#grouped
    const { sizeMs, advanceMs } = this.#windows
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const builder = Stores.windowStore<K, A>(store, {
      key,
      value,
      windowSize: sizeMs,
      retention: this.#retentionMs(store, options),
      ...storeOptions(options),
    })
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, options.caching)
    const plan = context.processor(
      name,
      [parent],
      () => new WindowAggregate(this.#windows, aggregator, aggregate.options(plan, advanceMs < sizeMs)),
      { stores: () => [builder as never], retains: true },
    )
    return new KTable<Windowed<K>, A>({
      context,
      node: plan,
      serdes: { key: timeWindowedSerde(key, sizeMs), value },
      sources,
      store: options.store,
      view: () => windowView<K, A>(store, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }

  #retentionMs(
    store: string,
    { retention }: WindowMaterialized<never, never> | { retention?: WindowMaterialized<never, never>['retention'] },
  ): number {
    const least = this.#windows.sizeMs + this.#windows.graceMs
    const retentionMs = retention === undefined ? least : durationMs(retention, `retention of ${store}`)
    if (retentionMs < least)
      throw new TopologyError(
        `store ${store} keeps windows for ${retentionMs} ms, but they can change for ${least} ms (size and grace)`,
      )
    return retentionMs
  }
}
