import { InvalidArgumentError } from '../../common/errors.ts'
import { partitionForKey } from '../../common/murmur2.ts'
import type { ReadOnlyKeyValueStore, ReadOnlyWindowStore, StateStore, StoreType } from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { StoreNotAvailableError, UnknownStoreError } from '../errors.ts'
import type { Application } from '../runtime/application.ts'
import type { TasksByEndpoint } from '../runtime/assignor.ts'
import type { ClientState } from '../runtime/client-state.ts'
import type { ManagedTask } from '../runtime/managed-task.ts'
import type { Subtopology } from '../subtopologies.ts'
import { localKeyValueStore, localWindowStore } from './local-stores.ts'

export interface StoreInfo {
  readonly name: string
  readonly type: StoreType
  readonly persistent: boolean
  readonly global: boolean
  readonly keySerde: string
  readonly valueSerde: string
  readonly windowSizeMs?: number
  readonly retentionMs?: number
  /** Parts that it has over all instances, one per task; 1 for a global store, 0 while that is not known. */
  readonly partitions: number
  /** Tasks of this instance that hold a part of it. */
  readonly tasks: readonly string[]
}

/** @see org.apache.kafka.streams.StoreQueryParameters */
export interface StoreQuery {
  /** Reads this partition alone; all partitions of this instance otherwise. */
  readonly partition?: number
}

/** Who holds a key: the task, and the endpoint of the instance that runs it (`undefined`: nobody has told one). */
export interface KeyMetadata {
  readonly store: string
  readonly taskId: string
  readonly partition: number
  readonly endpoint: string | undefined
  readonly local: boolean
}

export interface InstanceMetadata {
  readonly endpoint: string | undefined
  readonly local: boolean
  readonly tasks: readonly string[]
  readonly stores: readonly string[]
}

/** What the queries need to see of the client. */
export interface QueryHost {
  readonly application: Application
  readonly endpoint: string | undefined
  state(): ClientState
  tasks(): readonly ManagedTask[]
  globalStore(name: string): StateStore | undefined
  tasksByEndpoint(): TasksByEndpoint
  partitionCounts(): ReadonlyMap<string, number>
}

/**
 * Reads the stores of this instance and tells who has the rest. Reads see what is processed, committed or not; with
 * `committedOnly` only the former.
 * @see org.apache.kafka.streams.KafkaStreams#store, #queryMetadataForKey, #metadataForAllStreamsClients
 */
export class InteractiveQueries {
  readonly #host: QueryHost

  constructor(host: QueryHost) {
    this.#host = host
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
    this.store(name)
    const { topology } = this.#host.application
    return topology.stores.get(name) ?? (topology.globalStores.get(name)?.store as StoreBuilder)
  }

  /** @throws {UnknownStoreError}; {StoreNotAvailableError} while it cannot be read here; {InvalidArgumentError} when it is not a key-value store. */
  keyValueStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlyKeyValueStore<K, V> {
    this.#require(name, 'key-value', query)
    return localKeyValueStore<K, V>(() => this.#parts(name, query))
  }

  /** As {@link keyValueStore}, for window stores. */
  windowStore<K = unknown, V = unknown>(name: string, query: StoreQuery = {}): ReadOnlyWindowStore<K, V> {
    this.#require(name, 'window', query)
    return localWindowStore<K, V>(() => this.#parts(name, query))
  }

  /** Who has this key, by Kafka's default partitioner over the bytes that the store's serde writes. */
  metadataForKey(name: string, key: unknown): KeyMetadata {
    const { application, endpoint } = this.#host
    const info = this.store(name)
    if (info.global) return { store: name, taskId: 'global', partition: 0, endpoint, local: true }
    const bytes = this.builder(name).keySerde.serialize(key, application.changelogTopic(name))
    const partition = partitionForKey(bytes, Math.max(1, this.#partitions(name)))
    const taskId = `${this.#subtopology(name)?.id}_${partition}`
    const local = this.#host.tasks().some((t) => t.taskId === taskId)
    const owner = [...this.#host.tasksByEndpoint()].find(([, tasks]) => tasks.includes(taskId))?.[0]
    return { store: name, taskId, partition, endpoint: local ? endpoint : owner, local }
  }

  /** All instances that told an endpoint, and this one. */
  instances(): readonly InstanceMetadata[] {
    const { endpoint } = this.#host
    const mine = this.#instance(
      endpoint,
      true,
      this.#host.tasks().map((t) => t.taskId),
    )
    const others = [...this.#host.tasksByEndpoint()].filter(([other]) => other !== endpoint)
    return [mine, ...others.map(([other, tasks]) => this.#instance(other, false, tasks))]
  }

  #instance(endpoint: string | undefined, local: boolean, tasks: readonly string[]): InstanceMetadata {
    const { application } = this.#host
    return {
      endpoint,
      local,
      tasks,
      stores: [...new Set(tasks.flatMap((t) => application.subtopologyOf(t)?.stores ?? []))],
    }
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
      partitions: global ? 1 : this.#partitions(builder.name),
      tasks: global
        ? ['global']
        : this.#host
            .tasks()
            .filter((t) => t.stores?.get(builder.name))
            .map((t) => t.taskId),
    }
  }

  #subtopology(store: string): Subtopology | undefined {
    return this.#host.application.subtopologies.find((s) => s.stores.includes(store))
  }

  /** One task per partition of the widest input. */
  #partitions(store: string): number {
    const subtopology = this.#subtopology(store)
    if (subtopology === undefined) return 0
    const counts = this.#host.partitionCounts()
    const inputs = this.#host.application.inputs(subtopology).keys()
    return Math.max(0, ...[...inputs].map((topic) => counts.get(topic) ?? 0))
  }

  #require(name: string, type: StoreType, query: StoreQuery): void {
    const info = this.store(name)
    if (info.type !== type) throw new InvalidArgumentError(`store ${name} is a ${info.type} store, not a ${type} store`)
    this.#parts(name, query)
  }

  #parts(name: string, { partition }: StoreQuery): readonly StateStore[] {
    const global = this.#host.globalStore(name)
    if (global !== undefined) return [global]
    const state = this.#host.state()
    if (state === 'CREATED') throw new StoreNotAvailableError(name, 'not-started')
    if (state === 'NOT_RUNNING' || state === 'ERROR') throw new StoreNotAvailableError(name, 'closed')
    const id = this.#subtopology(name)?.id
    const tasks = this.#host
      .tasks()
      .filter((t) => (partition === undefined ? t.taskId.startsWith(`${id}_`) : t.taskId === `${id}_${partition}`))
    const running = tasks.filter((t) => t.state === 'running')
    if (running.length < tasks.length) throw new StoreNotAvailableError(name, 'restoring')
    if (running.length === 0)
      throw new StoreNotAvailableError(name, state === 'REBALANCING' ? 'rebalancing' : 'not-local')
    return running.map((t) => t.stores?.get(name)).filter((s) => s !== undefined)
  }
}
