import { partitionName } from '../../common/record.ts'
import type { IsolationLevel, KafkaProvider, LogRecord } from '../../kafka/port.ts'

/** What readers of committed records find in a topic now, copied, by partition. */
export function readCommitted(kafka: KafkaProvider, topic: string): Promise<readonly (readonly LogRecord[])[]> {
  return readAll(kafka, topic, 'read_committed')
}

/** What readers find in a topic now, copied, by partition. */
export async function readAll(
  kafka: KafkaProvider,
  topic: string,
  isolationLevel: IsolationLevel,
): Promise<readonly (readonly LogRecord[])[]> {
  const count = (await kafka.admin().describeTopics([topic])).get(topic)?.partitions ?? 0
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition, offset: 0 }))
  const ends = await kafka.admin().endOffsets(partitions, isolationLevel)
  const found: LogRecord[][] = partitions.map(() => [])
  const open = new Set(partitions.filter((p) => (ends.get(partitionName(topic, p.partition)) ?? 0) > 0))
  const reader = kafka.createReader({ isolationLevel })
  try {
    await reader.assign(partitions)
    while (open.size > 0) {
      for (const { partition, records, nextOffset } of await reader.poll(100)) {
        for (const { key, value, timestampMs, offset, headers } of records)
          found[partition]?.push({
            key: key && Buffer.from(key),
            value: value && Buffer.from(value),
            timestampMs,
            offset,
            headers,
          })
        const end = ends.get(partitionName(topic, partition)) ?? 0
        for (const one of open) if (one.partition === partition && nextOffset >= end) open.delete(one)
      }
    }
  } finally {
    await reader.close()
  }
  return found
}

/** Resolves when the group has committed all there is in these topics. */
export async function untilConsumed(
  kafka: KafkaProvider,
  group: string,
  topics: readonly string[],
  withinMs: number,
): Promise<void> {
  const admin = kafka.admin()
  const described = await admin.describeTopics(topics)
  const partitions = [...described.values()].flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const deadline = performance.now() + withinMs
  for (;;) {
    const committed = await admin.committedOffsets(group, topics)
    const ends = await admin.endOffsets(partitions, 'read_committed')
    const behind = [...ends].filter(([name, end]) => end > 0 && (committed.get(name)?.offset ?? 0) < end)
    if (behind.length === 0) return
    if (performance.now() > deadline)
      throw new Error(
        `not consumed within ${withinMs} ms: ${behind.map(([name, end]) => `${name} at ${committed.get(name)?.offset ?? 0} of ${end}`).join(', ')}`,
      )
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Pseudo-random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
