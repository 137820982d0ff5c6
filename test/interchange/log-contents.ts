import { setTimeout as sleep } from 'node:timers/promises'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import type { KafkaProvider, LogRecord } from '../../kafka/port.ts'

const READ_MS = 30_000
const PROGRESS_MS = 150_000
const TICK_MS = 250
const POLL_MS = 100
/** Markers of transactions that may stand behind the last record of a partition. */
const MOST_MARKERS = 4

export interface FoundRecord extends LogRecord {
  readonly partition: number
}

/** Committed records of topics, each partition's in order, from these offsets (default: all). */
export async function readCommitted(
  kafka: KafkaProvider,
  topics: readonly string[],
  from: ReadonlyMap<string, number> = new Map(),
): Promise<ReadonlyMap<string, readonly FoundRecord[]>> {
  const admin = kafka.admin()
  const partitions = await partitionsOf(kafka, topics)
  const begins = await admin.beginningOffsets(partitions)
  const ends = await admin.endOffsets(partitions, 'read_committed')
  const records = new Map(topics.map((topic) => [topic, [] as FoundRecord[]]))
  const startOf = (name: string): number => Math.max(from.get(name) ?? 0, begins.get(name) ?? 0)
  const left = new Set<string>()
  for (const { topic, partition } of partitions) {
    const name = partitionName(topic, partition)
    if (startOf(name) < (ends.get(name) ?? 0)) left.add(name)
  }
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  try {
    const wanted = partitions.filter((p) => left.has(partitionName(p.topic, p.partition)))
    await reader.assign(wanted.map((p) => ({ ...p, offset: startOf(partitionName(p.topic, p.partition)) })))
    const deadline = performance.now() + READ_MS
    while (left.size > 0) {
      if (performance.now() > deadline) throw new Error(`reading took more than ${READ_MS} ms: ${[...left].join(', ')}`)
      for (const batch of await reader.poll(POLL_MS)) {
        records.get(batch.topic)?.push(...batch.records.map((record) => ({ ...record, partition: batch.partition })))
        const name = partitionName(batch.topic, batch.partition)
        if (batch.nextOffset >= (ends.get(name) ?? 0)) left.delete(name)
      }
    }
    return records
  } finally {
    await reader.close()
  }
}

/** Waits until the group has committed everything that it reads: these topics, and the internal ones that it writes for itself. */
export async function untilAllIsCommitted(
  kafka: KafkaProvider,
  group: string,
  inputs: readonly string[],
): Promise<void> {
  const deadline = performance.now() + PROGRESS_MS
  let left: readonly string[] = []
  for (;;) {
    left = await uncommitted(kafka, group, inputs)
    if (left.length === 0) return
    if (performance.now() > deadline) throw new Error(`${group} did not get to the end: ${left.slice(0, 5).join(', ')}`)
    await sleep(TICK_MS)
  }
}

/** Offsets first, ends after: what was committed had been written by then. */
async function uncommitted(kafka: KafkaProvider, group: string, inputs: readonly string[]): Promise<readonly string[]> {
  const admin = kafka.admin()
  const internal = (await internalTopics(kafka, group)).filter((topic) => !/-(changelog|brook-topology)$/.test(topic))
  const topics = [...inputs, ...internal]
  const committed = await admin.committedOffsets(group, topics)
  const partitions = await partitionsOf(kafka, topics)
  const [ends, stable] = await Promise.all([
    admin.endOffsets(partitions),
    admin.endOffsets(partitions, 'read_committed'),
  ])
  const open = [...ends]
    .filter(([name, end]) => stable.get(name) !== end)
    .map(([name]) => `${name} has an open transaction`)
  if (open.length > 0) return open
  const from = new Map([...committed].map(([name, { offset }]) => [name, offset]))
  const gaps = partitions.map((p) => {
    const name = partitionName(p.topic, p.partition)
    return { ...p, gap: (ends.get(name) ?? 0) - (from.get(name) ?? 0) }
  })
  const behind = gaps.filter(({ gap }) => gap > 0)
  const far = behind.filter(({ gap }) => gap > MOST_MARKERS)
  if (far.length > 0) return far.map(({ topic, gap }) => `${gap} records of ${topic}`)
  // What is left may be markers of transactions.
  const rest = await readCommitted(kafka, [...new Set(behind.map(({ topic }) => topic))], from)
  return [...rest]
    .filter(([, records]) => records.length > 0)
    .map(([topic, { length }]) => `${length} records of ${topic}`)
}

export async function internalTopics(kafka: KafkaProvider, applicationId: string): Promise<readonly string[]> {
  return (await kafka.admin().listTopics()).filter((topic) => topic.startsWith(`${applicationId}-`)).sort()
}

export async function partitionsOf(
  kafka: KafkaProvider,
  topics: readonly string[],
): Promise<readonly TopicPartition[]> {
  const described = await kafka.admin().describeTopics(topics)
  return [...described.values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
}

/** A broker is slow with thousands of partitions: topics with this in their names go. */
export async function deleteTopics(kafka: KafkaProvider, part: string): Promise<void> {
  const admin = kafka.admin()
  await admin.deleteTopics((await admin.listTopics()).filter((topic) => topic.includes(part)))
}
