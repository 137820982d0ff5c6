import { partitionName, type TopicPartition } from '../common/record.ts'
import { askLeaders } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { KafkaProtocolError, KafkaUnavailableError, UnknownTopicError } from './errors.ts'
import { alterOffsets, deleteGroup, describeGroup } from './group-admin.ts'
import { fetchCommitted } from './offsets.ts'
import type {
  Admin,
  GroupDescription,
  IsolationLevel,
  OffsetAndMetadata,
  OffsetCommit,
  TopicDescription,
  TopicSpec,
} from './port.ts'
import type { Api } from './protocol/api.ts'
import { errorName, isRetriable, kafkaError } from './protocol/codes.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsetsRequest } from './protocol/fetch.ts'
import type { TopicMetadata } from './protocol/metadata.ts'
import {
  createTopicsRequest,
  deleteRecordsRequest,
  deleteTopicsRequest,
  describeTopicConfigsRequest,
  type TopicResult,
} from './protocol/topics.ts'
import { type Attempt, retrying } from './retry.ts'

const API_TIMEOUT_MS = 60_000
/** A topic that was just created may be unknown to a broker for a moment. */
const UNKNOWN_TOPIC_MS = 2_000
/** How long the controller may take over one request. */
const CONTROLLER_TIMEOUT_MS = 30_000

/** Administration of a cluster. */
export class KafkaAdmin implements Admin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    if (topics.length === 0) return
    await this.#askAny(createTopicsRequest(topics, CONTROLLER_TIMEOUT_MS), 'TOPIC_ALREADY_EXISTS', 'create')
    await this.#everywhere(
      topics.map((topic) => topic.name),
      (topic) => topic.errorCode === 0 && topic.partitions.length > 0 && topic.partitions.every((p) => p.leader >= 0),
    )
  }

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const described = new Map<string, TopicDescription>()
    if (names.length === 0) return described
    const { topics } = await this.#cluster.metadata(names)
    for (const { name, errorCode, partitions } of topics) {
      const code = errorName(errorCode)
      if (partitions.length > 0) described.set(name, { name, partitions: partitions.length })
      else if (code !== undefined && code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw kafkaError(code, `topic ${name}`)
    }
    return described
  }

  async listTopics(): Promise<readonly string[]> {
    const { topics } = await this.#cluster.metadata(null)
    return topics.filter((topic) => !topic.internal && topic.partitions.length > 0).map((topic) => topic.name)
  }

  /** @throws {UnknownTopicError} */
  async topicConfigs(name: string): Promise<Readonly<Record<string, string>>> {
    const { errorCode, errorMessage, configs } = await this.#cluster.requestAny(describeTopicConfigsRequest(name))
    const code = errorName(errorCode)
    if (code !== undefined)
      throw kafkaError(code, `configs of topic ${name}${errorMessage ? ` (${errorMessage})` : ''}`)
    return Object.fromEntries(configs)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    await this.#askAny(deleteTopicsRequest(names, CONTROLLER_TIMEOUT_MS), 'UNKNOWN_TOPIC_OR_PARTITION', 'delete')
    await this.#everywhere(names, (topic) => errorName(topic.errorCode) === 'UNKNOWN_TOPIC_OR_PARTITION')
  }

  async deleteRecords(before: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    if (before.length === 0) return
    await askLeaders(this.#cluster, before, (list) => deleteRecordsRequest(list, CONTROLLER_TIMEOUT_MS), {
      timeoutMs: API_TIMEOUT_MS,
    })
  }

  beginningOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#offsets(at(partitions, EARLIEST_TIMESTAMP), 'read_uncommitted')
  }

  endOffsets(
    partitions: readonly TopicPartition[],
    isolationLevel: IsolationLevel = 'read_uncommitted',
  ): Promise<ReadonlyMap<string, number>> {
    return this.#offsets(at(partitions, LATEST_TIMESTAMP), isolationLevel)
  }

  async offsetsForTime(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
  ): Promise<ReadonlyMap<string, number>> {
    const found = await this.#offsets(partitions, 'read_uncommitted')
    const later = partitions.filter((p) => (found.get(partitionName(p.topic, p.partition)) ?? -1) < 0)
    if (later.length === 0) return found
    return new Map([...found, ...(await this.endOffsets(later))])
  }

  async committedOffsets(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, OffsetAndMetadata>> {
    const described = await this.describeTopics(topics)
    const partitions = [...described.values()].flatMap(({ name, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
    )
    return fetchCommitted(this.#cluster, groupId, partitions, { stable: false, timeoutMs: API_TIMEOUT_MS })
  }

  describeGroup(groupId: string): Promise<GroupDescription> {
    return describeGroup(this.#cluster, groupId)
  }

  async alterOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void> {
    const topics = [...new Set(offsets.map(({ topic }) => topic))]
    const known = await this.describeTopics(topics)
    const missing = topics.filter((topic) => !known.has(topic))
    if (missing.length > 0) throw new UnknownTopicError(`there is no topic ${missing.join(', ')}`)
    await alterOffsets(this.#cluster, groupId, offsets)
  }

  deleteGroup(groupId: string): Promise<void> {
    return deleteGroup(this.#cluster, groupId)
  }

  async #offsets(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
    isolationLevel: IsolationLevel,
  ): Promise<ReadonlyMap<string, number>> {
    const offsets = new Map<string, number>()
    if (partitions.length === 0) return offsets
    const listed = await askLeaders(this.#cluster, partitions, (list) => listOffsetsRequest(list, isolationLevel), {
      timeoutMs: API_TIMEOUT_MS,
      unknownTopicMs: UNKNOWN_TOPIC_MS,
    })
    for (const { topic, partition, offset } of listed) offsets.set(partitionName(topic, partition), offset)
    return offsets
  }

  /** Any broker passes requests of this kind on to the controller. */
  #askAny(api: Api<readonly TopicResult[]>, fine: string, verb: string): Promise<void> {
    return retrying({ timeoutMs: API_TIMEOUT_MS }, async (): Promise<Attempt<void>> => {
      for (const { name, errorCode, errorMessage } of await this.#cluster.requestAny(api)) {
        const code = errorName(errorCode)
        if (code === undefined || code === fine) continue
        const message = `cannot ${verb} topic ${name}: ${code}${errorMessage ? ` (${errorMessage})` : ''}`
        const error = code === 'INVALID_TOPIC_EXCEPTION' ? new UnknownTopicError(message) : undefined
        const wrapped = error ?? new KafkaProtocolError(code, message)
        if (isRetriable(code)) return { retry: wrapped }
        throw code.endsWith('AUTHORIZATION_FAILED') ? kafkaError(code, message) : wrapped
      }
      return { value: undefined }
    })
  }

  /** Waits until every broker that can be reached tells of these topics what is expected. */
  async #everywhere(names: readonly string[], isDone: (topic: TopicMetadata) => boolean): Promise<void> {
    const waiting = new KafkaUnavailableError(`the cluster has not settled topics ${names.join(', ')} yet`)
    await retrying(
      { timeoutMs: API_TIMEOUT_MS, firstDelayMs: 10, mostDelayMs: 200 },
      async (): Promise<Attempt<void>> => {
        const first = await this.#cluster.metadata(names)
        if (!first.topics.every(isDone)) return { retry: waiting }
        if (this.#cluster.nodeIds.length === 1) return { value: undefined }
        const others = await Promise.all(
          this.#cluster.nodeIds.map(async (nodeId) => {
            try {
              return (await this.#cluster.metadata(names, await this.#cluster.node(nodeId))).topics.every(isDone)
            } catch (error) {
              if (error instanceof KafkaUnavailableError) return true
              throw error
            }
          }),
        )
        return others.every(Boolean) ? { value: undefined } : { retry: waiting }
      },
    )
  }
}

function at(partitions: readonly TopicPartition[], timestampMs: number): (TopicPartition & { timestampMs: number })[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition, timestampMs }))
}
