import { PackedBatch } from '../../../common/packed-records.ts'
import type { FetchedBatch } from '../../../kafka/port.ts'

/** A source topic goes on beyond what may be restored of it. */
export function upTo(batch: FetchedBatch, endOffset: number): FetchedBatch {
  if (batch.nextOffset <= endOffset) return batch
  const { topic, partition, packed } = batch
  if (packed !== undefined) return new PackedBatch(topic, partition, packed.upTo(endOffset), endOffset)
  return { topic, partition, records: batch.records.filter((r) => r.offset < endOffset), nextOffset: endOffset }
}

/** Without making objects of records that are packed. */
export function recordCount(batch: FetchedBatch): number {
  return batch.packed?.count ?? batch.records.length
}
