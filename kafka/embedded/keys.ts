/**
 * The rows of the embedded log's database, by the first byte of their key. Numbers are big endian, so that byte order is
 * numerical order. A run of records stands under its *last* offset: the first row at or after an offset then holds it.
 */
const META = 1
const TOPIC = 2
const HEAD = 3
const RUN = 4
const OFFSET = 5
const PRODUCER = 6
const SPILL = 7

/** Kind, topic id and partition: what the keys of one partition share. */
export const PARTITION_PREFIX_BYTES = 9

const U32 = 2 ** 32

function partitionKey(kind: number, topicId: number, partition: number, extraBytes = 0): Buffer {
  const key = Buffer.allocUnsafeSlow(PARTITION_PREFIX_BYTES + extraBytes)
  key[0] = kind
  key.writeUInt32BE(topicId, 1)
  key.writeUInt32BE(partition, 5)
  return key
}

export function runKey(topicId: number, partition: number, lastOffset: number): Buffer {
  const key = partitionKey(RUN, topicId, partition, 8)
  key.writeUInt32BE(Math.floor(lastOffset / U32), 9)
  key.writeUInt32BE(lastOffset % U32, 13)
  return key
}

export const headKey = (topicId: number, partition: number): Buffer => partitionKey(HEAD, topicId, partition)

export function readHeadKey(key: Buffer): { topicId: number; partition: number } {
  return { topicId: key.readUInt32BE(1), partition: key.readUInt32BE(5) }
}

/** What deletes every row of a topic's partitions. */
export function topicRowRanges(topicId: number): [from: Buffer, to: Buffer][] {
  return [HEAD, RUN].map((kind) => [partitionKey(kind, topicId, 0), partitionKey(kind, topicId + 1, 0)])
}

const named = (kind: number, name: string): Buffer => Buffer.concat([Buffer.from([kind]), Buffer.from(name, 'utf8')])

export const metaKey = (name: string): Buffer => named(META, name)
export const topicKey = (name: string): Buffer => named(TOPIC, name)
export const producerKey = (transactionalId: string): Buffer => named(PRODUCER, transactionalId)

/** The `index`th part of an open transaction that was too large for the memory. */
export const spillKey = (transactionalId: string, index: number): Buffer =>
  named(SPILL, JSON.stringify([transactionalId, index]))

export function offsetKey(groupId: string, topic: string, partition: number): Buffer {
  return named(OFFSET, JSON.stringify([groupId, topic, partition]))
}

export function readOffsetKey(key: Buffer): [groupId: string, topic: string, partition: number] {
  return JSON.parse(readName(key)) as [string, string, number]
}

export const readName = (key: Buffer): string => key.toString('utf8', 1)

export type RowKind = 'meta' | 'topic' | 'head' | 'offset' | 'producer' | 'spill'
const KINDS: Readonly<Record<RowKind, number>> = {
  meta: META,
  topic: TOPIC,
  head: HEAD,
  offset: OFFSET,
  producer: PRODUCER,
  spill: SPILL,
}

export function rowsOf(kind: RowKind): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from([KINDS[kind]]), lt: Buffer.from([KINDS[kind] + 1]) }
}
