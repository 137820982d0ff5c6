import { InvalidArgumentError } from '../../common/errors.ts'
import { partitionForKey } from '../../common/murmur2.ts'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import { partitionOf } from '../runtime/client/application.ts'
import { GLOBAL_TASK_ID } from '../runtime/task/global-task.ts'
import type { StreamPartitioner } from '../topology-nodes.ts'
import type { QueryHost } from './query-host.ts'
import type { StoreParts } from './store-parts.ts'

/** Who holds a key: the task, and the endpoint of the instance that runs it (`undefined`: nobody has told one). */
export interface KeyMetadata {
  readonly store: string
  readonly taskId: string
  readonly partition: number
  readonly endpoint: string | undefined
  readonly local: boolean
  /** Endpoints of instances that keep a warm copy, this one included. */
  readonly standbys: readonly string[]
}

export interface InstanceMetadata {
  readonly endpoint: string | undefined
  readonly local: boolean
  readonly tasks: readonly string[]
  readonly stores: readonly string[]
  readonly standbyTasks: readonly string[]
}

/** @see org.apache.kafka.streams.state.HostInfo */
export interface HostInfo {
  readonly host: string
  readonly port: number
}

/** @see org.apache.kafka.streams.KeyQueryMetadata */
export interface KeyQueryMetadata {
  /** `undefined` while nobody is known to have it (Kafka Streams: `HostInfo.unavailable()`). */
  readonly activeHost: HostInfo | undefined
  readonly standbyHosts: readonly HostInfo[]
  readonly partition: number
}

/** One instance. @see org.apache.kafka.streams.StreamsMetadata */
export interface StreamsMetadata {
  readonly hostInfo: HostInfo | undefined
  readonly stateStoreNames: readonly string[]
  readonly topicPartitions: readonly TopicPartition[]
  readonly standbyStateStoreNames: readonly string[]
  readonly standbyTopicPartitions: readonly TopicPartition[]
}

/** How far local state of one partition of a store is behind its changelog, in offsets. @see org.apache.kafka.streams.LagInfo */
export interface LagInfo {
  readonly currentOffsetPosition: number
  readonly endOffsetPosition: number
  readonly offsetLag: number
}

export interface KeyMetadataOptions {
  /** How records came to their partitions, where neither Kafka's default nor a partitioner of this topology did it. Sees no value. */
  readonly partitioner?: StreamPartitioner
}

/** Who has what, as the group told it at the last rebalance. */
export class ClusterMetadata {
  readonly #host: QueryHost
  readonly #parts: StoreParts

  constructor(host: QueryHost, parts: StoreParts) {
    this.#host = host
    this.#parts = parts
  }

  /** @throws {UnknownStoreError}; {InvalidArgumentError} when the partitioner does not name one partition. */
  ofKey(store: string, key: unknown, options: KeyMetadataOptions = {}): KeyMetadata {
    if (this.#parts.isGlobal(store)) {
      const { endpoint } = this.#host
      return { store, taskId: GLOBAL_TASK_ID, partition: 0, endpoint, local: true, standbys: [] }
    }
    return this.ofPartition(store, this.#partitionOf(store, key, options.partitioner))
  }

  /** @throws {UnknownStoreError} */
  ofPartition(store: string, partition: number): KeyMetadata {
    this.#parts.builder(store)
    const { endpoint } = this.#host
    const taskId = this.#parts.taskId(store, partition)
    const local = this.#parts.isGlobal(store) || this.#host.tasks().some((t) => t.taskId === taskId)
    const owner = [...this.#host.tasksByEndpoint()].find(([, tasks]) => tasks.includes(taskId))?.[0]
    const standbys = [...(this.#host.standbysByEndpoint?.() ?? [])]
      .filter(([, tasks]) => tasks.includes(taskId))
      .map(([host]) => host)
    return {
      store,
      taskId,
      partition,
      // An endpoint of ours for a task that is not here is news of a rebalance that is not over.
      endpoint: local ? endpoint : owner === endpoint ? undefined : owner,
      local,
      standbys,
    }
  }

  /** All instances that told an endpoint, and this one. */
  instances(): readonly InstanceMetadata[] {
    const { endpoint } = this.#host
    const standbysByEndpoint = this.#host.standbysByEndpoint?.() ?? new Map<string, readonly string[]>()
    const mine = this.#instance(
      endpoint,
      true,
      this.#host.tasks().map((t) => t.taskId),
      (this.#host.standbys?.() ?? []).map((t) => t.taskId),
    )
    const tasksByEndpoint = this.#host.tasksByEndpoint()
    const others = [...new Set([...tasksByEndpoint.keys(), ...standbysByEndpoint.keys()])].filter((o) => o !== endpoint)
    return [
      mine,
      ...others.map((other) =>
        this.#instance(other, false, tasksByEndpoint.get(other) ?? [], standbysByEndpoint.get(other) ?? []),
      ),
    ]
  }

  streamsMetadata(): readonly StreamsMetadata[] {
    return this.instances().map(({ endpoint, local, tasks, stores, standbyTasks }) => ({
      hostInfo: hostInfo(endpoint),
      stateStoreNames: [...stores, ...(local ? this.#host.application.topology.globalStores.keys() : [])],
      topicPartitions: this.#inputs(tasks),
      standbyStateStoreNames: this.#stores(standbyTasks),
      standbyTopicPartitions: this.#changelogs(standbyTasks),
    }))
  }

  /** Of every store of this instance with a changelog, per partition. Running tasks are at the end by definition. */
  async localLags(): Promise<ReadonlyMap<string, ReadonlyMap<number, LagInfo>>> {
    const { application } = this.#host
    const parts = [
      ...this.#host.tasks().flatMap(({ stores, state }) => (stores ? [{ stores, isAtEnd: state === 'running' }] : [])),
      ...(this.#host.standbys?.() ?? []).map(({ stores }) => ({ stores, isAtEnd: false })),
    ].flatMap(({ stores, isAtEnd }) =>
      stores.changelogs().map(({ store, topic, offset }) => ({ store, topic, offset, isAtEnd, at: stores.partition })),
    )
    const ends = await this.#host.endOffsets(
      parts.map(({ store, at }) => ({ topic: application.changelogTopic(store), partition: at })),
    )
    const lags = new Map<string, Map<number, LagInfo>>()
    for (const { store, topic, offset, isAtEnd, at } of parts) {
      const endOffsetPosition = ends.get(partitionName(topic, at)) ?? offset
      const currentOffsetPosition = isAtEnd ? endOffsetPosition : Math.min(offset, endOffsetPosition)
      const ofStore = lags.get(store) ?? new Map<number, LagInfo>()
      const offsetLag = endOffsetPosition - currentOffsetPosition
      lags.set(store, ofStore.set(at, { currentOffsetPosition, endOffsetPosition, offsetLag }))
    }
    return lags
  }

  /** Kafka's default partitioner over the bytes that the store's serde writes, or the partitioner that records are written with. */
  #partitionOf(store: string, key: unknown, given: StreamPartitioner | undefined): number {
    const { application } = this.#host
    const { keySerde } = this.#parts.builder(store)
    const count = Math.max(1, this.#parts.partitions(store))
    const partitioner = given ?? this.#partitionerOf(store)
    const [topic = ''] = this.#parts.inputTopics(store)
    const chosen = partitioner?.(topic, key, null, count)
    if (chosen === undefined) return partitionForKey(keySerde.serialize(key, application.changelogTopic(store)), count)
    const [partition] = chosen
    if (partition === undefined || chosen.length > 1 || !(partition >= 0 && partition < count))
      throw new InvalidArgumentError(`the partitioner of store ${store} must name one partition of ${count} for a key`)
    return partition
  }

  /** Of a topic that this topology writes and the store's task reads. */
  #partitionerOf(store: string): StreamPartitioner | undefined {
    const { application } = this.#host
    const inputs = new Set(this.#parts.inputTopics(store))
    for (const node of application.topology.nodes.values())
      if (node.kind === 'sink' && typeof node.topic === 'string' && inputs.has(application.topicName(node.topic)))
        if (node.partitioner !== undefined) return node.partitioner
    return undefined
  }

  #instance(
    endpoint: string | undefined,
    local: boolean,
    tasks: readonly string[],
    standbyTasks: readonly string[],
  ): InstanceMetadata {
    return { endpoint, local, tasks, stores: this.#stores(tasks), standbyTasks }
  }

  #stores(tasks: readonly string[]): readonly string[] {
    return [...new Set(tasks.flatMap((t) => this.#host.application.subtopologyOf(t)?.stores ?? []))]
  }

  #inputs(tasks: readonly string[]): readonly TopicPartition[] {
    const all = this.#host.application.tasks(this.#host.partitionCounts())
    return tasks.flatMap((task) => all.get(task) ?? [])
  }

  #changelogs(tasks: readonly string[]): readonly TopicPartition[] {
    const { application } = this.#host
    return tasks.flatMap((task) =>
      (application.subtopologyOf(task)?.stores ?? []).map((store) => ({
        topic: application.changelogTopic(store),
        partition: partitionOf(task),
      })),
    )
  }
}

/** Of an endpoint: `host:port`, or a URL. `undefined` when it is neither. */
export function hostInfo(endpoint: string | undefined): HostInfo | undefined {
  if (endpoint === undefined) return undefined
  const text = /^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`
  if (!URL.canParse(text)) return undefined
  const { hostname, port, protocol } = new URL(text)
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
