import type { Awaitable } from '../../common/awaitable.ts'
import { type Duration, durationMs } from '../../common/duration.ts'
import { InvalidArgumentError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import type { AsyncCall, AsyncRetry } from '../processors/async/async-call.ts'
import { AsyncOperator, type AsyncSettings } from '../processors/async/async-operator.ts'
import type { OrderKind } from '../processors/async/async-order.ts'
import { StreamRecord } from '../record.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import type { Named } from './options.ts'
import { identityOf, requireSerde } from './plan/context.ts'
import type { StreamNode } from './plan/nodes.ts'
import type { Serdes } from './plan/plan.ts'

/** How often the call of a record is made. */
export interface AsyncRetryOptions {
  /** Calls in all, the first included (default 1). */
  readonly attempts: number
  /** Before the second call; doubled for each one after it (default 100 ms). */
  readonly backoff?: Duration
  /** Longest wait (default 10 s). */
  readonly maxBackoff?: Duration
  /** Part of each wait that is left to chance, 0 to 1 (default 0.5): a wait of 100 ms is 50 to 100 ms. */
  readonly jitter?: number
  /** Whether it is of use to try again (default: always). */
  readonly retryIf?: (error: Error) => boolean
}

/** What all asynchronous operators take. */
export interface AsyncOptions<K, V, R> extends Named, DroppedOptions<K, V> {
  /** Calls at once in each task (default 16). */
  readonly concurrency?: number
  /** Unfinished records (waiting, called, or done and waiting for an older one) at which the task takes no more (default 4 × concurrency). */
  readonly capacity?: number
  /**
   * `partition` (default): calls overlap, results go on in the order of the records, as without `Async`. `key`: one call of a key at a
   * time, its results in order; keys overtake each other; null keys have no order. `none`: results go on as they come.
   */
  readonly order?: OrderKind
  /** What tells keys apart for order `key`, where it is not known from upstream. */
  readonly key?: Serde<K>
  /** How long one call may take (default 30 s): then its signal is aborted, and it counts as failed. */
  readonly timeout?: Duration
  /** How often, and after which waits, a call that failed is made again (default: never). */
  readonly retry?: AsyncRetryOptions
  /**
   * After the last attempt: `fail` (default) stops with a ProcessingError; `drop` drops the record with reason `processing-error`; a
   * function gives the result instead.
   */
  readonly onError?: 'fail' | 'drop' | ((error: Error, value: V, key: K) => R)
}

const DEFAULT_CONCURRENCY = 16
const DEFAULT_TIMEOUT_MS = 30_000

type AsyncFunction<K, V, R> = (value: V, key: K, call: AsyncCall) => Awaitable<R>

export function mapValuesAsync<K, V, V2>(
  stream: StreamNode<K, V>,
  mapper: AsyncFunction<K, V, V2>,
  options: AsyncOptions<K, V, V2>,
): StreamNode<K, V2> {
  const serdes = { key: stream.serdes.key, value: undefined }
  return asyncStream<K, V, V2, K, V2>(stream, 'KSTREAM-MAPVALUESASYNC-', options, serdes, 'value', {
    call: mapper,
    emit: (record, value, context) => context.forward(record.withValue(value)),
  })
}

export function mapAsync<K, V, K2, V2>(
  stream: StreamNode<K, V>,
  mapper: AsyncFunction<K, V, readonly [K2, V2]>,
  options: AsyncOptions<K, V, readonly [K2, V2]>,
): StreamNode<K2, V2> {
  const serdes = { key: undefined, value: undefined }
  return asyncStream<K, V, readonly [K2, V2], K2, V2>(stream, 'KSTREAM-MAPASYNC-', options, serdes, 'key', {
    call: mapper,
    emit: ({ timestampMs, headers }, [key, value], context) =>
      context.forward(new StreamRecord(key, value, timestampMs, headers)),
  })
}

export function filterAsync<K, V>(
  stream: StreamNode<K, V>,
  predicate: AsyncFunction<K, V, boolean>,
  options: AsyncOptions<K, V, boolean>,
): StreamNode<K, V> {
  return asyncStream<K, V, boolean, K, V>(stream, 'KSTREAM-FILTERASYNC-', options, stream.serdes, undefined, {
    call: predicate,
    emit: (record, holds, context) => (holds ? context.forward(record) : undefined),
  })
}

export function foreachAsync<K, V>(
  stream: StreamNode<K, V>,
  action: AsyncFunction<K, V, void>,
  options: AsyncOptions<K, V, void>,
): void {
  const ordered = { ...options, order: options.order ?? ('key' as const) }
  asyncStream<K, V, void, K, V>(stream, 'KSTREAM-FOREACHASYNC-', ordered, stream.serdes, undefined, {
    call: action,
    emit: () => {},
  })
}

function asyncStream<K, V, R, K2, V2>(
  stream: StreamNode<K, V>,
  prefix: string,
  options: AsyncOptions<K, V, R>,
  serdes: Serdes<K2, V2>,
  changes: 'key' | 'value' | undefined,
  work: Pick<AsyncSettings<K, V, R, K2, V2>, 'call' | 'emit'>,
): StreamNode<K2, V2> {
  const { context, node, sources } = stream
  const name = context.names.orElse(options.name, prefix)
  const settings = { ...work, ...settingsOf(name, stream, options) }
  const plan = context.processor(name, [node], () => new AsyncOperator(settings), { retains: true, changes })
  handDropped(stream, [plan], options)
  const repartitionRequired = stream.repartitionRequired || changes === 'key'
  return { context, node: plan, serdes, sources, repartitionRequired }
}

function settingsOf<K, V, R>(name: string, stream: StreamNode<K, V>, options: AsyncOptions<K, V, R>) {
  const order = options.order ?? 'partition'
  const concurrency = wholeNumber(name, 'concurrency', options.concurrency ?? DEFAULT_CONCURRENCY)
  const capacity = wholeNumber(name, 'capacity', options.capacity ?? 4 * concurrency)
  if (capacity < concurrency)
    throw new InvalidArgumentError(`${name} cannot make ${concurrency} calls at once with a capacity of ${capacity}`)
  const timeoutMs = durationMs(options.timeout ?? DEFAULT_TIMEOUT_MS, `timeout of ${name}`)
  if (timeoutMs <= 0) throw new InvalidArgumentError(`the timeout of ${name} must be positive, got ${timeoutMs} ms`)
  const retry = retryOf(name, options.retry)
  const keyIdOf = order === 'key' ? keyIdentityOf(name, options.key ?? stream.serdes.key) : () => undefined
  return { order, concurrency, capacity, timeoutMs, retry, onError: options.onError ?? ('fail' as const), keyIdOf }
}

function keyIdentityOf<K>(name: string, known: Serde<K> | undefined): (key: unknown) => unknown {
  const serde = requireSerde(known, 'key', `order 'key' of ${name}`) as Serde<unknown>
  const idOf = identityOf(serde)
  return (key) => idOf(key, name)
}

function retryOf(name: string, options: AsyncRetryOptions | undefined): AsyncRetry {
  const attempts = wholeNumber(name, 'attempts', options?.attempts ?? 1)
  const backoffMs = durationMs(options?.backoff ?? 100, `backoff of ${name}`)
  const maxBackoffMs = durationMs(options?.maxBackoff ?? 10_000, `maxBackoff of ${name}`)
  const jitter = options?.jitter ?? 0.5
  if (backoffMs < 0 || maxBackoffMs < 0 || !(jitter >= 0 && jitter <= 1))
    throw new InvalidArgumentError(`${name} retries with a wait of 0 ms or more and a jitter of 0 to 1`)
  return { attempts, backoffMs, maxBackoffMs, jitter, retryIf: options?.retryIf ?? (() => true) }
}

function wholeNumber(name: string, what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError(`${what} of ${name} must be a whole number of at least 1, got ${value}`)
  return value
}
