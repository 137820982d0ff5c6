import { InvalidArgumentError } from '../../common/errors.ts'
import { KafkaProtocolError, RecordTooLargeError, UnknownTopicError } from '../errors.ts'
import { partitionForKey } from '../murmur2.ts'
import type { Acknowledge, ProducerRecord } from '../port.ts'
import type { Catalogue, Topic } from './catalogue.ts'
import type { PartitionLog } from './partition-log.ts'

/** Distances between timestamps are stored doubled, and must stay exact. */
const MAX_TIMESTAMP_MS = 2 ** 51

/** One record on its way. */
export interface Send {
  readonly topic: string
  readonly partition: number | undefined
  readonly record: ProducerRecord
  readonly sizeBytes: number
  readonly acknowledge: Acknowledge | undefined
}

/** What goes to one partition, in order. */
export interface PartitionSends {
  readonly records: ProducerRecord[]
  readonly sends: Send[]
}

/** Gives each record its partition as Kafka's default partitioner does; records without a key all go to one, chosen anew each time. */
export function byPartition(
  catalogue: Catalogue,
  all: readonly Send[],
  refuse: (send: Send, error: Error) => void,
): Map<PartitionLog, PartitionSends> {
  const batches = new Map<PartitionLog, PartitionSends>()
  const sticky = Math.floor(Math.random() * 2 ** 30)
  let topic: Topic | undefined
  let log: PartitionLog | undefined
  let batch: PartitionSends | undefined
  for (const send of all) {
    if (topic?.name !== send.topic) topic = catalogue.find(send.topic)
    if (!topic) {
      refuse(send, new UnknownTopicError(`topic ${send.topic} does not exist in the embedded log`))
      continue
    }
    const refusal = refusalOf(topic, send)
    if (refusal) {
      refuse(send, refusal)
      continue
    }
    const { key } = send.record
    const count = topic.partitions.length
    const target = topic.partitions[send.partition ?? (key === null ? sticky % count : partitionForKey(key, count))]!
    if (target !== log || !batch) {
      log = target
      batch = batches.get(target)
      if (!batch) {
        batch = { records: [], sends: [] }
        batches.set(target, batch)
      }
    }
    batch.records.push(send.record)
    batch.sends.push(send)
  }
  return batches
}

function refusalOf(topic: Topic, { partition, record, sizeBytes }: Send): Error | undefined {
  if (partition !== undefined && !topic.partitions[partition]) {
    return new InvalidArgumentError(`topic ${topic.name} has no partition ${partition}`)
  }
  if (topic.config.compacts && record.key === null) {
    return new KafkaProtocolError('INVALID_RECORD', `topic ${topic.name} is compacted: a record needs a key`)
  }
  if (!Number.isInteger(record.timestampMs) || Math.abs(record.timestampMs) > MAX_TIMESTAMP_MS) {
    return new KafkaProtocolError(
      'INVALID_TIMESTAMP',
      `a record for topic ${topic.name} has the timestamp ${record.timestampMs}: a whole number of milliseconds is needed`,
    )
  }
  if (sizeBytes > topic.config.maxMessageBytes) {
    return new RecordTooLargeError(
      `a record of about ${sizeBytes} bytes for topic ${topic.name}, whose max.message.bytes is ${topic.config.maxMessageBytes}`,
    )
  }
  return undefined
}
