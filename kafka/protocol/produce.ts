import type { Api } from './api.ts'
import { byTopic } from './wire.ts'

export interface ProducePartition {
  readonly topic: string
  readonly partition: number
  /** One record batch. */
  readonly batch: Buffer
}

export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** Of the first record; -1 with an error, and for a batch that was there already. */
  readonly baseOffset: number
  /** The records that made the broker refuse the whole batch, by their index in it. */
  readonly recordErrors: readonly { readonly index: number; readonly message: string | null }[]
  readonly errorMessage: string | null
}

/** Produce v8 with acks=all. */
export function produceRequest(
  partitions: readonly ProducePartition[],
  transactionalId: string | null,
  timeoutMs: number,
): Api<readonly ProducedPartition[]> {
  return {
    name: 'Produce',
    key: 0,
    version: 8,
    sizeHintBytes: partitions.reduce((sum, p) => sum + p.batch.length + 64, 0),
    encode(w) {
      w.string(transactionalId).int16(-1).int32(timeoutMs)
      w.array(byTopic(partitions), ([topic, list]) => {
        w.string(topic).array(list, (p) => w.int32(p.partition).bytes(p.batch))
      })
    },
    decode(r) {
      const results: ProducedPartition[] = []
      r.array(() => {
        const topic = r.string()
        r.array(() => {
          const partition = r.int32()
          const errorCode = r.int16()
          const baseOffset = r.int64()
          r.int64()
          r.int64()
          const recordErrors = r.array(() => ({ index: r.int32(), message: r.nullableString() }))
          results.push({ topic, partition, errorCode, baseOffset, recordErrors, errorMessage: r.nullableString() })
        })
      })
      return results
    },
  }
}
