import type { Headers } from '../../../common/record.ts'

/** Timestamp, offset and partition. */
const FIXED_BYTES = 20

/** The size of a record as Kafka Streams counts it. Names of topics are ASCII. @see org.apache.kafka.streams.processor.internals.ClientUtils */
export function recordSizeBytes(
  topic: string,
  key: Buffer | null,
  value: Buffer | null,
  headers: Headers | undefined,
): number {
  let size = FIXED_BYTES + topic.length
  if (key !== null) size += key.length
  if (value !== null) size += value.length
  if (headers !== undefined && headers.length > 0)
    for (const header of headers) size += Buffer.byteLength(header.key) + (header.value?.length ?? 0)
  return size
}
