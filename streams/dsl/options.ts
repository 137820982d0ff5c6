import type { Duration } from '../../common/duration.ts'
import type { Serde } from '../../common/serde.ts'
import type { TimeToLive } from '../../stores/key-value/due-rules.ts'
import type { DroppedRecord } from '../dropped-record.ts'
import type { OffsetReset, StreamPartitioner, TimestampExtractor } from '../topology-nodes.ts'
import type { DroppedOptions } from './dropped.ts'
import type { KStream } from './kstream.ts'

/** Names the node; without it the name is generated and shifts when operators come before it. */
export interface Named {
  readonly name?: string
}

export interface Consumed<K, V> extends Named {
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestampExtractor?: TimestampExtractor<K, V>
  /** Where to start a partition without a committed offset; overrides the client's. */
  readonly offsetReset?: OffsetReset
  /**
   * Is given a stream, as bytes, of the records that never enter the topology: unreadable ones that the handler passes over, and those with a
   * negative extracted time. It goes on in the same task, and into the same commit. Creates node `<source>-dropped`.
   */
  readonly droppedUnread?: (stream: KStream<Buffer | null, DroppedRecord<Buffer>>) => void
}

/** Serdes that are known already from upstream may be left out. */
export interface Produced<K, V> extends Named, DroppedOptions<K, V> {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  readonly partitioner?: StreamPartitioner<K, V>
}

export interface Grouped<K, V> {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  /** Names the repartition topic, `<applicationId>-<name>-repartition`, if one is needed. */
  readonly name?: string
}

/**
 * A branch: its name goes after that of the split. `withFunction` is given the branch, and what it returns (if anything) stands for it
 * in the result; `withConsumer` is given the branch, which is then not in the result. @see org.apache.kafka.streams.kstream.Branched
 */
export type Branched<K, V> = Named &
  (
    | {
        readonly withFunction?: (branch: KStream<K, V>) => KStream<K, V> | null | undefined
        readonly withConsumer?: undefined
      }
    | { readonly withConsumer?: (branch: KStream<K, V>) => void; readonly withFunction?: undefined }
  )

/** @see org.apache.kafka.streams.kstream.Printed */
export interface Printed<K, V> extends Named {
  /** Stands before each record (default: the name of the node before). */
  readonly label?: string
  /** A file that the records are added to, made if it is not there (default: the standard output). */
  readonly file?: string
  /** The line of a record, after the label (default: key and value). */
  readonly line?: (value: V, key: K) => string
}

export interface Repartitioned<K, V> extends Named {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  /** Partitions of the topic (default: as many as the largest topic upstream has). */
  readonly partitions?: number
  readonly partitioner?: StreamPartitioner<K, V>
}

/** How a table is kept. */
export interface Materialized<K, V> extends Named {
  /** Names the store, which makes it queryable and its changelog `<applicationId>-<store>-changelog`. */
  readonly store?: string
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  /** On disk (default) or in memory, restored from the changelog at every start. */
  readonly persistent?: boolean
  /** Keep a changelog (default). Without one the state is gone with the disk. */
  readonly logging?: boolean
  /** Forward only the last update per key at each commit (default, `statestore.cache.max.bytes`); false forwards every update at once. */
  readonly caching?: boolean
  /** Topic configs of the changelog beyond Brook's own. */
  readonly changelogConfigs?: Readonly<Record<string, string>>
  /** Keep the history of each row too: stream joins then find the row of their own time. Updates are forwarded at once. */
  readonly versioned?: Versioned
  /**
   * Keep only so many rows per task, in memory: when one more comes, the one that was read or changed longest ago leaves. It leaves the
   * store and its changelog, with the time of the record that took its place, and nothing else: no tombstone goes downstream, and what was
   * computed from the row stays; a row that comes back begins anew, without an old value. Updates are forwarded at once.
   * Not together with `versioned`, `ttl` or `persistent: true`. @see Stores#lruMap
   */
  readonly lru?: LeastRecentlyUsed
}

export interface LeastRecentlyUsed {
  /** A whole number of at least 1. */
  readonly maxEntries: number
}

/** A table of a stream's records, or of their aggregates. */
export interface ExpiringMaterialized<K, V> extends Materialized<K, V> {
  /**
   * Rows go so long after their last change (default: never): out of the store, its changelog and, with a tombstone that has the time at
   * which it was over, the tables computed from it. In stream time, before the record is processed that moves it there; or by the wall
   * clock (`{ after: '7d', time: 'wall-clock-time' }`), so that rows go while nothing comes. A table with it always has a store.
   */
  readonly ttl?: TimeToLive
}

/** @see Stores#persistentVersionedKeyValueStore (KIP-889, KIP-914) */
export interface Versioned {
  /** How long a row can be read after the next one, in stream time; updates that are older than that are refused. */
  readonly historyRetention: Duration
  /** How much time old rows of a key are stored together (default: by the retention). Changes no result. */
  readonly segmentInterval?: Duration
}

export interface WindowMaterialized<K, V> extends Omit<Materialized<K, V>, 'versioned' | 'lru'> {
  /** How long windows can be read (default: size and grace; not less). */
  readonly retention?: Duration
}

/** A table result that is stored only when `store` is given. */
export interface TableMaterialized<K, V> extends Materialized<K, V> {}

/** A foreign-key join: its name is that of its nodes, topics and subscription store; the rest is how its result is kept. */
export interface TableJoined<K, K2, R> extends TableMaterialized<K, R> {
  /** Partition of a left row, where its topic is not partitioned by Kafka's hash of the key; by default answers go where the row came from. */
  readonly partitioner?: StreamPartitioner<K, null>
  /** Partition of a right row, where its topic is not partitioned by Kafka's hash of the key. */
  readonly otherPartitioner?: StreamPartitioner<K2, null>
}

export interface Joined<K, V> extends Named, DroppedOptions<K, V> {
  readonly key?: Serde<K>
  /** Of the stream, where it has to be repartitioned or buffered. */
  readonly value?: Serde<V>
  /**
   * Hold the stream's records back, in a store of their own, until stream time is this far beyond them, and join them in the order of
   * their times: rows of the table that come late are then there. The table must be versioned with a history not shorter. @see KIP-923
   */
  readonly grace?: Duration
}

/** An as-of join with a versioned table. */
export interface JoinedAsOf<K, V> extends Joined<K, V> {
  /** How much older than the record a row may be, inclusive (default: any age); an older one is as good as none. */
  readonly tolerance?: Duration
}

/** An as-of join with a stream, which is kept as a versioned table for it. */
export interface StreamJoinedAsOf<K, V, V2> extends JoinedAsOf<K, V> {
  /** Of the other stream. */
  readonly otherValue?: Serde<V2>
  /** How long the other stream's records can be found after the next one of their key. */
  readonly versioned: Versioned
  /** Names the store of the other stream, and makes it queryable. */
  readonly store?: string
  readonly persistent?: boolean
  readonly logging?: boolean
}

export interface StreamJoined<K, V, V2> extends Named, DroppedOptions<K, V | V2> {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  /** Of the other stream, where it is not known from upstream. */
  readonly otherValue?: Serde<V2>
  /** Base name of the two window stores: `<store>-this-join` and `<store>-other-join`. */
  readonly store?: string
  readonly persistent?: boolean
  readonly logging?: boolean
}

export interface ProcessOptions extends Named {
  /** Stores that the processor asks for by name; added with `StreamsBuilder.addStateStore`. */
  readonly stores?: readonly string[]
}
