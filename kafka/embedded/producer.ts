import { InvalidArgumentError } from '../../common/errors.ts'
import type { Logger } from '../../common/log.ts'
import { KafkaProtocolError } from '../errors.ts'
import type { Acknowledge, GroupMetadata, OffsetCommit, Producer, ProducerOptions, ProducerRecord } from '../port.ts'
import type { Engine, EngineSource } from './engine.ts'
import type { PartitionLog, PendingRun } from './partition-log.ts'
import { recordBytes } from './run.ts'
import { byPartition, type PartitionSends, type Send } from './sends.ts'
import type { ProducerTransactions } from './transactions.ts'

const DEFAULT_BUFFER_BYTES = 32 * 1024 * 1024
const DEFAULT_TRANSACTION_TIMEOUT_MS = 60_000

type TransactionState = 'none' | 'uninitialised' | 'ready' | 'open'

/** Collects what is sent during a turn of the event loop, then gives offsets to all of it and enqueues one write. */
export class EmbeddedProducer implements Producer {
  readonly #source: EngineSource
  readonly #options: ProducerOptions
  readonly #log: Logger
  readonly #onClose: (producer: EmbeddedProducer) => void
  #unsent: Send[] = []
  #unacknowledgedBytes = 0
  #drainTimer: NodeJS.Timeout | undefined
  #drainScheduled = false
  #writesBegun = 0
  #writesEnded = 0
  #waiting: { readonly write: number; readonly resolve: () => void }[] = []
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  #failure: Error | undefined
  #fatal: Error | undefined
  #closed = false
  #transactions: ProducerTransactions | undefined
  #state: TransactionState

  constructor(
    source: EngineSource,
    options: ProducerOptions,
    logger: Logger,
    onClose: (producer: EmbeddedProducer) => void,
  ) {
    this.#source = source
    this.#options = options
    this.#log = logger
    this.#onClose = onClose
    this.#state = options.transactionalId === undefined ? 'none' : 'uninitialised'
  }

  send(topic: string, partition: number | undefined, record: ProducerRecord, acknowledge?: Acknowledge): void {
    if (this.#fatal) throw this.#fatal
    if (this.#closed) throw new InvalidArgumentError('the producer is closed')
    if (this.#state !== 'none' && this.#state !== 'open') {
      throw new InvalidArgumentError('a transactional producer sends inside a transaction: call beginTransaction first')
    }
    const sizeBytes = recordBytes(record)
    this.#unacknowledgedBytes += sizeBytes
    this.#unsent.push({ topic, partition, record, sizeBytes, acknowledge })
    if (!this.#drainScheduled) this.#scheduleDrain()
  }

  async flush(): Promise<void> {
    if (this.#unsent.length > 0) this.#drain(this.#source.current ?? (await this.#opened()))
    const write = this.#writesBegun
    if (this.#writesEnded < write) await new Promise<void>((resolve) => this.#waiting.push({ write, resolve }))
    const failure = this.#fatal ?? this.#failure
    this.#failure = undefined
    if (failure) throw failure
  }

  backpressure(): Promise<void> | undefined {
    if (this.#unacknowledgedBytes <= this.#bufferBytes) return undefined
    if (!this.#room) {
      let resolve = () => {}
      const promise = new Promise<void>((done) => {
        resolve = done
      })
      this.#room = { promise, resolve }
    }
    return this.#room.promise
  }

  partitionCount(topic: string): number | Promise<number> {
    const engine = this.#source.current
    if (engine) return engine.catalogue.get(topic).partitions.length
    return this.#source.open().then(({ catalogue }) => catalogue.get(topic).partitions.length)
  }

  async initTransactions(): Promise<void> {
    const { transactionalId, transactionTimeoutMs = DEFAULT_TRANSACTION_TIMEOUT_MS } = this.#options
    if (transactionalId === undefined) throw new InvalidArgumentError('this producer has no transactionalId')
    if (this.#state !== 'uninitialised') throw new InvalidArgumentError('initTransactions was called before')
    const engine = await this.#source.open()
    this.#transactions = await engine.transactions.init(transactionalId, transactionTimeoutMs)
    this.#state = 'ready'
  }

  beginTransaction(): void {
    if (this.#fatal) throw this.#fatal
    if (this.#state !== 'ready' || !this.#transactions) throw this.#wrongState('ready', 'beginTransaction')
    this.#guarded(this.#transactions, (transactions) => transactions.begin())
    this.#failure = undefined
    this.#state = 'open'
  }

  async sendOffsets(offsets: readonly OffsetCommit[], group: GroupMetadata): Promise<void> {
    this.#guarded(this.#inTransaction('sendOffsets'), (transactions) => transactions.addOffsets(offsets, group))
  }

  async commitTransaction(): Promise<void> {
    const transactions = this.#inTransaction('commitTransaction')
    await this.flush()
    this.#state = 'ready'
    await this.#guarded(transactions, () => transactions.commit())
  }

  async abortTransaction(): Promise<void> {
    const transactions = this.#inTransaction('abortTransaction')
    this.#state = 'ready'
    const aborted = new KafkaProtocolError(
      'TRANSACTION_ABORTED',
      'the transaction was aborted before the record was sent',
    )
    for (const send of this.#takeUnsent()) this.#refuse(send, aborted)
    this.#failure = undefined
    await this.#guarded(transactions, () => transactions.abort())
  }

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#state === 'open') await this.abortTransaction()
      else await this.flush()
    } catch (error) {
      this.#log.warn({ err: error }, 'a producer was closed with records or a transaction that failed')
    } finally {
      this.#closed = true
      clearTimeout(this.#drainTimer)
      this.#onClose(this)
    }
  }

  get #bufferBytes(): number {
    return this.#options.bufferBytes ?? DEFAULT_BUFFER_BYTES
  }

  #wrongState(needed: TransactionState, call: string): InvalidArgumentError {
    return new InvalidArgumentError(`${call} needs a transaction that is ${needed}, this one is ${this.#state}`)
  }

  #inTransaction(call: string): ProducerTransactions {
    if (this.#fatal) throw this.#fatal
    if (this.#state !== 'open' || !this.#transactions) throw this.#wrongState('open', call)
    return this.#transactions
  }

  /** A producer that was fenced stays so. */
  #guarded<R>(transactions: ProducerTransactions, work: (transactions: ProducerTransactions) => R): R {
    this.#fatal ??= transactions.fenced
    if (this.#fatal) throw this.#fatal
    return work(transactions)
  }

  #scheduleDrain(): void {
    this.#drainScheduled = true
    const { lingerMs = 0 } = this.#options
    const drain = () => {
      const engine = this.#source.current
      if (engine) this.#drain(engine)
      else
        void this.#opened().then(
          (opened) => this.#drain(opened),
          () => {},
        )
    }
    if (lingerMs > 0) this.#drainTimer = setTimeout(drain, lingerMs)
    else this.#source.nextTurn(drain)
  }

  async #opened(): Promise<Engine> {
    try {
      return await this.#source.open()
    } catch (error) {
      for (const send of this.#takeUnsent()) this.#refuse(send, error as Error)
      throw error
    }
  }

  #takeUnsent(): Send[] {
    const sends = this.#unsent
    this.#unsent = []
    this.#drainScheduled = false
    clearTimeout(this.#drainTimer)
    return sends
  }

  #drain(engine: Engine): void {
    const sends = this.#takeUnsent()
    if (sends.length === 0) return
    this.#fatal ??= this.#transactions?.fenced
    if (this.#fatal) {
      for (const send of sends) this.#refuse(send, this.#fatal)
      return
    }
    const batches = byPartition(engine.catalogue, sends, (send, error) => this.#refuse(send, error))
    const nowMs = engine.clock.nowMs()
    if (this.#transactions) this.#intoTransaction(batches, this.#transactions, nowMs)
    else if (batches.size > 0) this.#write(engine, batches, nowMs)
  }

  #write(engine: Engine, batches: ReadonlyMap<PartitionLog, PartitionSends>, nowMs: number): void {
    const puts: (readonly [Buffer, Buffer])[] = []
    const written: { readonly log: PartitionLog; readonly runs: PendingRun[]; readonly sends: Send[] }[] = []
    let sizeBytes = 0
    for (const [log, { records, sends }] of batches) {
      const runs = log.append(records, nowMs)
      for (const run of runs) sizeBytes += run.sizeBytes
      puts.push(...log.commitRows(runs))
      written.push({ log, runs, sends })
    }
    this.#writesBegun++
    engine.writer.enqueue({
      puts,
      sizeBytes,
      done: (error) => {
        for (const { log, runs, sends } of written) {
          if (error) {
            for (const send of sends) this.#refuse(send, error)
          } else {
            log.settle(runs, 'durable')
            this.#acknowledge(sends, runs)
          }
        }
        this.#writesEnded++
        const ready = this.#waiting.filter((one) => one.write <= this.#writesEnded)
        if (ready.length > 0) this.#waiting = this.#waiting.filter((one) => one.write > this.#writesEnded)
        for (const one of ready) one.resolve()
      },
    })
  }

  #intoTransaction(
    batches: ReadonlyMap<PartitionLog, PartitionSends>,
    transactions: ProducerTransactions,
    nowMs: number,
  ): void {
    for (const [log, { records, sends }] of batches) {
      const runs = log.append(records, nowMs)
      transactions.add(log, runs)
      this.#acknowledge(sends, runs)
    }
  }

  #acknowledge(sends: readonly Send[], runs: readonly PendingRun[]): void {
    let offset = runs[0]?.baseOffset ?? 0
    for (const { acknowledge, sizeBytes } of sends) {
      this.#unacknowledgedBytes -= sizeBytes
      if (acknowledge) this.#tell(acknowledge, undefined, offset)
      offset++
    }
    this.#makeRoom()
  }

  #refuse({ acknowledge, sizeBytes }: Send, error: Error): void {
    this.#failure ??= error
    this.#unacknowledgedBytes -= sizeBytes
    if (acknowledge) this.#tell(acknowledge, error, -1)
    this.#makeRoom()
  }

  #tell(acknowledge: Acknowledge, error: Error | undefined, offset: number): void {
    try {
      acknowledge(error, offset)
    } catch (thrown) {
      this.#log.error({ err: thrown }, 'an acknowledge callback has thrown')
    }
  }

  #makeRoom(): void {
    if (!this.#room || this.#unacknowledgedBytes > this.#bufferBytes) return
    this.#room.resolve()
    this.#room = undefined
  }
}
