import { InvalidArgumentError } from '../../common/errors.ts'
import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  StoreType,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { UnknownStoreError } from '../errors.ts'
import {
  ClusterMetadata,
  hostInfo,
  type InstanceMetadata,
  type KeyMetadata,
  type KeyMetadataOptions,
  type KeyQueryMetadata,
  type LagInfo,
  type StreamsMetadata,
} from './cluster-metadata.ts'
import { followStore, type LiveStore, type StoreListener } from './live-store.ts'
import { localKeyValueStore, localSessionStore, localVersionedStore, localWindowStore } from './local-stores.ts'
import type { PositionBound } from './position.ts'
import type { QueryHost } from './query-host.ts'
import { runStateQuery, type StateQueryRequest, type StateQueryResult } from './state-query.ts'
import { type PartsQuery, StoreParts } from './store-parts.ts'
import { type WaitOptions, waitForBound } from './wait-for-bound.ts'

export interface StoreInfo {
  readonly name: string
  readonly type: StoreType
  readonly persistent: boolean
  readonly global: boolean
  readonly keySerde: string
  readonly valueSerde: string
  readonly windowSizeMs?: number
  readonly retentionMs?: number
  readonly historyRetentionMs?: number
  /** Parts that it has over all instances, one per task; 1 for a global store, 0 while that is not known. */
  readonly partitions: number
  /** Tasks of this instance that hold a part of it. */
  readonly tasks: readonly string[]
}

/** @see org.apache.kafka.streams.StoreQueryParameters */
export interface StoreQuery {
  /** Reads this partition alone; all partitions of this instance otherwise. */
  readonly partition?: number
  /**
   * Reads standbys too that are behind by no more than so many changelog records, where the active task is not here.
   * @see StoreQueryParameters#enableStaleStores
   */
  readonly maxLag?: number
}

/**
 * Reads the stores of this instance and tells who has the rest. Reads see what is processed, committed or not; with
 * `committedOnly` only the former. A scan ends with a `StoreNotAvailableError` (`migrated`) when its task moves away.
 * @see org.apache.kafka.streams.KafkaStreams#store, #query, #queryMetadataForKey, #metadataForAllStreamsClients
 */
export class InteractiveQueries {
  readonly #host: QueryHost
  readonly #parts: StoreParts
  readonly #cluster: ClusterMetadata

  constructor(host: QueryHost) {
    this.#host = host
    this.#parts = new StoreParts(host)
    this.#cluster = new ClusterMetadata(host, this.#parts)
  }

  /** All stores of the topology, whether this instance has a part of them or not. */
  stores(): readonly StoreInfo[] {
    const { topology } = this.#host.application
    return [
      ...[...topology.stores.values()].map((builder) => this.#info(builder, false)),
      ...[...topology.globalStores.values()].map(({ store }) => this.#info(store, true)),
    ]
  }

  /** @throws {UnknownStoreError} */
  store(name: string): StoreInfo {
    const info = this.stores().find((s) => s.name === name)
    if (info === undefined)
      throw new UnknownStoreError(
        name,
        this.stores().map((s) => s.name),
      )
    return info
  }

  /** The builder tells serdes, so that keys can be read from text. @throws {UnknownStoreError} */
  builder(name: string): StoreBuilder {
    return this.#parts.builder(name)
  }

  /** What the store's serdes are given as their topic. @throws {UnknownStoreError} */
  serdeTopic(name: string): string {
    this.#parts.builder(name)
    return this.#parts.serdeTopic(name)
  }

  /** Topics in whose offsets positions of the store are told. @throws {UnknownStoreError} */
  positionTopics(name: string): readonly string[] {
    this.#parts.builder(name)
    return this.#parts.inputTopics(name)
  }

  /** @throws {UnknownStoreError}; {StoreNotAvailableError} while it cannot be read here; {InvalidArgumentError} when it is not a key-value store. */
  keyValueStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlyKeyValueStore<K, V> {
    const parts = this.#readable(name, 'key-value', query)
    return localKeyValueStore<K, V>(parts)
  }

  /** As {@link keyValueStore}, for window stores. */
  windowStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlyWindowStore<K, V> {
    const parts = this.#readable(name, 'window', query)
    return localWindowStore<K, V>(parts)
  }

  /** As {@link keyValueStore}, for session stores. */
  sessionStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlySessionStore<K, V> {
    const parts = this.#readable(name, 'session', query)
    return localSessionStore<K, V>(parts)
  }

  /** As {@link keyValueStore}, for versioned stores: rows as of a time, and their history. @see VersionedKeyQuery, MultiVersionedKeyQuery */
  versionedStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlyVersionedKeyValueStore<K, V> {
    const parts = this.#readable(name, 'versioned', query)
    return localVersionedStore<K, V>(parts)
  }

  /**
   * Asks the parts of a store that are here, each answer with its position; failures are told per partition.
   * @throws {UnknownStoreError}; {StoreNotAvailableError} before the client is started and after it has ended; {InvalidArgumentError} for
   * a bound on a topic that the store's task does not read. @see org.apache.kafka.streams.KafkaStreams#query
   */
  query<R>(request: StateQueryRequest<R>): Promise<StateQueryResult<R>> {
    return runStateQuery(this.#parts, request)
  }

  /**
   * Resolves when what is here of these partitions is as far as the bound; held-back results are committed early for it. False when
   * the time is up, or the partition is not active here any more. @throws as {@link query}
   */
  waitFor(name: string, partitions: readonly number[], bound: PositionBound, options?: WaitOptions): Promise<boolean> {
    return waitForBound(this.#parts, name, partitions, bound, options)
  }

  /**
   * Follows what is committed to one partition of a store of this instance: its rows, then every change.
   * @throws {StoreNotAvailableError}; {UnknownStoreError}; {InvalidArgumentError}
   */
  follow(name: string, partition: number, listener: StoreListener): LiveStore {
    return followStore(this.#parts, name, partition, listener)
  }

  /**
   * Who has this key: by the partitioner of the topic that the store's task reads, where this topology writes it, else by Kafka's default
   * over the bytes that the store's serde writes. @throws {UnknownStoreError}; {InvalidArgumentError} when the partitioner does not name one partition.
   */
  metadataForKey(name: string, key: unknown, options?: KeyMetadataOptions): KeyMetadata {
    return this.#cluster.ofKey(name, key, options)
  }

  /** Who has this partition. @throws {UnknownStoreError} */
  metadataForPartition(name: string, partition: number): KeyMetadata {
    return this.#cluster.ofPartition(name, partition)
  }

  /** @see org.apache.kafka.streams.KafkaStreams#queryMetadataForKey */
  queryMetadataForKey(name: string, key: unknown, options?: KeyMetadataOptions): KeyQueryMetadata {
    const { endpoint, standbys, partition } = this.#cluster.ofKey(name, key, options)
    return {
      activeHost: hostInfo(endpoint),
      standbyHosts: standbys.map(hostInfo).filter((h) => h !== undefined),
      partition,
    }
  }

  /** All instances that told an endpoint, and this one. */
  instances(): readonly InstanceMetadata[] {
    return this.#cluster.instances()
  }

  /** @see org.apache.kafka.streams.KafkaStreams#metadataForAllStreamsClients */
  metadataForAllStreamsClients(): readonly StreamsMetadata[] {
    return this.#cluster.streamsMetadata()
  }

  /** Instances that have a part of the store, standbys included. @throws {UnknownStoreError} @see org.apache.kafka.streams.KafkaStreams#streamsMetadataForStore */
  streamsMetadataForStore(name: string): readonly StreamsMetadata[] {
    this.#parts.builder(name)
    const isGlobal = this.#parts.isGlobal(name)
    return this.#cluster
      .streamsMetadata()
      .filter((m) => isGlobal || m.stateStoreNames.includes(name) || m.standbyStateStoreNames.includes(name))
  }

  /**
   * Per store and partition of this instance, how far local state is behind its changelog. Asks Kafka for the ends.
   * @see org.apache.kafka.streams.KafkaStreams#allLocalStorePartitionLags
   */
  allLocalStorePartitionLags(): Promise<ReadonlyMap<string, ReadonlyMap<number, LagInfo>>> {
    return this.#cluster.localLags()
  }

  #info(builder: StoreBuilder, global: boolean): StoreInfo {
    return {
      name: builder.name,
      type: builder.type,
      persistent: builder.persistent,
      global,
      keySerde: builder.keySerde.name,
      valueSerde: builder.valueSerde.name,
      ...(builder.windowSizeMs === undefined ? {} : { windowSizeMs: builder.windowSizeMs }),
      ...(builder.retentionMs === undefined ? {} : { retentionMs: builder.retentionMs }),
      ...(builder.historyRetentionMs === undefined ? {} : { historyRetentionMs: builder.historyRetentionMs }),
      partitions: this.#parts.partitions(builder.name),
      tasks: global
        ? ['global']
        : this.#host
            .tasks()
            .filter((t) => t.stores?.get(builder.name))
            .map((t) => t.taskId),
    }
  }

  #readable(name: string, type: StoreType, { partition, maxLag }: StoreQuery) {
    const info = this.store(name)
    if (info.type !== type) throw new InvalidArgumentError(`store ${name} is a ${info.type} store, not a ${type} store`)
    const query: PartsQuery = { ...(partition === undefined ? {} : { partitions: [partition] }), maxLag }
    const parts = () => this.#parts.readable(name, query)
    parts()
    return parts
  }
}
