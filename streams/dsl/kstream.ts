import type { Awaitable } from '../../common/awaitable.ts'
import type { AsyncCall } from '../processors/async/async-call.ts'
import type { ProcessorSupplier } from '../processors/processor-supplier.ts'
import {
  StatelessFilter,
  StatelessFlatMap,
  StatelessFlatMapValues,
  StatelessMap,
  StatelessMapValues,
  StatelessPeek,
} from '../processors/stateless.ts'
import type { TopicNameExtractor } from '../topology-nodes.ts'
import { type AsyncOptions, filterAsync, foreachAsync, mapAsync, mapValuesAsync } from './async-operators.ts'
import { BranchedKStream } from './branch.ts'
import { type Deduplicated, deduplicateStream } from './deduplicate.ts'
import type { DroppedOptions } from './dropped.ts'
import { GlobalKTable } from './global-ktable.ts'
import { joinGlobalTable, joinStreams, type StreamJoinKind } from './joins/stream-joins.ts'
import { asOfTable, joinTable, joinTableAsOf } from './joins/stream-table-join.ts'
import { KGroupedStream } from './kgrouped-stream.ts'
import { KTable } from './ktable.ts'
import type {
  ExpiringMaterialized,
  Grouped,
  Joined,
  JoinedAsOf,
  Named,
  Printed,
  ProcessOptions,
  Produced,
  Repartitioned,
  StreamJoined,
  StreamJoinedAsOf,
} from './options.ts'
import type { StreamNode } from './plan/nodes.ts'
import type { Serdes } from './plan/plan.ts'
import {
  mergeStreams,
  printStream,
  repartitionStream,
  serdesOf,
  tableOfStream,
  writeStream,
} from './plan/stream-topics.ts'
import { processStream, processStreamValues } from './process.ts'
import type { JoinWindows } from './windows/windows.ts'

/**
 * A stream of records, each one a fact of its own. Lambdas get value first, then key. Values of topics that hold tombstones may
 * be null. Operators create a node each, named KSTREAM-<OPERATOR>-n unless `name` is given.
 * @see org.apache.kafka.streams.kstream.KStream
 */
export class KStream<K, V> {
  readonly stream: StreamNode<K, V>

  constructor(stream: StreamNode<K, V>) {
    this.stream = stream
  }

  /**
   * Records for which the predicate holds; the others are left out, uncounted. Time and headers stay, as with all operators that keep
   * no state. Creates node KSTREAM-FILTER-n. @see KStreamFilter
   */
  filter<W extends V>(predicate: (value: V, key: K) => value is W, options?: Named): KStream<K, W>
  filter(predicate: (value: V, key: K) => boolean, options?: Named): KStream<K, V>
  filter(predicate: (value: V, key: K) => boolean, options: Named = {}): KStream<K, V> {
    return this.#same('KSTREAM-FILTER-', options, () => new StatelessFilter(predicate, true))
  }

  /** Records for which the predicate does not hold. Creates node KSTREAM-FILTER-n. @see KStreamFilter */
  filterNot(predicate: (value: V, key: K) => boolean, options: Named = {}): KStream<K, V> {
    return this.#same('KSTREAM-FILTER-', options, () => new StatelessFilter(predicate, false))
  }

  /**
   * Another key and value for each record; the key counts as changed, so later operators that need it in its place repartition first.
   * Serdes are not known any more. Creates node KSTREAM-MAP-n. @see KStreamMap
   */
  map<K2, V2>(mapper: (value: V, key: K) => readonly [K2, V2], options: Named = {}): KStream<K2, V2> {
    return this.#next<K2, V2>(
      'KSTREAM-MAP-',
      options,
      () => new StatelessMap(mapper),
      { key: undefined, value: undefined },
      true,
    )
  }

  /**
   * Another value for each record, under the same key. The value's serde is not known any more. Creates node KSTREAM-MAPVALUES-n.
   * @see KStreamMapValues
   */
  mapValues<V2>(mapper: (value: V, key: K) => V2, options: Named = {}): KStream<K, V2> {
    return this.#next<K, V2>('KSTREAM-MAPVALUES-', options, () => new StatelessMapValues(mapper), {
      key: this.stream.serdes.key,
      value: undefined,
    })
  }

  /** Any number of records for each one; the key counts as changed. Creates node KSTREAM-FLATMAP-n. @see KStreamFlatMap */
  flatMap<K2, V2>(mapper: (value: V, key: K) => Iterable<readonly [K2, V2]>, options: Named = {}): KStream<K2, V2> {
    return this.#next<K2, V2>(
      'KSTREAM-FLATMAP-',
      options,
      () => new StatelessFlatMap(mapper),
      { key: undefined, value: undefined },
      true,
    )
  }

  /** Any number of values for each one, under the same key. Creates node KSTREAM-FLATMAPVALUES-n. @see KStreamFlatMapValues */
  flatMapValues<V2>(mapper: (value: V, key: K) => Iterable<V2>, options: Named = {}): KStream<K, V2> {
    return this.#next<K, V2>('KSTREAM-FLATMAPVALUES-', options, () => new StatelessFlatMapValues(mapper), {
      key: this.stream.serdes.key,
      value: undefined,
    })
  }

  /**
   * Another key for each record, the value and its serde stay; the key counts as changed. Creates node KSTREAM-KEY-SELECT-n.
   * @see KStreamImpl.selectKey
   */
  selectKey<K2>(selector: (value: V, key: K) => K2, options: Named = {}): KStream<K2, V> {
    const mapper = (value: V, key: K): readonly [K2, V] => [selector(value, key), value]
    return this.#next<K2, V>(
      'KSTREAM-KEY-SELECT-',
      options,
      () => new StatelessMap(mapper),
      { key: undefined, value: this.stream.serdes.value },
      true,
    )
  }

  /**
   * {@link mapValues} with a function that gives a promise. Calls overlap, up to `concurrency` in each task; results go on between two
   * records of the task, with their own record's time, headers and metadata, and a commit waits for them. See {@link AsyncOptions} for
   * order, timeout, retries and what happens after the last one. Creates node KSTREAM-MAPVALUESASYNC-n. Brook's own (asked for in KIP-408).
   */
  mapValuesAsync<V2>(
    mapper: (value: V, key: K, call: AsyncCall) => Awaitable<V2>,
    options: AsyncOptions<K, V, V2> = {},
  ): KStream<K, V2> {
    return new KStream(mapValuesAsync(this.stream, mapper, options))
  }

  /** {@link map} with a function that gives a promise; see {@link mapValuesAsync}. The key counts as changed. Creates node KSTREAM-MAPASYNC-n. */
  mapAsync<K2, V2>(
    mapper: (value: V, key: K, call: AsyncCall) => Awaitable<readonly [K2, V2]>,
    options: AsyncOptions<K, V, readonly [K2, V2]> = {},
  ): KStream<K2, V2> {
    return new KStream(mapAsync(this.stream, mapper, options))
  }

  /** {@link filter} with a predicate that gives a promise; see {@link mapValuesAsync}. Creates node KSTREAM-FILTERASYNC-n. */
  filterAsync(
    predicate: (value: V, key: K, call: AsyncCall) => Awaitable<boolean>,
    options: AsyncOptions<K, V, boolean> = {},
  ): KStream<K, V> {
    return new KStream(filterAsync(this.stream, predicate, options))
  }

  /**
   * {@link foreach} with an action that gives a promise; see {@link mapValuesAsync}. The default order is `key`: actions on one key follow
   * each other. An action may run again after a crash. Creates node KSTREAM-FOREACHASYNC-n.
   */
  foreachAsync(
    action: (value: V, key: K, call: AsyncCall) => Awaitable<void>,
    options: AsyncOptions<K, V, void> = {},
  ): void {
    foreachAsync(this.stream, action, options)
  }

  /** Calls the action with each record and passes it on. Creates node KSTREAM-PEEK-n. @see KStreamPeek */
  peek(action: (value: V, key: K) => void, options: Named = {}): KStream<K, V> {
    return this.#same('KSTREAM-PEEK-', options, () => new StatelessPeek(action, true), true)
  }

  /** Calls the action with each record; the stream ends here. Creates node KSTREAM-FOREACH-n. @see KStreamForeach */
  foreach(action: (value: V, key: K) => void, options: Named = {}): void {
    this.#same('KSTREAM-FOREACH-', options, () => new StatelessPeek(action, false), true)
  }

  /**
   * Prints each record as `[label]: key, value`, to the standard output or to a file; the stream ends here. Creates node
   * KSTREAM-PRINTER-n. @throws {TopologyError} for a file that cannot be written. @see KStreamPrint, Printed
   */
  print(options: Printed<K, V> = {}): void {
    printStream(this.stream, options)
  }

  /**
   * Sends each record to the first branch whose predicate holds; one that no branch takes goes no further, uncounted, unless there is a
   * default. Creates node KSTREAM-BRANCH-n, and one for each branch. @see KStreamBranch
   */
  split(options: Named = {}): BranchedKStream<K, V> {
    return new BranchedKStream(this.stream, options)
  }

  /**
   * Records of both streams; nothing is promised of their order. Serdes stay known where both streams have the same; the key counts as
   * changed where it does in one of them. Creates node KSTREAM-MERGE-n. @see KStreamImpl.merge
   */
  merge(other: KStream<K, V>, options: Named = {}): KStream<K, V> {
    return new KStream(mergeStreams(this.stream, other.stream, options))
  }

  /**
   * Every record through a topic of the application's own, even if the key was not changed. Null keys stay out, uncounted, unless a left or
   * outer join of the stream needs them. Creates `<applicationId>-<name>-repartition` (KSTREAM-REPARTITION-n without a name), by default with
   * the partitions of the largest topic upstream, and nodes KSTREAM-FILTER-n, KSTREAM-SINK-n and KSTREAM-SOURCE-n. @see KStream#repartition
   */
  repartition(options: Repartitioned<K, V> = {}): KStream<K, V> {
    return new KStream(repartitionStream(this.stream, options))
  }

  /**
   * Writes the stream to a topic, or to the one that a function names per record; the topics must exist. Windowed keys go to the
   * partition of their inner key. Drops and counts a record for which the partitioner gives no partition. Creates node KSTREAM-SINK-n.
   * @see KStream#to @throws {TopologyError} when a serde is not known.
   */
  to(topic: string | TopicNameExtractor<K, V>, options: Produced<K, V> = {}): void {
    writeStream(this.stream, topic, options)
  }

  /**
   * The stream as a table: each record the new value of its key's row, null deletes it; null keys are dropped. Creates node
   * KSTREAM-TOTABLE-n, a repartition topic if the key was changed, and a store when it has a name or an operator reads the rows.
   * @see KStream#toTable
   */
  toTable(options: ExpiringMaterialized<K, V> & DroppedOptions<K, V> = {}): KTable<K, V> {
    return new KTable<K, V>(tableOfStream(this.stream, options))
  }

  /**
   * A processor of your own; it may change keys. Its stores are named in the options, or brought by the supplier. Creates node
   * KSTREAM-PROCESSOR-n. @see KStream#process
   */
  process<K2 = K, V2 = V>(
    supplier: ProcessorSupplier<K, V, K2, V2>,
    options: ProcessOptions & DroppedOptions<K, V> = {},
  ): KStream<K2, V2> {
    return new KStream(processStream(this.stream, supplier, options))
  }

  /**
   * A processor of your own that leaves keys as they are: forwarding another one than it was given is a {@link KeyChangedError}.
   * Creates node KSTREAM-PROCESSVALUES-n. @see KStream#processValues, FixedKeyProcessor
   */
  processValues<V2 = V>(
    supplier: ProcessorSupplier<K, V, K, V2>,
    options: ProcessOptions & DroppedOptions<K, V> = {},
  ): KStream<K, V2> {
    return new KStream(processStreamValues(this.stream, supplier, options))
  }

  /**
   * Leaves out duplicates: a record passes unless one of the same key (and, with `by`, the same id) has passed whose time is no further than
   * `within` from its own, before or after. The first to be read passes, whatever their times. A record that is read again after a crash is
   * no duplicate of itself. One that is later than stream time by more than twice the interval passes and is not remembered. Records
   * without a key or id pass. Drops and counts duplicates. Creates node KSTREAM-DEDUPLICATE-n, a window store with changelog and, if the
   * key was changed, a repartition topic. @see KIP-655 (deduplicateByKey, deduplicateByKeyValue)
   */
  deduplicate<Id = never>(options: Deduplicated<K, V, Id>): KStream<K, V> {
    return new KStream(deduplicateStream(this.stream, options))
  }

  /**
   * First step of an aggregation under the key as it is. Creates nothing by itself; the aggregation writes a repartition topic first where
   * the key was changed. @see KStream#groupByKey
   */
  groupByKey(options: Grouped<K, V> = {}): KGroupedStream<K, V> {
    return new KGroupedStream({ ...this.stream, serdes: serdesOf(this.stream, options), name: options.name })
  }

  /**
   * First step of an aggregation under another key. Creates node KSTREAM-KEY-SELECT-n (or of the group's name) and, with the aggregation,
   * a repartition topic, which records with a null key stay out of. @see KStream#groupBy
   */
  groupBy<K2>(selector: (value: V, key: K) => K2, options: Grouped<K2, V> = {}): KGroupedStream<K2, V> {
    const keyed = this.selectKey(selector, options.name === undefined ? {} : { name: options.name }).stream
    const serdes = { key: options.key, value: options.value ?? this.stream.serdes.value }
    return new KGroupedStream({ ...keyed, serdes, name: options.name })
  }

  /**
   * With a table: joins each record with the table's current row of its key. Only records of the stream emit; their time and headers
   * stay. Drops records without a row, null keys and null values. Must be co-partitioned with the table. With a versioned table: the row
   * as of the record's time; with `grace` records wait in the store `<node>-Buffer` for rows that come late (KIP-923).
   * With a global table: the same under a key that the selector gives; no co-partitioning.
   * With a stream: pairs of records of one key within the window, in both orders of arrival; null keys and values are dropped. Result time:
   * the later of the two. Creates nodes KSTREAM-WINDOWED-n (one for each side), KSTREAM-JOINTHIS-n, KSTREAM-JOINOTHER-n and
   * KSTREAM-MERGE-n, and two window stores with changelogs, which keep a record for the window and its grace. With a table it creates
   * KSTREAM-JOIN-n, with a global table KSTREAM-LEFTJOIN-n, for inner joins too.
   * @see KStreamKTableJoin, KStreamGlobalKTableJoin, KStreamKStreamJoin
   */
  join<T, R>(table: KTable<K, T>, joiner: (value: V, row: T, key: K) => R, options?: Joined<K, V>): KStream<K, R>
  join<G, T, R>(
    table: GlobalKTable<G, T>,
    selectKey: (value: V, key: K) => G | null,
    joiner: (value: V, row: T, key: K) => R,
    options?: Named & DroppedOptions<K, V>,
  ): KStream<K, R>
  join<V2, R>(
    other: KStream<K, V2>,
    joiner: (value: V, otherValue: V2, key: K) => R,
    windows: JoinWindows,
    options?: StreamJoined<K, V, V2>,
  ): KStream<K, R>
  join(other: unknown, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('inner', other, second, third, fourth)
  }

  /**
   * As {@link join}, and records of this side without a partner, with `undefined` for it: at once where a table is joined, when their window
   * has closed where a stream is. A null key with a value has no partner (of a global table: where the selected key is null). Creates
   * node KSTREAM-LEFTJOIN-n with a table; with a stream those of {@link join}, KSTREAM-OUTEROTHER-n in place of KSTREAM-JOINOTHER-n, and
   * the store KSTREAM-OUTERSHARED-n-store for records that wait. @see KStreamKTableJoin, KStreamKStreamJoin, KIP-962
   */
  leftJoin<T, R>(
    table: KTable<K, T>,
    joiner: (value: V, row: T | undefined, key: K) => R,
    options?: Joined<K, V>,
  ): KStream<K, R>
  leftJoin<G, T, R>(
    table: GlobalKTable<G, T>,
    selectKey: (value: V, key: K) => G | null,
    joiner: (value: V, row: T | undefined, key: K) => R,
    options?: Named & DroppedOptions<K, V>,
  ): KStream<K, R>
  leftJoin<V2, R>(
    other: KStream<K, V2>,
    joiner: (value: V, otherValue: V2 | undefined, key: K) => R,
    windows: JoinWindows,
    options?: StreamJoined<K, V, V2>,
  ): KStream<K, R>
  leftJoin(other: unknown, second: unknown, third?: unknown, fourth?: unknown): unknown {
    return this.#join('left', other, second, third, fourth)
  }

  /**
   * As {@link join} of streams, and records of either side without a partner, when their window has closed, with their own time. Creates
   * nodes KSTREAM-OUTERTHIS-n and KSTREAM-OUTEROTHER-n in place of the inner ones, and the store KSTREAM-OUTERSHARED-n-store.
   * @see KStreamKStreamJoin
   */
  outerJoin<V2, R>(
    other: KStream<K, V2>,
    joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R,
    windows: JoinWindows,
    options: StreamJoined<K, V, V2> = {},
  ): KStream<K, R> {
    return new KStream(joinStreams('outer', this.stream, other.stream, joiner, windows, options))
  }

  /**
   * Each record with the newest row of its key that is not younger than the record: of a versioned table, or of a stream, which is kept
   * as one for that (a null value of it means that there is nothing from then on). Only records of this stream emit; their time and
   * headers stay. Drops records without such a row, or with `tolerance` without one that is young enough, null keys and null values.
   * With `grace` records wait for rows that come late. Creates node KSTREAM-JOIN-n, with grace the store `<node>-Buffer`, of a
   * stream KSTREAM-TOTABLE-n and its store.
   * @see docs/adr/0013-as-of-joins.md; KStreamKTableJoin over a versioned table does the work
   * @throws {TopologyError} for a table without a history.
   */
  joinAsOf<T, R>(
    table: KTable<K, T>,
    joiner: (value: V, row: T, key: K) => R,
    options?: JoinedAsOf<K, V>,
  ): KStream<K, R>
  joinAsOf<V2, R>(
    other: KStream<K, V2>,
    joiner: (value: V, otherValue: V2, key: K) => R,
    options: StreamJoinedAsOf<K, V, V2>,
  ): KStream<K, R>
  joinAsOf(other: unknown, joiner: unknown, options: unknown = {}): unknown {
    return this.#joinAsOf(false, other, joiner, options)
  }

  /**
   * As {@link joinAsOf}, and records without such a row, or with a null key, at once with `undefined` for it. Creates node
   * KSTREAM-LEFTJOIN-n. @see docs/adr/0013-as-of-joins.md
   */
  leftJoinAsOf<T, R>(
    table: KTable<K, T>,
    joiner: (value: V, row: T | undefined, key: K) => R,
    options?: JoinedAsOf<K, V>,
  ): KStream<K, R>
  leftJoinAsOf<V2, R>(
    other: KStream<K, V2>,
    joiner: (value: V, otherValue: V2 | undefined, key: K) => R,
    options: StreamJoinedAsOf<K, V, V2>,
  ): KStream<K, R>
  leftJoinAsOf(other: unknown, joiner: unknown, options: unknown = {}): unknown {
    return this.#joinAsOf(true, other, joiner, options)
  }

  #joinAsOf(left: boolean, other: unknown, joiner: unknown, options: unknown): unknown {
    const table =
      other instanceof KTable
        ? (other as KTable<K, unknown>)
        : (other as KStream<K, unknown>).toTable(asOfTable(options as StreamJoinedAsOf<K, V, unknown>))
    return new KStream(joinTableAsOf(left, this.stream, table.table, joiner as never, options as JoinedAsOf<K, V>))
  }

  #join(kind: StreamJoinKind, other: unknown, second: unknown, third: unknown, fourth: unknown): unknown {
    if (other instanceof KTable)
      return new KStream(
        joinTable(kind === 'left', this.stream, other.table, second as never, (third ?? {}) as Joined<K, V>),
      )
    if (other instanceof GlobalKTable)
      return new KStream(
        joinGlobalTable(kind === 'left', this.stream, other, second as never, third as never, (fourth ?? {}) as Named),
      )
    const stream = other as KStream<K, unknown>
    return new KStream(
      joinStreams(
        kind,
        this.stream,
        stream.stream,
        second as never,
        third as JoinWindows,
        (fourth ?? {}) as StreamJoined<K, V, unknown>,
      ),
    )
  }

  #same(prefix: string, options: Named, supplier: () => unknown, retains = false): KStream<K, V> {
    return this.#next<K, V>(prefix, options, supplier, this.stream.serdes, false, retains)
  }

  #next<K2, V2>(
    prefix: string,
    options: Named,
    supplier: () => unknown,
    serdes: Serdes<K2, V2>,
    changesKey = false,
    retains = false,
  ): KStream<K2, V2> {
    const { context, node, sources, repartitionRequired } = this.stream
    const plan = context.processor(context.names.orElse(options.name, prefix), [node], supplier, {
      retains,
      changes: changesKey ? 'key' : (serdes as unknown) === this.stream.serdes ? undefined : 'value',
    })
    return new KStream({ context, node: plan, serdes, sources, repartitionRequired: repartitionRequired || changesKey })
  }
}
