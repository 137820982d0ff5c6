import type { IsolationLevel } from '../port.ts'
import type { AbortedTransaction } from '../record-batch.ts'
import type { Api } from './api.ts'
import { byTopic } from './wire.ts'

export interface FetchPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchOptions {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly isolationLevel: IsolationLevel
  readonly partitions: readonly FetchPartition[]
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** The record batches as they stand in the log: a view of the answer. */
  readonly data: Buffer
}

export interface FetchResponse {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

export function isolationId(level: IsolationLevel): number {
  return level === 'read_committed' ? 1 : 0
}

/** Fetch v11, without a fetch session. */
export function fetchRequest(options: FetchOptions): Api<FetchResponse> {
  return {
    name: 'Fetch',
    key: 1,
    version: 11,
    blocksMs: options.maxWaitMs,
    encode(w) {
      w.int32(-1).int32(options.maxWaitMs).int32(1).int32(options.maxBytes).int8(isolationId(options.isolationLevel))
      w.int32(0).int32(-1)
      w.array(byTopic(options.partitions), ([topic, partitions]) => {
        w.string(topic).array(partitions, (p) => {
          w.int32(p.partition).int32(-1).int64(p.offset).int64(-1).int32(p.maxBytes)
        })
      })
      w.int32(0).string('')
    },
    decode(r) {
      r.int32()
      const errorCode = r.int16()
      r.int32()
      const partitions: FetchedPartition[] = []
      r.array(() => {
        const topic = r.string()
        r.array(() => {
          const partition = r.int32()
          const partitionError = r.int16()
          const highWatermark = r.int64()
          const lastStableOffset = r.int64()
          r.int64()
          const aborted = r.array(() => ({ producerId: r.int64(), firstOffset: r.int64() }))
          r.int32()
          const data = r.bytes()
          partitions.push({
            topic,
            partition,
            errorCode: partitionError,
            highWatermark,
            lastStableOffset,
            aborted,
            data,
          })
        })
      })
      return { errorCode, partitions }
    },
  }
}

export interface ListOffsetsPartition {
  readonly topic: string
  readonly partition: number
  /** Milliseconds since the epoch, or one of the two below. */
  readonly timestampMs: number
}

export const LATEST_TIMESTAMP = -1
export const EARLIEST_TIMESTAMP = -2

export interface ListedOffset {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** -1 when there is no record at or after the timestamp. */
  readonly offset: number
}

/** ListOffsets v5. */
export function listOffsetsRequest(
  partitions: readonly ListOffsetsPartition[],
  isolationLevel: IsolationLevel,
): Api<readonly ListedOffset[]> {
  return {
    name: 'ListOffsets',
    key: 2,
    version: 5,
    encode(w) {
      w.int32(-1).int8(isolationId(isolationLevel))
      w.array(byTopic(partitions), ([topic, list]) => {
        w.string(topic).array(list, (p) => w.int32(p.partition).int32(-1).int64(p.timestampMs))
      })
    },
    decode(r) {
      r.int32()
      const offsets: ListedOffset[] = []
      r.array(() => {
        const topic = r.string()
        r.array(() => {
          const partition = r.int32()
          const errorCode = r.int16()
          r.int64()
          offsets.push({ topic, partition, errorCode, offset: r.int64() })
          r.int32()
        })
      })
      return offsets
    },
  }
}
