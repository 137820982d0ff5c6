const MAGIC = 2
const HEAD_BYTES = 9
/** Brokers' default of `offset.metadata.max.bytes`. */
const MAX_METADATA_BYTES = 4_096
const TIME_PREFIX = '~'

/** Names of processors (or of their stores) with a number that each keeps beside the committed offsets. */
export type ProcessorMetadata = ReadonlyMap<string, number>

/** What is committed beside an offset. */
export interface PartitionMetadata {
  /** The highest time on the partition, so that timestamp extractors go on where they were; -1 before the first record. */
  readonly partitionTimeMs: number
  /** The same on all inputs of a task, so that it is found again whichever of them has commits. */
  readonly processors: ProcessorMetadata
}

/**
 * Base64 of magic 2, int64 partition time and, when there are any, the processors' numbers: int32 count, then of each int32 length
 * and UTF-8 of the name and int64. Byte-compatible with Kafka Streams. What a broker would refuse as too long goes without the operators'
 * times (names that begin with `~`): they begin anew after a restart.
 * @see org.apache.kafka.streams.processor.internals.TopicPartitionMetadata, ProcessorMetadata
 */
export function encodePartitionMetadata(partitionTimeMs: number, processors: ProcessorMetadata): string {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt8(MAGIC, 0)
  head.writeBigInt64BE(BigInt(partitionTimeMs), 1)
  if (processors.size === 0) return head.toString('base64')
  const text = withProcessors(head, processors)
  if (text.length <= MAX_METADATA_BYTES) return text
  return withProcessors(head, new Map([...processors].filter(([name]) => !name.startsWith(TIME_PREFIX))))
}

function withProcessors(head: Buffer, processors: ProcessorMetadata): string {
  const count = Buffer.alloc(4)
  count.writeInt32BE(processors.size, 0)
  return Buffer.concat([head, count, ...inJavaOrder(processors).map(entry)]).toString('base64')
}

/** Time -1 and no processors when nothing (or nothing readable) was committed. */
export function decodePartitionMetadata(metadata: string | undefined): PartitionMetadata {
  const unknown: PartitionMetadata = { partitionTimeMs: -1, processors: new Map() }
  if (!metadata) return unknown
  const data = Buffer.from(metadata, 'base64')
  if (data.length < HEAD_BYTES || (data[0] !== 1 && data[0] !== MAGIC)) return unknown
  const partitionTimeMs = Number(data.readBigInt64BE(1))
  const processors = data[0] === MAGIC ? readProcessors(data) : undefined
  return { partitionTimeMs, processors: processors ?? new Map() }
}

/** Takes over the higher number of each name. */
export function mergeProcessorMetadata(into: Map<string, number>, other: ProcessorMetadata): void {
  for (const [name, value] of other) {
    const known = into.get(name)
    if (known === undefined || known < value) into.set(name, value)
  }
}

function entry([name, value]: readonly [string, number]): Buffer {
  const nameBytes = Buffer.from(name, 'utf8')
  const data = Buffer.alloc(12 + nameBytes.length)
  data.writeInt32BE(nameBytes.length, 0)
  nameBytes.copy(data, 4)
  data.writeBigInt64BE(BigInt(value), 4 + nameBytes.length)
  return data
}

function readProcessors(data: Buffer): Map<string, number> | undefined {
  const processors = new Map<string, number>()
  if (data.length === HEAD_BYTES) return processors
  try {
    let at = HEAD_BYTES + 4
    for (let left = data.readInt32BE(HEAD_BYTES); left > 0; left--) {
      const length = data.readInt32BE(at)
      if (length < 0) return undefined
      const value = Number(data.readBigInt64BE(at + 4 + length))
      processors.set(data.toString('utf8', at + 4, at + 4 + length), value)
      at += 12 + length
    }
    return processors
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** A Java map of strings is walked by the slots of its hash table. */
function inJavaOrder(processors: ProcessorMetadata): (readonly [string, number])[] {
  let slots = 16
  while (processors.size > slots * 0.75) slots *= 2
  const slotOf = (name: string): number => {
    let hash = 0
    for (let i = 0; i < name.length; i++) hash = (Math.imul(31, hash) + name.charCodeAt(i)) | 0
    return (hash ^ (hash >>> 16)) & (slots - 1)
  }
  return [...processors].sort((a, b) => slotOf(a[0]) - slotOf(b[0]))
}
