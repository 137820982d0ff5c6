const MAGIC = 2

/**
 * What is committed beside an offset: the partition time, so that timestamp extractors go on where they were after a restart.
 * Byte-compatible with Kafka Streams: base64 of magic 2, int64 time and the processors' metadata (none here).
 * @see org.apache.kafka.streams.processor.internals.TopicPartitionMetadata
 */
export function encodePartitionTime(partitionTimeMs: number): string {
  const data = Buffer.alloc(9)
  data.writeUInt8(MAGIC, 0)
  data.writeBigInt64BE(BigInt(partitionTimeMs), 1)
  return data.toString('base64')
}

/** -1 when nothing (or nothing readable) was committed. */
export function decodePartitionTime(metadata: string | undefined): number {
  if (!metadata) return -1
  const data = Buffer.from(metadata, 'base64')
  const readable = data.length >= 9 && (data[0] === 1 || data[0] === MAGIC)
  return readable ? Number(data.readBigInt64BE(1)) : -1
}
