import { asError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { partitionName } from '../common/record.ts'
import { ByteGauge } from './byte-gauge.ts'
import { KafkaProtocolError, KafkaUnavailableError, RecordTooLargeError } from './errors.ts'
import { PartitionQueues } from './partition-queues.ts'
import type { Acknowledge, ProducerOptions, ProducerRecord } from './port.ts'
import { verdictOf } from './produce-verdict.ts'
import { type PartitionQueue, ProducerBatch } from './producer-batch.ts'
import type { Api } from './protocol/api.ts'
import { errorName, isStaleMetadata, kafkaError } from './protocol/codes.ts'
import { type ProducedPartition, produceRequest } from './protocol/produce.ts'
import type { ProducerIdentity } from './protocol/transaction.ts'
import { BATCH_HEADER_BYTES, encodeRecordBatch, recordSizeBound } from './record-batch.ts'
import { Backoff } from './retry.ts'
import { WakeUp } from './wake-up.ts'

/** What the sender needs of a cluster. */
export interface SenderCluster {
  readonly config: { readonly requestTimeoutMs: number }
  leaderOf(topic: string, partition: number): number
  node(nodeId: number): Promise<{ request<T>(api: Api<T>): Promise<T> }>
  refresh(topics: readonly string[]): Promise<void>
  keepFresh(): void
}

/** What the sender needs of whoever knows the producer's identity and transaction. */
export interface SendingContext {
  /** `null` for a producer without transactions. */
  readonly transactionalId: string | null
  /** An identity for a partition that has none; with transactions always the same until the producer is initialised anew. */
  identity(): Promise<ProducerIdentity>
  /** Whether records of this partition may be sent now; if not, it is seen to and `wake` is called later. */
  isRegistered(queue: PartitionQueue): boolean
  /** Partitions that are to be sent to and are not registered. */
  register(queues: readonly PartitionQueue[]): void
  /** A batch's fate is unknown, or the broker's numbering is out of step: a transaction can no longer be committed. */
  poison(error: Error): void
  /** This producer is done for. */
  fatal(error: Error): void
}

export interface SenderOptions {
  readonly compression: NonNullable<ProducerOptions['compression']>
  readonly lingerMs: number
  readonly maxBatchBytes: number
  readonly deliveryTimeoutMs: number
  /** First pause before a batch is sent again; doubles up to fifty times as much (default 20). */
  readonly retryDelayMs?: number
  readonly logger: Logger
}

/** Bytes of batches that one request carries at most (more only for a single larger batch). */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024
const EXPIRY_CHECK_MS = 500

/**
 * Brings batches to the brokers, idempotently: one request per broker and one batch per partition on its way at a time; a batch is sent
 * again, under the same sequence numbers, until the broker has said what became of it or its time is up.
 */
export class Sender {
  readonly #cluster: SenderCluster
  readonly #context: SendingContext
  readonly #options: SenderOptions
  readonly #queues = new PartitionQueues()
  /** Queues that hold something. */
  readonly #active = new Set<PartitionQueue>()
  readonly #busyNodes = new Set<number>()
  readonly #backoff: Backoff
  /** Bytes of records that are not acknowledged. */
  readonly #unacked = new ByteGauge()
  readonly #wakeUp = new WakeUp(() => this.#drain())
  #identifying = false
  #refreshing = false
  #whenIdle: (() => void)[] = []
  #failure: Error | undefined
  #dropping = false
  #closed = false

  constructor(cluster: SenderCluster, context: SendingContext, options: SenderOptions) {
    this.#cluster = cluster
    this.#context = context
    this.#options = options
    const retryDelayMs = options.retryDelayMs ?? 20
    this.#backoff = new Backoff(retryDelayMs, retryDelayMs * 50)
  }

  /** Whether the last batch of this partition has no room for the record. */
  isFull(topic: string, partition: number, record: ProducerRecord): boolean {
    const last = this.#queues.of(topic, partition).batches.at(-1)
    return last === undefined || last.sizeBytes + recordSizeBound(record) > this.#options.maxBatchBytes
  }

  append(topic: string, partition: number, record: ProducerRecord, acknowledge: Acknowledge | undefined): void {
    const sizeBytes = recordSizeBound(record)
    if (sizeBytes + BATCH_HEADER_BYTES > this.#options.maxBatchBytes) {
      this.refuse(
        new RecordTooLargeError(`a record of ${sizeBytes} bytes for ${topic} is larger than a batch may be`),
        [acknowledge],
      )
      return
    }
    const queue = this.#queues.of(topic, partition)
    let batch = queue.batches.at(-1)
    if (
      batch === undefined ||
      batch.sequence >= 0 ||
      (queue.inFlight && queue.batches.length === 1) ||
      batch.sizeBytes + sizeBytes > this.#options.maxBatchBytes
    ) {
      batch = new ProducerBatch(performance.now())
      this.#unacked.add(batch.sizeBytes)
      queue.batches.push(batch)
      this.#active.add(queue)
      this.wake()
    }
    batch.add(record, acknowledge, sizeBytes)
    this.#unacked.add(sizeBytes)
  }

  /** Tells these that their record will not arrive; `flush` will tell the first of such errors. */
  refuse(error: Error, acknowledges: readonly (Acknowledge | undefined)[]): void {
    this.#failure ??= error
    for (const acknowledge of acknowledges) this.#tell(acknowledge, error, -1)
  }

  /** Resolves when all that was appended before is acknowledged or has failed. */
  async settle(): Promise<void> {
    const open = [...this.#active].flatMap((queue) => queue.batches)
    if (open.length === 0) return
    await new Promise<void>((resolve) => {
      const waiter = { remaining: open.length, resolve }
      for (const batch of open) {
        batch.urgent = true
        batch.waiters.push(waiter)
      }
      this.wake()
    })
  }

  /** The first failure since the last call. */
  takeFailure(): Error | undefined {
    const failure = this.#failure
    this.#failure = undefined
    return failure
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Counts bytes as unacknowledged that were not appended yet (or, negative, no longer). */
  hold(bytes: number): void {
    this.#unacked.add(bytes)
  }

  /** A promise until less than this is unacknowledged; `undefined` when that is so. */
  above(bytes: number): Promise<void> | undefined {
    return this.#unacked.above(bytes)
  }

  /** Gives up all that is not on its way, and resolves when what is on its way has an answer. */
  async drop(error: Error): Promise<void> {
    this.#dropping = true
    for (const queue of [...this.#active]) this.#dropWaiting(queue, error)
    if (this.#busyNodes.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    for (const queue of [...this.#active]) this.#dropWaiting(queue, error)
    this.#dropping = false
  }

  /** All partitions are sent to under this identity from now on, numbered from 0. */
  startOver(identity: ProducerIdentity): void {
    this.#queues.startOver(identity)
  }

  /** Looks for something to send in the next turn of the event loop. */
  wake(): void {
    if (!this.#closed) this.#wakeUp.soon()
  }

  close(): void {
    this.#closed = true
    this.#wakeUp.cancel()
    for (const queue of [...this.#active]) {
      queue.inFlight = false
      this.#dropWaiting(queue, new KafkaUnavailableError('the producer was closed'))
    }
    this.#unacked.releaseAll()
  }

  #drain(): void {
    if (this.#closed || this.#dropping) return
    this.#cluster.keepFresh()
    const nowMs = performance.now()
    this.#expire(nowMs)
    const ready = new Map<number, PartitionQueue[]>()
    const unregistered: PartitionQueue[] = []
    for (const queue of this.#active) {
      const batch = queue.batches[0]
      if (queue.inFlight || !batch) continue
      const dueMs = this.#dueMs(queue, batch)
      if (dueMs > nowMs) {
        this.#wakeUp.at(dueMs)
        continue
      }
      if (!queue.identity) {
        this.#identify()
        continue
      }
      if (!this.#context.isRegistered(queue)) {
        unregistered.push(queue)
        continue
      }
      const leader = this.#cluster.leaderOf(queue.topic, queue.partition)
      if (leader < 0) {
        batch.retryAtMs = nowMs + this.#backoff.next()
        this.#wakeUp.at(batch.retryAtMs)
        this.#refreshMetadata()
        continue
      }
      const list = ready.get(leader)
      if (list) list.push(queue)
      else ready.set(leader, [queue])
    }
    if (unregistered.length > 0) this.#context.register(unregistered)
    for (const [leader, queues] of ready) if (!this.#busyNodes.has(leader)) void this.#produce(leader, queues)
    if (this.#active.size > 0) this.#wakeUp.at(nowMs + EXPIRY_CHECK_MS)
  }

  #dueMs(queue: PartitionQueue, batch: ProducerBatch): number {
    if (batch.retryAtMs > 0) return batch.retryAtMs
    const isComplete = batch.urgent || batch.sequence >= 0 || queue.batches.length > 1
    return isComplete ? 0 : batch.createdMs + this.#options.lingerMs
  }

  /** Never rejects. */
  async #produce(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    this.#busyNodes.add(leader)
    const sending: PartitionQueue[] = []
    let bytes = 0
    for (const queue of queues) {
      const batch = queue.batches[0]!
      if (sending.length > 0 && bytes + batch.sizeBytes > MAX_REQUEST_BYTES) break
      bytes += batch.sizeBytes
      queue.inFlight = true
      sending.push(queue)
      // To the end of the line: the others come first in the next request.
      this.#active.delete(queue)
      this.#active.add(queue)
    }
    try {
      const partitions = sending.map((queue) => ({
        topic: queue.topic,
        partition: queue.partition,
        batch: this.#encode(queue, queue.batches[0]!),
      }))
      const timeoutMs = this.#cluster.config.requestTimeoutMs
      const link = await this.#cluster.node(leader)
      for (const queue of sending) queue.batches[0]!.sent = true
      const results = await link.request(produceRequest(partitions, this.#context.transactionalId, timeoutMs))
      this.#backoff.reset()
      const byName = new Map(results.map((result) => [partitionName(result.topic, result.partition), result]))
      for (const queue of sending) {
        queue.inFlight = false
        const result = byName.get(partitionName(queue.topic, queue.partition))
        if (result) this.#judge(queue, queue.batches[0]!, result)
      }
    } catch (thrown) {
      this.#requestFailed(sending, asError(thrown))
    } finally {
      for (const queue of sending) queue.inFlight = false
      this.#busyNodes.delete(leader)
      if (this.#busyNodes.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
      if (this.#active.size > 0 && !this.#closed) this.#drain()
    }
  }

  #encode(queue: PartitionQueue, batch: ProducerBatch): Buffer {
    queue.number(batch)
    batch.encoded ??= encodeRecordBatch(batch.records, {
      compression: this.#options.compression,
      ...queue.identity!,
      baseSequence: batch.sequence,
      transactional: this.#context.transactionalId !== null,
    })
    return batch.encoded
  }

  #requestFailed(queues: readonly PartitionQueue[], error: Error): void {
    if (this.#closed) return
    const isPassing = error instanceof KafkaUnavailableError
    if (isPassing) this.#options.logger.debug({ err: error }, 'a produce request failed; trying on')
    const retryAtMs = performance.now() + this.#backoff.next()
    for (const queue of queues) {
      const batch = queue.batches[0]
      if (!batch) continue
      if (isPassing) batch.retryAtMs = retryAtMs
      else this.#fail(queue, batch, error, batch.sent ? 'unknown' : 'refused')
    }
    if (isPassing) this.#refreshMetadata()
  }

  /** Acts on what the broker says about one batch. */
  #judge(queue: PartitionQueue, batch: ProducerBatch, result: ProducedPartition): void {
    const code = errorName(result.errorCode)
    const isTransactional = this.#context.transactionalId !== null
    const verdict = verdictOf({
      code,
      recordCount: batch.records.length,
      faultyCount: result.recordErrors.length,
      isTransactional,
    })
    if (code === undefined || verdict === 'acknowledged') {
      this.#complete(queue, batch, code === undefined ? result.baseOffset : -1)
      return
    }
    const about = `${partitionName(queue.topic, queue.partition)}: ${result.errorMessage ?? 'produce'}`
    switch (verdict) {
      case 'fenced':
        this.#context.fatal(kafkaError(code, about))
        break
      case 'sequence-lost':
        if (isTransactional) this.#fail(queue, batch, kafkaError(code, about), 'unknown')
        else this.#loseSequence(queue)
        break
      case 'send-again':
        batch.retryAtMs = performance.now() + this.#backoff.next()
        if (isStaleMetadata(code)) this.#refreshMetadata()
        break
      case 'split':
        queue.takeBack(batch)
        queue.batches.splice(0, 1, ...batch.split())
        this.#unacked.add(BATCH_HEADER_BYTES)
        break
      case 'refuse-some':
        this.#refuseSome(queue, batch, code, result)
        break
      case 'transaction-broken':
        this.#fail(queue, batch, kafkaError(code, about), 'unknown')
        break
      case 'refused':
        this.#fail(queue, batch, kafkaError(code, about), 'refused')
    }
  }

  /** The broker named the records that are at fault: the others are sent again without them. */
  #refuseSome(queue: PartitionQueue, batch: ProducerBatch, code: string, result: ProducedPartition): void {
    queue.takeBack(batch)
    const faulty = new Set<number>()
    for (const { index, message } of result.recordErrors) {
      const record = batch.records[index]
      if (!record || faulty.has(index)) continue
      faulty.add(index)
      const sizeBytes = recordSizeBound(record)
      batch.sizeBytes -= sizeBytes
      this.#unacked.add(-sizeBytes)
      const about = `${partitionName(queue.topic, queue.partition)}: ${message ?? result.errorMessage ?? code}`
      this.refuse(new KafkaProtocolError(code, about), [batch.acknowledges[index]])
    }
    batch.remove(faulty)
  }

  #complete(queue: PartitionQueue, batch: ProducerBatch, baseOffset: number): void {
    this.#take(queue, batch)
    const { acknowledges } = batch
    for (let i = 0; i < acknowledges.length; i++) {
      if (acknowledges[i]) this.#tell(acknowledges[i], undefined, baseOffset < 0 ? -1 : baseOffset + i)
    }
    batch.done()
  }

  /** `unknown`: the batch may or may not be in the log. */
  #fail(queue: PartitionQueue, batch: ProducerBatch, error: Error, fate: 'refused' | 'unknown'): void {
    if (fate === 'refused') queue.takeBack(batch)
    this.#take(queue, batch)
    if (fate === 'unknown') {
      if (this.#context.transactionalId === null) this.#loseSequence(queue)
      else this.#context.poison(error)
    }
    this.refuse(error, batch.acknowledges)
    batch.done()
  }

  /** This partition, and those that are new, go on under a new identity; the others keep theirs. */
  #loseSequence(queue: PartitionQueue): void {
    this.#queues.identity = undefined
    queue.startOver(undefined)
  }

  #dropWaiting(queue: PartitionQueue, error: Error): void {
    const from = queue.inFlight ? 1 : 0
    for (const batch of queue.batches.splice(from)) {
      this.#unacked.add(-batch.sizeBytes)
      if (batch.sent) this.#context.poison(error)
      this.refuse(error, batch.acknowledges)
      batch.done()
    }
    if (queue.batches.length === 0) this.#active.delete(queue)
  }

  #expire(nowMs: number): void {
    const bornBeforeMs = nowMs - this.#options.deliveryTimeoutMs
    for (const queue of [...this.#active]) {
      if (queue.inFlight) continue
      for (let batch = queue.batches[0]; batch && batch.createdMs < bornBeforeMs; batch = queue.batches[0]) {
        const about = `${partitionName(queue.topic, queue.partition)} did not acknowledge within ${this.#options.deliveryTimeoutMs} ms`
        this.#fail(queue, batch, new KafkaUnavailableError(about), batch.sent ? 'unknown' : 'refused')
      }
    }
  }

  #take(queue: PartitionQueue, batch: ProducerBatch): void {
    const index = queue.batches.indexOf(batch)
    if (index >= 0) queue.batches.splice(index, 1)
    if (queue.batches.length === 0) this.#active.delete(queue)
    this.#unacked.add(-batch.sizeBytes)
  }

  #tell(acknowledge: Acknowledge | undefined, error: Error | undefined, offset: number): void {
    try {
      acknowledge?.(error, offset)
    } catch (thrown) {
      this.#options.logger.error({ err: thrown }, 'an acknowledgement callback threw')
    }
  }

  #identify(): void {
    if (this.#identifying) return
    this.#identifying = true
    this.#context
      .identity()
      .then((identity) => {
        this.#queues.identity = identity
        for (const queue of this.#active) if (!queue.identity) queue.startOver(identity)
      })
      .catch((error: unknown) => {
        if (!this.#closed) this.#context.fatal(asError(error))
      })
      .finally(() => {
        this.#identifying = false
        this.wake()
      })
  }

  #refreshMetadata(): void {
    if (this.#refreshing) return
    this.#refreshing = true
    this.#cluster
      .refresh([...new Set([...this.#active].map((queue) => queue.topic))])
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.logger.debug({ err: error }, 'metadata cannot be fetched; trying on')
      })
      .finally(() => {
        this.#refreshing = false
        this.wake()
      })
  }
}
