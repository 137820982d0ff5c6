import { partitionName } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import type { KafkaProvider } from '../kafka/port.ts'
import type { CommandResult } from '../schemas/types.ts'
import { whenReady } from './pause.ts'

export interface ResultsTopic {
  /** `building.command-results`. */
  readonly topic: string
  readonly value: Serde<CommandResult>
}

const POLL_MS = 100

/**
 * What became of commands since `sinceMs`, in the order it was written (per partition), up to the present end of the topic. What
 * cannot be decoded is left out. @throws what Kafka throws; {SerdeNotReadyError} when `signal` aborts while a schema is waited for.
 */
export async function resultsSince(
  kafka: Pick<KafkaProvider, 'admin' | 'createReader'>,
  { topic, value }: ResultsTopic,
  sinceMs: number,
  signal: AbortSignal,
): Promise<readonly CommandResult[]> {
  const admin = kafka.admin()
  const count = (await admin.describeTopics([topic])).get(topic)?.partitions ?? 0
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
  const [begins, ends] = await Promise.all([
    admin.offsetsForTime(partitions.map((p) => ({ ...p, timestampMs: sinceMs }))),
    admin.endOffsets(partitions),
  ])
  const endOf = (partition: number): number => ends.get(partitionName(topic, partition)) ?? 0
  const positions = partitions
    .map((p) => ({ ...p, offset: begins.get(partitionName(topic, p.partition)) ?? endOf(p.partition) }))
    .filter((p) => p.offset < endOf(p.partition))
  const results: CommandResult[] = []
  if (positions.length === 0) return results
  const unread = new Set(positions.map((p) => p.partition))
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  try {
    await reader.assign(positions)
    while (unread.size > 0 && !signal.aborted) {
      for (const { partition, records, nextOffset } of await reader.poll(POLL_MS)) {
        for (const record of records) {
          const { value: bytes } = record
          if (bytes === null) continue
          const result = await whenReady(() => value.deserialize(bytes, topic), signal).catch((error: unknown) => {
            if (signal.aborted) throw error
          })
          if (result) results.push(result)
        }
        if (nextOffset >= endOf(partition)) unread.delete(partition)
      }
      // The last records before the end may be ones that are never handed out.
      for (const partition of unread) if (reader.lag({ topic, partition }) === 0) unread.delete(partition)
    }
    return results
  } finally {
    await reader.close()
  }
}
