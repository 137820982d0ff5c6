import type { Duration } from '../../common/duration.ts'
import type { Serde } from '../../common/serde.ts'
import type { OffsetReset, StreamPartitioner, TimestampExtractor } from '../topology-nodes.ts'

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
}

/** Serdes that are known already from upstream may be left out. */
export interface Produced<K, V> extends Named {
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
}

export interface WindowMaterialized<K, V> extends Materialized<K, V> {
  /** How long windows can be read (default: size and grace; not less). */
  readonly retention?: Duration
}

/** A table result that is stored only when `store` is given. */
export interface TableMaterialized<K, V> extends Materialized<K, V> {}

export interface Joined<K, V> extends Named {
  readonly key?: Serde<K>
  /** Of the stream, where it has to be repartitioned. */
  readonly value?: Serde<V>
}

export interface StreamJoined<K, V, V2> extends Named {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
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
