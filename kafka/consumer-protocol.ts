import type { TopicPartition } from '../common/record.ts'
import type { MemberAssignment } from './port.ts'
import { byTopic, WireReader, WireWriter } from './protocol/wire.ts'

/*
 * What members of a `consumer` group put into JoinGroup and SyncGroup (Kafka's ConsumerProtocol). Version 0 is written, as the eager
 * protocol needs no more; later versions only add fields behind, so all can be read.
 */
const VERSION = 0

export interface Subscription {
  readonly topics: readonly string[]
  readonly userData: Buffer
}

export function encodeSubscription(subscription: Subscription): Buffer {
  const w = new WireWriter(64 + subscription.userData.length)
  w.int16(VERSION).array([...subscription.topics].sort(), (topic) => w.string(topic))
  return w.bytes(subscription.userData).toBuffer()
}

export function decodeSubscription(data: Buffer): Subscription {
  const r = new WireReader(data)
  r.int16()
  return { topics: r.array(() => r.string()), userData: r.bytes() }
}

export function encodeAssignment(assignment: MemberAssignment): Buffer {
  const w = new WireWriter()
  w.int16(VERSION).array(byTopic(assignment.partitions), ([topic, partitions]) => {
    w.string(topic).array(partitions, (p) => w.int32(p.partition))
  })
  return w.bytes(assignment.userData ?? null).toBuffer()
}

/** An empty buffer, as a member gets whom the leader left out, is an empty assignment. */
export function decodeAssignment(data: Buffer): MemberAssignment {
  if (data.length === 0) return { partitions: [] }
  const r = new WireReader(data)
  r.int16()
  const partitions: TopicPartition[] = []
  r.array(() => {
    const topic = r.string()
    r.array(() => partitions.push({ topic, partition: r.int32() }))
  })
  const userData = r.nullableBytes()
  return { partitions, ...(userData ? { userData } : {}) }
}
