import type { Acknowledge, ProducerRecord } from './port.ts'
import type { ProducerIdentity } from './protocol/transaction.ts'
import { BATCH_HEADER_BYTES, recordSizeBound } from './record-batch.ts'

/** Somebody who waits until a number of batches are done. */
export interface FlushWaiter {
  remaining: number
  readonly resolve: () => void
}

/** Records of one partition that go to the broker together. */
export class ProducerBatch {
  readonly createdMs: number
  records: ProducerRecord[] = []
  acknowledges: (Acknowledge | undefined)[] = []
  waiters: FlushWaiter[] = []
  /** An upper bound of what it takes in the log before compression. */
  sizeBytes = BATCH_HEADER_BYTES
  /** Of its first record; -1 before it is sent for the first time. */
  sequence = -1
  encoded: Buffer | undefined
  /** Was on its way at least once: nobody knows whether it arrived. */
  sent = false
  /** Goes out without waiting for more records. */
  urgent = false
  retryAtMs = 0

  constructor(createdMs: number) {
    this.createdMs = createdMs
  }

  add(record: ProducerRecord, acknowledge: Acknowledge | undefined, sizeBytes: number): void {
    this.records.push(record)
    this.acknowledges.push(acknowledge)
    this.sizeBytes += sizeBytes
  }

  /** The records in two halves; who waits for this batch waits for both. */
  split(): [ProducerBatch, ProducerBatch] {
    const middle = this.records.length >> 1
    const halves: [ProducerBatch, ProducerBatch] = [
      new ProducerBatch(this.createdMs),
      new ProducerBatch(this.createdMs),
    ]
    this.records.forEach((record, i) => {
      halves[i < middle ? 0 : 1].add(record, this.acknowledges[i], recordSizeBound(record))
    })
    for (const half of halves) {
      half.waiters = [...this.waiters]
      half.urgent = true
    }
    for (const waiter of this.waiters) waiter.remaining++
    return halves
  }

  /** Takes records out; the rest stays in order. */
  remove(indexes: ReadonlySet<number>): void {
    this.records = this.records.filter((_, i) => !indexes.has(i))
    this.acknowledges = this.acknowledges.filter((_, i) => !indexes.has(i))
    this.forgetSequence()
  }

  /** It has to be numbered and encoded anew. */
  forgetSequence(): void {
    this.sequence = -1
    this.encoded = undefined
  }

  done(): void {
    for (const waiter of this.waiters) if (--waiter.remaining === 0) waiter.resolve()
  }
}

/** The batches of one partition in the order in which they have to arrive. Only the first is ever on its way. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly batches: ProducerBatch[] = []
  inFlight = false
  /** Who the broker knows as the sender; `undefined` until that is known, and when the numbering has to start anew. */
  identity: ProducerIdentity | undefined
  nextSequence = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Gives the batch its sequence number, once. */
  number(batch: ProducerBatch): void {
    if (batch.sequence >= 0) return
    batch.sequence = this.nextSequence
    this.nextSequence = (batch.sequence + batch.records.length) % 2 ** 31
  }

  /** The batch was refused for certain: its numbers are given to the next. */
  takeBack(batch: ProducerBatch): void {
    if (batch.sequence >= 0) this.nextSequence = batch.sequence
    batch.forgetSequence()
  }

  /** Starts numbering anew under this identity. */
  startOver(identity: ProducerIdentity | undefined): void {
    this.identity = identity
    this.nextSequence = 0
    for (const batch of this.batches) batch.forgetSequence()
  }
}
