import type { Serde } from '../../../common/serde.ts'
import { serdes as standard } from '../../../common/serde.ts'
import { SessionAggregate, type SessionFunctions } from '../../processors/aggregates/session-aggregate.ts'
import { sessionView } from '../../processors/tables/table-view.ts'
import type { Windowed } from '../../record.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import { burnForCount, type GroupedStreamNode, repartitionBefore } from '../grouped-stream.ts'
import { KTable } from '../ktable.ts'
import type { WindowMaterialized } from '../options.ts'
import { requireSerde } from '../plan/context.ts'
import { aggregateSettings } from '../plan/materialize.ts'
import type { RepartitionPlan } from '../plan/plan.ts'
import { EmitStrategy } from './emit-strategy.ts'
import { sessionStoreBuilder } from './session-store-plan.ts'
import { sessionWindowedSerde } from './session-windowed-serde.ts'
import type { SessionWindows } from './session-windows.ts'

/**
 * A grouped stream cut into sessions. The key of a result is the key with the session's first and last time; when a record makes a session
 * longer, or one of several, the old ones are deleted with tombstones first. The time of results is the session's end. Null keys are
 * dropped (a null value reaches the aggregator), late records are dropped and counted.
 *
 * Without the record cache, results carry no headers; with it, those of the last record that changed the session, as in Kafka Streams.
 * @see org.apache.kafka.streams.kstream.SessionWindowedKStream, KStreamSessionWindowAggregate
 */
export class SessionWindowedKStream<K, V> {
  readonly #grouped: GroupedStreamNode<K, V>
  readonly #windows: SessionWindows
  readonly #repartition: { node: RepartitionPlan | undefined }
  readonly #emit: EmitStrategy

  constructor(
    grouped: GroupedStreamNode<K, V>,
    windows: SessionWindows,
    repartition: { node: RepartitionPlan | undefined },
    emit = EmitStrategy.onWindowUpdate(),
  ) {
    this.#grouped = grouped
    this.#windows = windows
    this.#repartition = repartition
    this.#emit = emit
  }

  /**
   * Says when aggregations of the stream that comes back emit: at every update (default), or each session once, when it has closed: its
   * end, gap and grace are over. Closed sessions come in the order of end, start, key bytes.
   * @see org.apache.kafka.streams.kstream.SessionWindowedKStream.emitStrategy (KIP-825)
   */
  emitStrategy(strategy: EmitStrategy): SessionWindowedKStream<K, V> {
    return new SessionWindowedKStream(this.#grouped, this.#windows, this.#repartition, strategy)
  }

  /** Records per key and session. Creates node KSTREAM-AGGREGATE-n and a session store with changelog. @see KStreamSessionWindowAggregate */
  count(options: WindowMaterialized<K, number> & DroppedOptions<K, V> = {}): KTable<Windowed<K>, number> {
    burnForCount(this.#grouped.context, options)
    const functions: SessionFunctions<K, V, number> = {
      initial: () => 0,
      aggregate: (count = 0) => count + 1,
      merge: (before = 0, session) => before + session,
    }
    return this.#aggregate('KSTREAM-AGGREGATE-', functions, { ...options, value: options.value ?? standard.long })
  }

  /**
   * The first value of a session is its aggregate; later ones, and the aggregates of merged sessions, go through the reducer. Creates node
   * KSTREAM-REDUCE-n and a session store with changelog. @see KStreamSessionWindowAggregate
   */
  reduce(
    reducer: (aggregate: V, value: V) => V,
    options: WindowMaterialized<K, V> & DroppedOptions<K, V> = {},
  ): KTable<Windowed<K>, V> {
    const { value } = this.#grouped.serdes
    const reduce = (before: V | undefined, next: V): V =>
      before === undefined || before === null ? next : reducer(before, next)
    const functions: SessionFunctions<K, V, V> = { initial: () => undefined, aggregate: reduce, merge: reduce }
    return this.#aggregate('KSTREAM-REDUCE-', functions, { ...options, ...(value && !options.value ? { value } : {}) })
  }

  /**
   * An aggregate of its own type per key and session. A record that touches sessions has their aggregates merged first, from the initial one
   * on, oldest first; then the record is aggregated. Aggregator and merger may change and return what they are given.
   * Creates node KSTREAM-AGGREGATE-n and a session store with changelog. @see KStreamSessionWindowAggregate
   */
  aggregate<A>(
    initializer: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A,
    merger: (aggregate: A, other: A, key: K) => A,
    options: WindowMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<Windowed<K>, A> {
    const functions: SessionFunctions<K, V, A> = {
      initial: initializer,
      aggregate: (before, value, key) => aggregator(before as A, value, key),
      merge: (before, session, key) => merger(before as A, session, key),
    }
    return this.#aggregate('KSTREAM-AGGREGATE-', functions, options)
  }

  #aggregate<A>(
    prefix: string,
    functions: SessionFunctions<K, V, A>,
    options: WindowMaterialized<K, A> & DroppedOptions<K, V>,
  ): KTable<Windowed<K>, A> {
    const { context, serdes } = this.#grouped
    const windows = this.#windows
    const store = options.store ?? context.names.store(prefix)
    const name = context.names.orElse(options.name, prefix)
    const { parent, sources } = repartitionBefore(this.#grouped, store, this.#repartition)
    const key = requireSerde(options.key ?? serdes.key, 'key', `table ${name} (store ${store})`)
    const value = requireSerde(options.value, 'value', `table ${name} (store ${store})`)
    const onClose = this.#emit.type === 'on-window-close' ? { idleTimeoutMs: this.#emit.idleTimeoutMs } : undefined
    const builder = sessionStoreBuilder<K, A>(store, windows, { key, value }, options, onClose !== undefined)
    const caching = onClose === undefined ? options.caching : false
    const aggregate = aggregateSettings(context, store, key as Serde<unknown>, value, caching)
    const plan = context.processor(
      name,
      [parent],
      () => new SessionAggregate(windows, functions, aggregate.options(plan), onClose),
      { stores: () => [builder as never], retains: true, graceMs: windows.gapMs + windows.graceMs },
    )
    handDropped({ context, serdes, sources, repartitionRequired: false }, [plan], options)
    return new KTable<Windowed<K>, A>({
      context,
      node: plan,
      serdes: { key: sessionWindowedSerde(key), value },
      sources,
      store: options.store,
      view: () => sessionView<K, A>(store, aggregate.copy),
      enableOldValues: aggregate.enableOldValues,
    })
  }
}
