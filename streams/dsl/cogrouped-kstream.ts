import type { StoreBuilder } from '../../stores/store-builder.ts'
import { StreamAggregate } from '../processors/aggregates/stream-aggregate.ts'
import { type CogroupPlan, cogroupTable, type InputAggregator, started } from './cogroup.ts'
import type { DroppedOptions } from './dropped.ts'
import type { KGroupedStream } from './kgrouped-stream.ts'
import { KTable } from './ktable.ts'
import type { Materialized } from './options.ts'
import { tableStore, tableStoreView } from './plan/table-store.ts'
import type { CalendarWindows } from './windows/calendar-windows.ts'
import { SessionWindowedCogroupedKStream } from './windows/session-windowed-cogrouped-kstream.ts'
import { SessionWindows } from './windows/session-windows.ts'
import type { SlidingWindows } from './windows/sliding-windows.ts'
import { TimeWindowedCogroupedKStream } from './windows/time-windowed-cogrouped-kstream.ts'
import type { UnlimitedWindows } from './windows/unlimited-windows.ts'
import type { TimeWindows } from './windows/windows.ts'

/**
 * Grouped streams of one kind of key that are aggregated into one table: each with an aggregator of its own, all into the same aggregate
 * of a key. One store, and no joins of tables in between.
 * @see org.apache.kafka.streams.kstream.CogroupedKStream (KIP-150)
 */
export class CogroupedKStream<K, A> {
  readonly #plan: CogroupPlan<K, A>

  constructor(plan: CogroupPlan<K, A>) {
    this.#plan = plan
  }

  /** One more input, with its aggregator; the same grouped stream again gets another aggregator. Gives this very object back. @see CogroupedKStream#cogroup */
  cogroup<V>(grouped: KGroupedStream<K, V>, aggregator: (aggregate: A, value: V, key: K) => A): this {
    this.#plan.add(grouped.grouped as never, aggregator as InputAggregator<K, A>)
    return this
  }

  /**
   * The aggregate per key, of the records of all inputs in the order of their coming. Aggregators may change and return the aggregate that
   * they are given; a result of `null` deletes it. Drops null keys and null values; the result's time is the later of record and aggregate.
   * Creates a node COGROUPKSTREAM-AGGREGATE-n for each input, a repartition topic before those whose key was changed,
   * COGROUPKSTREAM-MERGE-n, and one store with changelog. The inputs must have the same number of partitions.
   * @see KStreamAggregate
   */
  aggregate(initializer: () => A, options: Materialized<K, A> & DroppedOptions<K, unknown>): KTable<K, A> {
    const table = cogroupTable<K, K, A>(
      this.#plan,
      {
        versioned: options.versioned !== undefined,
        builder: (store, serdes) => tableStore(store, serdes, options) as StoreBuilder,
        keySerde: (key) => key,
        processor: (aggregator, settings) =>
          new StreamAggregate<K, never, A>(started(initializer, aggregator), settings()),
        view: (store, copy) => tableStoreView(store, options, copy),
      },
      options,
    )
    return new KTable(table)
  }

  /** The aggregate per key and window. @see CogroupedKStream#windowedBy */
  windowedBy(
    windows: TimeWindows | SlidingWindows | UnlimitedWindows | CalendarWindows,
  ): TimeWindowedCogroupedKStream<K, A>
  /** The aggregate per key and session. @see CogroupedKStream#windowedBy */
  windowedBy(windows: SessionWindows): SessionWindowedCogroupedKStream<K, A>
  windowedBy(
    windows: TimeWindows | SlidingWindows | UnlimitedWindows | CalendarWindows | SessionWindows,
  ): TimeWindowedCogroupedKStream<K, A> | SessionWindowedCogroupedKStream<K, A> {
    return windows instanceof SessionWindows
      ? new SessionWindowedCogroupedKStream(this.#plan, windows)
      : new TimeWindowedCogroupedKStream(this.#plan, windows)
  }
}
