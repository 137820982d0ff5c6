import { asError } from '../common/errors.ts'
import type { TopicPartition } from '../common/record.ts'
import type { Cluster } from './cluster.ts'
import { KafkaUnavailableError, UnknownTopicError } from './errors.ts'
import type { Api, PartitionResult } from './protocol/api.ts'
import { errorName, isRetriable, isStaleCoordinator, isStaleMetadata, kafkaError } from './protocol/codes.ts'
import type { CoordinatorKind } from './protocol/metadata.ts'
import { type Attempt, retrying } from './retry.ts'

export interface AskOptions {
  readonly timeoutMs: number
  /** First delay between attempts (default 10 ms, as coordinators are busy for a few milliseconds only). */
  readonly firstDelayMs?: number
  readonly mostDelayMs?: number
  readonly signal?: AbortSignal
  /** How long a topic may be unknown before that is the answer (default: for the whole time). */
  readonly unknownTopicMs?: number
}

/**
 * Asks the coordinator of a group or a transactional id until the answer holds no error that passes by itself. Answers with
 * other errors are handed over for the caller to judge.
 * @throws {KafkaUnavailableError} when the time is up, also when the coordinator answered to the end that it cannot do it now.
 */
export async function askCoordinator<T>(
  cluster: Cluster,
  kind: CoordinatorKind,
  key: string,
  api: Api<T>,
  codesOf: (answer: T) => readonly number[],
  options: AskOptions,
): Promise<T> {
  const { timeoutMs, signal } = options
  const timing = {
    timeoutMs,
    firstDelayMs: options.firstDelayMs ?? 10,
    mostDelayMs: options.mostDelayMs ?? 500,
    ...(signal ? { signal } : {}),
  }
  return retrying(timing, async (): Promise<Attempt<T>> => {
    let answer: T
    try {
      const link = await cluster.coordinator(kind, key)
      answer = await link.request(api)
    } catch (error) {
      if (!(error instanceof KafkaUnavailableError)) throw error
      cluster.forgetCoordinator(kind, key)
      return { retry: error }
    }
    for (const code of codesOf(answer)) {
      const name = errorName(code)
      if (name === undefined || !isRetriable(name)) continue
      if (isStaleCoordinator(name)) cluster.forgetCoordinator(kind, key)
      return { retry: kafkaError(name, `${api.name} for ${kind} ${key}`) }
    }
    return { value: answer }
  })
}

/**
 * Asks the leaders of these partitions, each about its own, and again about those whose leader moved, until every partition has
 * an answer. @throws the first error that does not pass by itself; the last one when the time is up.
 */
export async function askLeaders<P extends TopicPartition, R extends PartitionResult>(
  cluster: Cluster,
  partitions: readonly P[],
  request: (partitions: readonly P[]) => Api<readonly R[]>,
  options: AskOptions,
): Promise<R[]> {
  const results: R[] = []
  let open = partitions
  const topics = [...new Set(partitions.map((p) => p.topic))]
  const unknownUntilMs = performance.now() + (options.unknownTopicMs ?? Number.POSITIVE_INFINITY)
  return retrying(options, async (): Promise<Attempt<R[]>> => {
    if (topics.some((topic) => cluster.partitionCount(topic) === undefined)) {
      const failure = await cluster.refresh(topics).then(() => undefined, asError)
      if (failure instanceof KafkaUnavailableError) return { retry: failure }
      if (failure) throw failure
    }
    const round = await Promise.all(
      [...byLeader(cluster, open)].map(([leader, list]) => askLeader(cluster, leader, list, request)),
    )
    open = round.flatMap((answer) => answer.failed)
    for (const answer of round) results.push(...answer.results)
    const retry = round.find((answer) => answer.error)?.error
    if (open.length === 0 || !retry) return { value: results }
    if (retry instanceof UnknownTopicError && performance.now() > unknownUntilMs) throw retry
    await cluster.refresh(topics).catch(() => {})
    return { retry }
  })
}

interface LeaderAnswer<P, R> {
  readonly results: readonly R[]
  readonly failed: readonly P[]
  readonly error?: Error
}

async function askLeader<P extends TopicPartition, R extends PartitionResult>(
  cluster: Cluster,
  leader: number,
  partitions: readonly P[],
  request: (partitions: readonly P[]) => Api<readonly R[]>,
): Promise<LeaderAnswer<P, R>> {
  const first = partitions[0]!
  if (leader < 0) {
    const name =
      cluster.partitionCount(first.topic) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'LEADER_NOT_AVAILABLE'
    return { results: [], failed: partitions, error: kafkaError(name, `${first.topic}-${first.partition}`) }
  }
  let answers: readonly R[]
  const api = request(partitions)
  try {
    const link = await cluster.node(leader)
    answers = await link.request(api)
  } catch (error) {
    if (!(error instanceof KafkaUnavailableError)) throw error
    return { results: [], failed: partitions, error }
  }
  const results: R[] = []
  const failed: P[] = []
  let problem: Error | undefined
  for (const answer of answers) {
    const name = errorName(answer.errorCode)
    if (name === undefined) {
      results.push(answer)
      continue
    }
    const error = kafkaError(name, `${api.name} of ${answer.topic}-${answer.partition}`)
    if (!isRetriable(name) && !isStaleMetadata(name)) throw error
    problem = error
    failed.push(...partitions.filter((p) => p.topic === answer.topic && p.partition === answer.partition))
  }
  return { results, failed, ...(problem ? { error: problem } : {}) }
}

/** Partitions by the node that leads them; -1 where that is not known. */
export function byLeader<P extends TopicPartition>(
  cluster: Pick<Cluster, 'leaderOf'>,
  partitions: readonly P[],
): Map<number, P[]> {
  const leaders = new Map<number, P[]>()
  for (const partition of partitions) {
    const leader = cluster.leaderOf(partition.topic, partition.partition)
    const list = leaders.get(leader)
    if (list) list.push(partition)
    else leaders.set(leader, [partition])
  }
  return leaders
}
