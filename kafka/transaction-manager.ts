import { asError, InvalidArgumentError } from '../common/errors.ts'
import { partitionName } from '../common/record.ts'
import { askCoordinator } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { KafkaProtocolError, KafkaUnavailableError, ProducerFencedError, UnknownOutcomeError } from './errors.ts'
import type { GroupMetadata, OffsetCommit } from './port.ts'
import type { PartitionQueue } from './producer-batch.ts'
import { errorName, kafkaError } from './protocol/codes.ts'
import {
  addOffsetsToTxnRequest,
  addPartitionsToTxnRequest,
  endTxnRequest,
  initProducerIdRequest,
  type ProducerIdentity,
  txnOffsetCommitRequest,
} from './protocol/transaction.ts'
import { afterStep, type TransactionState, type TransactionStep } from './transaction-state.ts'

export interface TransactionManagerOptions {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  /** A fatal error has happened; no transaction is possible any more. */
  readonly onFatal: (error: Error) => void
  /** Partitions have become registered, or a poisoned transaction has to be looked at. */
  readonly onChange: () => void
}

/** How long the coordinator is asked before the answer is that nobody knows. */
const API_TIMEOUT_MS = 60_000
const END_TIMEOUT_MS = 30_000
/** The coordinator is busy with the previous transaction's markers for a few milliseconds only. */
const BUSY = { firstDelayMs: 2, mostDelayMs: 50 } as const

/** Speaks with the coordinator of one transactional id. */
export class TransactionManager {
  readonly #cluster: Cluster
  readonly #options: TransactionManagerOptions
  readonly #closing = new AbortController()
  /** Partitions of the open transaction that the coordinator knows of. */
  readonly #registered = new Set<string>()
  #state: TransactionState = 'new'
  #identity: ProducerIdentity | undefined
  #registering: Promise<void> | undefined
  #hasOffsets = false
  #poison: Error | undefined

  constructor(cluster: Cluster, options: TransactionManagerOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get state(): TransactionState {
    return this.#state
  }

  /** Why the open transaction can only be aborted. */
  get poisoned(): Error | undefined {
    return this.#poison
  }

  poison(error: Error): void {
    this.#poison ??= error
  }

  /** Fences older producers of this id, and ends what they left open. */
  async init(): Promise<ProducerIdentity> {
    if (this.#state !== 'new' && this.#state !== 'ready') this.#step('init')
    const identity = await this.#fetchIdentity()
    this.#step('init')
    return identity
  }

  begin(): void {
    this.#step('begin')
  }

  isRegistered(queue: PartitionQueue): boolean {
    return this.#registered.has(partitionName(queue.topic, queue.partition))
  }

  /** Makes partitions part of the transaction, one request at a time; what comes meanwhile is asked for again. */
  register(queues: readonly PartitionQueue[]): void {
    if (this.#registering || this.#state === 'broken') return
    const partitions = queues.map(({ topic, partition }) => ({ topic, partition }))
    this.#registering = this.#ask(
      addPartitionsToTxnRequest(this.#options.transactionalId, this.#requireIdentity(), partitions),
      (answer) => answer.map((result) => result.errorCode),
    )
      .then((results) => {
        const failed = results.map((r) => errorName(r.errorCode)).filter((c) => c !== undefined)
        const code = failed.find((c) => c !== 'OPERATION_NOT_ATTEMPTED') ?? failed[0]
        if (code !== undefined) throw this.#refused(code, 'adding partitions to the transaction')
        for (const { topic, partition } of partitions) this.#registered.add(partitionName(topic, partition))
      })
      .catch((error: unknown) => this.#break(asError(error)))
      .finally(() => {
        this.#registering = undefined
        this.#options.onChange()
      })
  }

  async sendOffsets(offsets: readonly OffsetCommit[], group: GroupMetadata): Promise<void> {
    if (this.#state !== 'open') throw new InvalidArgumentError('sendOffsets needs an open transaction')
    if (offsets.length === 0) return
    const { transactionalId } = this.#options
    const identity = this.#requireIdentity()
    const added = await this.#ask(addOffsetsToTxnRequest(transactionalId, identity, group.groupId), (code) => [code])
    const code = errorName(added)
    if (code !== undefined) throw this.#refused(code, `adding offsets of group ${group.groupId} to the transaction`)
    this.#hasOffsets = true
    const results = await askCoordinator(
      this.#cluster,
      'group',
      group.groupId,
      txnOffsetCommitRequest(transactionalId, identity, group, offsets),
      (answer) => answer.map((result) => result.errorCode),
      { timeoutMs: API_TIMEOUT_MS, ...BUSY, signal: this.#closing.signal },
    )
    for (const result of results) {
      const problem = errorName(result.errorCode)
      if (problem === undefined) continue
      const error = this.#refused(problem, `offset of ${partitionName(result.topic, result.partition)}`)
      this.poison(error)
      throw error
    }
  }

  /** Ends the open transaction. The producer's records have to be settled before. */
  async end(commit: boolean): Promise<void> {
    this.#step('end')
    await this.#registering
    if (this.#state === 'broken') throw this.#poison ?? new UnknownOutcomeError('the transaction is broken')
    if (this.#registered.size > 0 || this.#hasOffsets) await this.#endTxn(commit)
    this.#registered.clear()
    this.#hasOffsets = false
    this.#poison = undefined
    this.#step('ended')
  }

  /** After an abort that left sequence numbers in doubt: a new epoch, in which they start at 0. */
  renew(): Promise<ProducerIdentity> {
    return this.#fetchIdentity()
  }

  break(error: Error): void {
    this.#break(error)
  }

  close(): void {
    this.#closing.abort()
  }

  async #endTxn(commit: boolean): Promise<void> {
    const { transactionalId } = this.#options
    const verb = commit ? 'commit' : 'abort'
    let answer: number
    try {
      answer = await askCoordinator(
        this.#cluster,
        'transaction',
        transactionalId,
        endTxnRequest(transactionalId, this.#requireIdentity(), commit),
        (code) => [code],
        { timeoutMs: END_TIMEOUT_MS, ...BUSY, signal: this.#closing.signal },
      )
    } catch (cause) {
      const message = `nobody can say whether the ${verb} of a transaction of ${transactionalId} took place`
      const error = new UnknownOutcomeError(message, { cause })
      this.#break(error)
      throw error
    }
    const code = errorName(answer)
    if (code === undefined) return
    const error = this.#refused(code, `${verb} of a transaction of ${transactionalId}`)
    this.#break(error)
    throw error
  }

  async #fetchIdentity(): Promise<ProducerIdentity> {
    const { transactionalId, transactionTimeoutMs } = this.#options
    const { errorCode, producerId, producerEpoch } = await this.#ask(
      initProducerIdRequest(transactionalId, transactionTimeoutMs),
      (answer) => [answer.errorCode],
    )
    const code = errorName(errorCode)
    if (code !== undefined) throw this.#refused(code, `initialising the transactions of ${transactionalId}`)
    this.#identity = { producerId, producerEpoch }
    return this.#identity
  }

  #ask<T>(api: Parameters<typeof askCoordinator<T>>[3], codesOf: (answer: T) => readonly number[]): Promise<T> {
    return askCoordinator(this.#cluster, 'transaction', this.#options.transactionalId, api, codesOf, {
      timeoutMs: API_TIMEOUT_MS,
      ...BUSY,
      signal: this.#closing.signal,
    })
  }

  /** The error for a refusal; a fencing one ends the producer. */
  #refused(code: string, about: string): Error {
    const error = kafkaError(code, about)
    if (error instanceof ProducerFencedError || code === 'INVALID_PRODUCER_ID_MAPPING') this.#break(error)
    return error
  }

  #break(error: Error): void {
    if (this.#state === 'broken' || this.#closing.signal.aborted) return
    this.#poison = error
    this.#step('break')
    this.#options.onFatal(error)
  }

  #step(step: TransactionStep): void {
    this.#state = afterStep(this.#state, step)
  }

  #requireIdentity(): ProducerIdentity {
    if (!this.#identity) throw new InvalidArgumentError('initTransactions has to come first')
    return this.#identity
  }
}

/** An identity for a producer without transactions; any broker gives one. */
export async function fetchIdentity(cluster: Cluster): Promise<ProducerIdentity> {
  const answer = await cluster.requestAny(initProducerIdRequest(null, 0))
  const code = errorName(answer.errorCode)
  if (code === undefined) return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  if (code === 'COORDINATOR_LOAD_IN_PROGRESS' || code === 'COORDINATOR_NOT_AVAILABLE') {
    throw new KafkaUnavailableError(`no producer id yet: ${code}`)
  }
  throw new KafkaProtocolError(code, `no producer id: ${code}`)
}
