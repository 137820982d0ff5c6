import { InvalidArgumentError } from '../../../common/errors.ts'
import { serdes as standard } from '../../../common/serde.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { Stores } from '../../../stores/stores.ts'
import { CountWindowAggregate } from '../../processors/aggregates/count-window-aggregate.ts'
import { type CountWindow, countStateSerde, countWindowSerde } from '../../processors/aggregates/count-window-serdes.ts'
import type { Aggregate } from '../../processors/aggregates/stream-aggregate.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import { type GroupedStreamNode, repartitionBefore } from '../grouped-stream.ts'
import type { KStream } from '../kstream.ts'
import type { ExpiringMaterialized } from '../options.ts'
import { copyThrough, requireSerde } from '../plan/context.ts'
import type { RepartitionPlan } from '../plan/plan.ts'
import { storeOptions } from '../plan/table-store.ts'
import type { CountWindows } from './count-windows.ts'
import { EmitStrategy } from './emit-strategy.ts'

/** How the windows of each key are kept: `ttl` lets go of keys that have no more records, with what their last window held. */
export type CountMaterialized<K, A> = Omit<ExpiringMaterialized<K, A>, 'versioned' | 'lru' | 'caching'>

/**
 * A grouped stream cut into windows of so many records. Results are a stream, one record per window and update, or per window that is full
 * (`emitStrategy`), with the time of the window's latest record. All aggregations drop null keys and null values, which do not count. Brook's own.
 * @see docs/adr/0018-count-windows.md
 */
export class CountWindowedKStream<K, V> {
  readonly #grouped: GroupedStreamNode<K, V>
  readonly #windows: CountWindows
  readonly #repartition: { node: RepartitionPlan | undefined }
  readonly #emit: EmitStrategy

  constructor(
    grouped: GroupedStreamNode<K, V>,
    windows: CountWindows,
    repartition: { node: RepartitionPlan | undefined },
    emit = EmitStrategy.onWindowUpdate(),
  ) {
    this.#grouped = grouped
    this.#windows = windows
    this.#repartition = repartition
    this.#emit = emit
  }

  /**
   * At every update (default), or once, when a window is full. @throws {InvalidArgumentError} for an idle timeout: time fills no window.
   */
  emitStrategy(emit: EmitStrategy): CountWindowedKStream<K, V> {
    if (emit.idleTimeoutMs !== undefined)
      throw new InvalidArgumentError(
        'windows of records are closed by records, not by time: leave out the idle timeout',
      )
    return new CountWindowedKStream(this.#grouped, this.#windows, this.#repartition, emit)
  }

  /**
   * The first value of a window is its aggregate; later ones go through the reducer, which may change and return it. Creates node
   * KSTREAM-REDUCE-n, a store of open windows with changelog and, if the key was changed, a repartition topic.
   * @see docs/adr/0018-count-windows.md @throws {TopologyError} when a serde is not known.
   */
  reduce(
    reducer: (aggregate: V, value: V) => V,
    options: CountMaterialized<K, V> & DroppedOptions<K, V> = {},
  ): KStream<K, CountWindow<V>> {
    const { value } = this.#grouped.serdes
    const aggregate: Aggregate<K, V, V> = (before, next) => (before === undefined ? next : reducer(before, next))
    return this.#aggregate('KSTREAM-REDUCE-', aggregate, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /**
   * An aggregate of its own type per window. The aggregator may change and return the aggregate it is given. Give its serde as `value`.
   * Creates node KSTREAM-AGGREGATE-n and what {@link reduce} creates beside its own.
   * @see docs/adr/0018-count-windows.md @throws {TopologyError} when a serde is not known.
   */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    options: CountMaterialized<K, A> & DroppedOptions<K, V>,
  ): KStream<K, CountWindow<A>> {
    return this.#aggregate(
      'KSTREAM-AGGREGATE-',
      (before, value, key) => aggregator(before === undefined ? initializer() : before, value, key),
      options,
    )
  }

  /**
   * Records per window, as a number in a 64-bit integer: what `CountWindow.count` says too. Creates node KSTREAM-AGGREGATE-n and what
   * {@link reduce} creates beside its own. @see docs/adr/0018-count-windows.md
   */
  count(options: CountMaterialized<K, number> & DroppedOptions<K, V> = {}): KStream<K, CountWindow<number>> {
    return this.#aggregate('KSTREAM-AGGREGATE-', (count) => (count ?? 0) + 1, {
      ...options,
      value: options.value ?? standard.long,
    })
  }

  #aggregate<A>(
    prefix: string,
    aggregate: Aggregate<K, V, A>,
    options: CountMaterialized<K, A> & DroppedOptions<K, V>,
  ): KStream<K, CountWindow<A>> {
    const { context, serdes } = this.#grouped
    const { size, advance } = this.#windows
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `windows ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `windows ${name} (store ${store})`)
    const builder = Stores.keyValueStore(store, {
      key,
      value: countStateSerde(value),
      ttl: options.ttl,
      ...storeOptions(options),
    })
    const copy = copyThrough(value)
    const node = context.processor(
      name,
      [parent],
      () =>
        new CountWindowAggregate<K, V, A>(aggregate, {
          store,
          size,
          advance,
          onFull: this.#emit.type === 'on-window-close',
          copyInput: advance < size || context.isShared(node) ? copy : undefined,
          copyOutput: context.isRetained(node) ? copy : undefined,
        }),
      { stores: () => [builder as unknown as StoreBuilder], retains: true },
    )
    handDropped({ context, serdes, sources, repartitionRequired: false }, [node], options)
    return context.make.stream<K, CountWindow<A>>({
      context,
      node,
      serdes: { key, value: countWindowSerde(value) },
      sources,
      repartitionRequired: false,
    })
  }
}
