/** What is durable of a partition besides its runs; written with every change. */
export interface PartitionHead {
  logStart: number
  nextOffset: number
  sizeBytes: number
  prefixMaxTimestampMs: number
  /** Compacted up to here, and how many bytes that part has. */
  cleanedTo: number
  cleanedBytes: number
  /** When the next tombstone that compaction has kept may go; infinite when there is none. */
  tombstoneDueMs: number
}

const FIELDS = [
  'logStart',
  'nextOffset',
  'sizeBytes',
  'prefixMaxTimestampMs',
  'cleanedTo',
  'cleanedBytes',
  'tombstoneDueMs',
] as const satisfies readonly (keyof PartitionHead)[]

export function newHead(): PartitionHead {
  return {
    logStart: 0,
    nextOffset: 0,
    sizeBytes: 0,
    prefixMaxTimestampMs: -1,
    cleanedTo: 0,
    cleanedBytes: 0,
    tombstoneDueMs: Number.POSITIVE_INFINITY,
  }
}

export function encodeHead(head: PartitionHead): Buffer {
  const value = Buffer.allocUnsafeSlow(FIELDS.length * 8)
  FIELDS.forEach((field, i) => {
    value.writeDoubleBE(head[field], i * 8)
  })
  return value
}

export function decodeHead(value: Buffer): PartitionHead {
  const head = newHead()
  FIELDS.forEach((field, i) => {
    head[field] = value.readDoubleBE(i * 8)
  })
  return head
}
