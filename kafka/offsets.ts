import { partitionName, type TopicPartition } from '../common/record.ts'
import { askCoordinator } from './ask.ts'
import type { Cluster } from './cluster.ts'
import type { OffsetAndMetadata } from './port.ts'
import { errorName, kafkaError } from './protocol/codes.ts'
import { offsetFetchRequest } from './protocol/group.ts'

export interface CommittedOptions {
  /** Waits for pending transactions that are about to change these offsets. */
  readonly stable: boolean
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** What a group has committed, by partition name; `null` asks for everything. Partitions without a commit are left out. */
export async function fetchCommitted(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[] | null,
  options: CommittedOptions,
): Promise<Map<string, OffsetAndMetadata>> {
  const committed = new Map<string, OffsetAndMetadata>()
  if (partitions?.length === 0) return committed
  const { errorCode, offsets } = await askCoordinator(
    cluster,
    'group',
    groupId,
    offsetFetchRequest(groupId, partitions, options.stable),
    (answer) => [answer.errorCode, ...answer.offsets.map((o) => o.errorCode)],
    { timeoutMs: options.timeoutMs, mostDelayMs: 100, ...(options.signal ? { signal: options.signal } : {}) },
  )
  const code = errorName(errorCode)
  if (code !== undefined) throw kafkaError(code, `the offsets of group ${groupId}`)
  for (const { topic, partition, offset, metadata, errorCode: partitionError } of offsets) {
    const name = partitionName(topic, partition)
    const problem = errorName(partitionError)
    if (problem !== undefined && problem !== 'UNKNOWN_TOPIC_OR_PARTITION')
      throw kafkaError(problem, `offset of ${name}`)
    if (offset >= 0) committed.set(name, metadata ? { offset, metadata } : { offset })
  }
  return committed
}
