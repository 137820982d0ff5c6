import type { Awaitable } from '../../../common/awaitable.ts'
import { asError } from '../../../common/errors.ts'
import { AsyncTimeoutError, TaskClosedError } from '../../errors.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import type { Cancellable, Processor, ProcessorContext } from '../processor.ts'
import { type AsyncCall, type AsyncRetry, backoffAfter, OpenCall } from './async-call.ts'
import { AsyncOrder, type OrderKind } from './async-order.ts'

export interface AsyncSettings<K, V, R, K2, V2> {
  readonly call: (value: V, key: K, call: AsyncCall) => Awaitable<R>
  /** What becomes of a record and its result. */
  readonly emit: (record: StreamRecord<K, V>, result: R, context: ProcessorContext<K2, V2>) => Awaitable<void>
  /** Calls at once. */
  readonly concurrency: number
  /** Unfinished records at which the task takes no more. */
  readonly capacity: number
  readonly order: OrderKind
  /** What tells two keys apart; needed for order `key`. */
  readonly keyIdOf: (key: unknown) => unknown
  readonly timeoutMs: number
  readonly retry: AsyncRetry
  /** After the last attempt: throw, drop the record, or take what a function gives instead. */
  readonly onError: 'fail' | 'drop' | ((error: Error, value: V, key: K) => R)
}

interface Unfinished<K, V> {
  readonly record: StreamRecord<K, V>
  readonly origin: RecordMetadata | undefined
  attempt: number
  call: OpenCall | undefined
  timeout: Cancellable | undefined
}

/**
 * Calls a function that gives promises, for several records at once, and sends on what comes of it in turns of the task, each with
 * its own record's time, headers and metadata. A commit waits until nothing is unfinished: offsets, state and results stay together.
 * A result that is there at once, while nothing is unfinished, goes on at once.
 */
export class AsyncOperator<K, V, R, K2, V2> implements Processor<K, V, K2, V2> {
  readonly #settings: AsyncSettings<K, V, R, K2, V2>
  readonly #order: AsyncOrder<Unfinished<K, V>>
  readonly #running = new Set<Unfinished<K, V>>()
  /** May be called, when a place is free. */
  readonly #ready: Unfinished<K, V>[] = []
  #context!: ProcessorContext<K2, V2>
  #unfinished = 0

  constructor(settings: AsyncSettings<K, V, R, K2, V2>) {
    this.#settings = settings
    this.#order = new AsyncOrder(settings.order)
  }

  init(context: ProcessorContext<K2, V2>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const origin = this.#context.recordMetadata()
    const entry: Unfinished<K, V> = {
      record,
      origin,
      attempt: 0,
      call: undefined,
      timeout: undefined,
    }
    if (this.#unfinished === 0) {
      const result = this.#call(entry)
      if (!(result instanceof Promise)) return this.#settings.emit(record, result, this.#context)
      this.#hold()
      this.#order.add(entry, this.#laneOf(record))
      this.#await(entry, result)
      return
    }
    this.#hold()
    if (this.#order.add(entry, this.#laneOf(record))) this.#start(entry)
  }

  close(): void {
    const reason = new TaskClosedError(`${this.#context.nodeName} of task ${this.#context.taskId} is closed`)
    for (const { call } of this.#running) call?.abort(reason)
    this.#running.clear()
    this.#ready.length = 0
  }

  #laneOf(record: StreamRecord<K, V>): unknown {
    return record.key === null || record.key === undefined ? undefined : this.#settings.keyIdOf(record.key)
  }

  #hold(): void {
    this.#unfinished++
    this.#context.work.hold()
    if (this.#unfinished >= this.#settings.capacity) this.#context.work.full(true)
  }

  #start(entry: Unfinished<K, V>): void {
    if (this.#running.size >= this.#settings.concurrency) {
      this.#ready.push(entry)
      return
    }
    const result = this.#call(entry)
    if (result instanceof Promise) this.#await(entry, result)
    else this.#context.work.post(entry.origin, () => this.#complete(entry, () => this.#emit(entry, result)))
  }

  /** What a function throws counts as a promise that is rejected. */
  #call(entry: Unfinished<K, V>): Awaitable<R> {
    const { record, origin } = entry
    entry.attempt++
    entry.call = new OpenCall(record, origin, entry.attempt)
    try {
      return this.#settings.call(record.value, record.key, entry.call)
    } catch (error) {
      return Promise.reject(asError(error))
    }
  }

  #await(entry: Unfinished<K, V>, result: Promise<R>): void {
    const { work } = this.#context
    const { record, origin, call } = entry
    const { timeoutMs } = this.#settings
    this.#running.add(entry)
    const settled = work.settled(result, origin, (outcome) => {
      this.#leave(entry)
      return outcome.status === 'fulfilled'
        ? this.#complete(entry, () => this.#emit(entry, outcome.value))
        : this.#failed(entry, asError(outcome.reason))
    })
    entry.timeout = work.after(timeoutMs, origin, () => {
      const where = origin === undefined ? 'a record' : `${origin.topic}-${origin.partition}@${origin.offset}`
      const error = new AsyncTimeoutError(
        `the call of ${this.#context.nodeName} for ${where} took longer than ${timeoutMs} ms (time ${record.timestampMs})`,
      )
      settled.cancel()
      call?.abort(error)
      this.#leave(entry)
      return this.#failed(entry, error)
    })
  }

  /** The call is over: others may begin, one or, where results are there at once, more. */
  #leave(entry: Unfinished<K, V>): void {
    entry.timeout?.cancel()
    this.#running.delete(entry)
    while (this.#ready.length > 0 && this.#running.size < this.#settings.concurrency)
      this.#start(this.#ready.shift() as Unfinished<K, V>)
  }

  #failed(entry: Unfinished<K, V>, error: Error): Awaitable<void> {
    const { retry, onError } = this.#settings
    if (entry.attempt < retry.attempts && retry.retryIf(error)) {
      this.#context.work.after(backoffAfter(entry.attempt, retry), entry.origin, () => this.#start(entry))
      return
    }
    return this.#complete(entry, () => {
      if (onError === 'fail') throw error
      if (onError === 'drop') return this.#context.drop(entry.record, 'processing-error', { error })
      return this.#emit(entry, onError(error, entry.record.value, entry.record.key))
    })
  }

  #complete(entry: Unfinished<K, V>, finish: () => Awaitable<void>): Awaitable<void> {
    const { next, releases } = this.#order.done(entry, finish)
    if (next !== undefined) this.#start(next)
    if (releases) return this.#release(entry, finish)
  }

  #emit(entry: Unfinished<K, V>, result: R): Awaitable<void> {
    return this.#settings.emit(entry.record, result, this.#context)
  }

  #release(entry: Unfinished<K, V>, finish: () => Awaitable<void>): Awaitable<void> {
    this.#order.released(entry)
    let pending: Awaitable<void>
    try {
      pending = finish()
    } catch (error) {
      this.#goOn()
      throw error
    }
    if (!(pending instanceof Promise)) return this.#goOn()
    return pending.finally(() => this.#goOn())
  }

  /** After a failure too: the handler of errors may let the task go on. */
  #goOn(): void {
    this.#unfinished--
    this.#context.work.release()
    if (this.#unfinished < this.#settings.capacity) this.#context.work.full(false)
    const following = this.#order.following()
    if (following === undefined) return
    this.#context.work.post(following.entry.origin, () => this.#release(following.entry, following.finish))
  }
}
