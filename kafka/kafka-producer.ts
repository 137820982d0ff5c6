import { setTimeout as sleep } from 'node:timers/promises'
import { asError, InvalidArgumentError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { partitionForKey } from '../common/murmur2.ts'
import { partitionName } from '../common/record.ts'
import type { Cluster } from './cluster.ts'
import { KafkaProtocolError, KafkaUnavailableError, UnknownTopicError } from './errors.ts'
import type { Acknowledge, GroupMetadata, OffsetCommit, Producer, ProducerOptions, ProducerRecord } from './port.ts'
import type { ProducerIdentity } from './protocol/transaction.ts'
import { recordSizeBound } from './record-batch.ts'
import { Backoff } from './retry.ts'
import { Sender } from './sender.ts'
import { fetchIdentity, TransactionManager } from './transaction-manager.ts'

/** Java's `max.request.size`; brokers take batches of up to 1,048,588 bytes. */
const MAX_BATCH_BYTES = 1024 * 1024
const BUFFER_BYTES = 32 * 1024 * 1024
const DELIVERY_TIMEOUT_MS = 120_000
const TRANSACTION_TIMEOUT_MS = 60_000

/** A record whose topic is not known yet. */
interface WaitingRecord {
  readonly partition: number | undefined
  readonly record: ProducerRecord
  readonly acknowledge: Acknowledge | undefined
}

/** Writes records to a cluster. Owns the cluster handle and closes it. A record larger than `maxBatchBytes` is refused. */
export class KafkaProducer implements Producer {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #sender: Sender
  readonly #transactions: TransactionManager | undefined
  readonly #bufferBytes: number
  readonly #deliveryTimeoutMs: number
  readonly #waiting = new Map<string, { readonly records: WaitingRecord[]; readonly done: Promise<void> }>()
  readonly #sticky = new Map<string, number>()
  readonly #closing = new AbortController()
  #fatal: Error | undefined
  #closed: Promise<void> | undefined

  constructor(cluster: Cluster, options: ProducerOptions, logger: Logger) {
    this.#cluster = cluster
    this.#logger = logger
    this.#bufferBytes = options.bufferBytes ?? BUFFER_BYTES
    this.#deliveryTimeoutMs = options.deliveryTimeoutMs ?? DELIVERY_TIMEOUT_MS
    const { transactionalId } = options
    const transactions =
      transactionalId === undefined
        ? undefined
        : new TransactionManager(cluster, {
            transactionalId,
            transactionTimeoutMs: options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS,
            onFatal: (error) => this.#die(error),
            onChange: () => this.#sender.wake(),
          })
    this.#transactions = transactions
    this.#sender = new Sender(
      cluster,
      {
        transactionalId: transactionalId ?? null,
        identity: () => this.#findIdentity(),
        isRegistered: (queue) => transactions === undefined || transactions.isRegistered(queue),
        register: (queues) => transactions?.register(queues),
        poison: (error) => transactions?.poison(error),
        fatal: (error) => (transactions ? transactions.break(error) : this.#die(error)),
      },
      {
        compression: options.compression ?? 'none',
        lingerMs: options.lingerMs ?? 0,
        maxBatchBytes: options.maxBatchBytes ?? MAX_BATCH_BYTES,
        deliveryTimeoutMs: this.#deliveryTimeoutMs,
        logger,
      },
    )
  }

  send(topic: string, partition: number | undefined, record: ProducerRecord, acknowledge?: Acknowledge): void {
    if (this.#fatal) throw this.#fatal
    if (this.#closed) throw new InvalidArgumentError('the producer is closed')
    if (this.#transactions && this.#transactions.state !== 'open') {
      throw new InvalidArgumentError('a transactional producer sends within a transaction only')
    }
    const count = this.#cluster.partitionCount(topic)
    if (count === undefined || this.#waiting.has(topic) || (partition ?? 0) >= count) {
      this.#sendLater(topic, { partition, record, acknowledge })
      return
    }
    this.#sender.append(topic, partition ?? this.#choosePartition(topic, count, record), record, acknowledge)
  }

  async flush(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all([...this.#waiting.values()].map((waiting) => waiting.done))
    await this.#sender.settle()
    const failure = this.#sender.takeFailure()
    if (this.#fatal) throw this.#fatal
    if (failure) throw failure
  }

  backpressure(): Promise<void> | undefined {
    return this.#sender.above(this.#bufferBytes)
  }

  partitionCount(topic: string): number | Promise<number> {
    return this.#cluster.partitionCount(topic) ?? this.#cluster.requireTopic(topic, this.#closing.signal)
  }

  async initTransactions(): Promise<void> {
    if (this.#fatal) throw this.#fatal
    this.#sender.startOver(await this.#requireTransactions().init())
  }

  beginTransaction(): void {
    if (this.#fatal) throw this.#fatal
    this.#requireTransactions().begin()
    this.#sender.takeFailure()
  }

  async sendOffsets(offsets: readonly OffsetCommit[], group: GroupMetadata): Promise<void> {
    if (this.#fatal) throw this.#fatal
    await this.#requireTransactions().sendOffsets(offsets, group)
  }

  async commitTransaction(): Promise<void> {
    const transactions = this.#requireTransactions()
    await this.flush()
    if (transactions.poisoned) throw transactions.poisoned
    await transactions.end(true)
  }

  async abortTransaction(): Promise<void> {
    if (this.#fatal) throw this.#fatal
    const transactions = this.#requireTransactions()
    const aborted = new KafkaProtocolError(
      'TRANSACTION_ABORTED',
      'the transaction was aborted before the record was sent',
    )
    this.#forgetWaiting(aborted)
    await this.#sender.drop(aborted)
    const isInDoubt = transactions.poisoned !== undefined
    await transactions.end(false)
    this.#sender.takeFailure()
    if (isInDoubt) this.#sender.startOver(await transactions.renew())
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      if (this.#transactions?.state === 'open') await this.abortTransaction()
      else if (!this.#fatal) await this.flush()
    } catch (error) {
      this.#logger.warn({ err: error }, 'a producer closed with records or a transaction that did not arrive')
    } finally {
      this.#closing.abort()
      this.#transactions?.close()
      this.#forgetWaiting(new KafkaUnavailableError('the producer was closed'))
      this.#sender.close()
      this.#cluster.close()
    }
  }

  #requireTransactions(): TransactionManager {
    if (!this.#transactions) throw new InvalidArgumentError('this producer has no transactional id')
    return this.#transactions
  }

  #choosePartition(topic: string, count: number, record: ProducerRecord): number {
    if (record.key !== null) return partitionForKey(record.key, count)
    let sticky = this.#sticky.get(topic)
    if (sticky === undefined || sticky >= count || this.#sender.isFull(topic, sticky, record)) {
      sticky = Math.floor(Math.random() * count)
      this.#sticky.set(topic, sticky)
    }
    return sticky
  }

  /** Keeps the record until the topic's metadata is here; later records of the topic line up behind, so that order is kept. */
  #sendLater(topic: string, waiting: WaitingRecord): void {
    const known = this.#waiting.get(topic)
    this.#sender.hold(recordSizeBound(waiting.record))
    if (known) {
      known.records.push(waiting)
      return
    }
    const records = [waiting]
    this.#waiting.set(topic, { records, done: this.#resolveTopic(topic, records) })
  }

  /** Never rejects. */
  async #resolveTopic(topic: string, records: WaitingRecord[]): Promise<void> {
    let failure: Error | undefined
    try {
      await this.#findTopic(topic, Math.max(...records.map((waiting) => waiting.partition ?? 0)))
    } catch (thrown) {
      failure = asError(thrown)
    }
    this.#waiting.delete(topic)
    const count = this.#cluster.partitionCount(topic) ?? 0
    for (const { partition, record, acknowledge } of records.splice(0)) {
      this.#sender.hold(-recordSizeBound(record))
      if (failure === undefined && (partition ?? 0) < count) {
        this.#sender.append(topic, partition ?? this.#choosePartition(topic, count, record), record, acknowledge)
        continue
      }
      const missing = new UnknownTopicError(`${partitionName(topic, partition ?? 0)} does not exist`)
      this.#sender.refuse(failure ?? missing, [acknowledge])
    }
  }

  /** Waits for metadata for as long as a record may take; a topic that does not exist fails sooner. */
  async #findTopic(topic: string, partition: number): Promise<void> {
    const deadlineMs = performance.now() + this.#deliveryTimeoutMs
    const backoff = new Backoff(50, 1_000)
    for (;;) {
      try {
        if ((await this.#cluster.requireTopic(topic, this.#closing.signal)) <= partition) {
          await this.#cluster.refresh([topic])
        }
        return
      } catch (error) {
        if (
          !(error instanceof KafkaUnavailableError) ||
          performance.now() > deadlineMs ||
          this.#closing.signal.aborted
        ) {
          throw error
        }
      }
      await sleep(backoff.next(), undefined, { signal: this.#closing.signal }).catch(() => {})
    }
  }

  #forgetWaiting(error: Error): void {
    for (const { records } of this.#waiting.values()) {
      for (const { record, acknowledge } of records.splice(0)) {
        this.#sender.hold(-recordSizeBound(record))
        this.#sender.refuse(error, [acknowledge])
      }
    }
  }

  async #findIdentity(): Promise<ProducerIdentity> {
    if (this.#transactions) throw new InvalidArgumentError('initTransactions has to come first')
    const backoff = new Backoff(50, 1_000)
    for (;;) {
      try {
        return await fetchIdentity(this.#cluster)
      } catch (error) {
        if (!(error instanceof KafkaUnavailableError) || this.#closing.signal.aborted) throw error
      }
      await sleep(backoff.next(), undefined, { signal: this.#closing.signal }).catch(() => {})
    }
  }

  /** Nothing can be sent any more; all that is under way is told so. */
  #die(error: Error): void {
    if (this.#fatal) return
    this.#fatal = error
    this.#forgetWaiting(error)
    this.#sender.drop(error).catch((thrown: unknown) => this.#logger.error({ err: thrown }, 'dropping records failed'))
  }
}
