import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import type { WindowEntry, WindowStore } from '../../../stores/state-store.ts'
import type { StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { JoinWindowBounds } from './stream-stream-join.ts'

type Joiner<K, V, R> = (value: V | undefined, otherValue: V | undefined, key: K) => R

export interface StreamSelfJoinOptions<K, V, R> {
  readonly kind: 'inner' | 'left' | 'outer'
  readonly store: string
  readonly windows: JoinWindowBounds
  readonly joiner: Joiner<K, V, R>
}

/** What makes the join of a stream with itself; `undefined` where records may be without a partner, which one store cannot wait for. */
export function selfJoin<K, V, R>(
  kind: StreamSelfJoinOptions<K, V, R>['kind'],
  store: string,
  windows: JoinWindowBounds,
  joiner: Joiner<K, V, R>,
): { readonly supplier: () => never; readonly store: string } | undefined {
  if (kind !== 'inner' && !reachesItself(windows)) return undefined
  return { store, supplier: () => new StreamSelfJoin<K, V, R>({ kind, store, windows, joiner }) as never }
}

/**
 * A stream joined with itself over one window store, with the results of two in the order of two (rule 45): the record with those
 * before it, those before it with the record, and the record with itself where its time puts it among the latter.
 * @see KStreamKStreamSelfJoin
 */
export class StreamSelfJoin<K, V, R> implements Processor<K, V, K, R> {
  readonly #options: StreamSelfJoinOptions<K, V, R>
  readonly #retentionMs: number
  readonly #meetsItself: boolean
  #context!: ProcessorContext<K, R>
  #rows!: WindowStore<K, V>
  #streamTimeMs = -1

  constructor(options: StreamSelfJoinOptions<K, V, R>) {
    const { beforeMs, afterMs, graceMs } = options.windows
    this.#options = options
    this.#retentionMs = beforeMs + afterMs + graceMs
    this.#meetsItself = reachesItself(options.windows)
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    this.#rows = context.getStateStore(this.#options.store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, value, timestampMs } = record
    if (value === null) return this.#context.drop(record, 'null-value')
    if (key === null)
      return this.#options.kind === 'inner' ? this.#context.drop(record, 'null-key') : this.#emitAlone(record)
    if (timestampMs > this.#streamTimeMs) this.#streamTimeMs = timestampMs
    const { beforeMs, afterMs } = this.#options.windows
    return chain(this.#around(record, beforeMs, afterMs), (others) =>
      chain(
        eachInOrder(others, (other) => this.#emit(record, record.value, other.value, other.windowStartMs)),
        () => chain(this.#around(record, afterMs, beforeMs), (turned) => this.#asOther(record, turned, others.length)),
      ),
    )
  }

  /** The record on the right side, itself included where it is not too late to be kept. */
  #asOther(record: StreamRecord<K, V>, others: readonly WindowEntry<K, V>[], before: number): Awaitable<void> {
    const { timestampMs, value } = record
    const isKept = timestampMs > this.#streamTimeMs - this.#retentionMs
    const withItself = this.#meetsItself && isKept
    if (!withItself && before + others.length === 0 && this.#options.kind !== 'inner') return this.#emitAlone(record)
    const join = (other: WindowEntry<K, V>): Awaitable<void> =>
      this.#emit(record, other.value, value, other.windowStartMs)
    if (!withItself) return eachInOrder(others, join)
    const later = others.findIndex((other) => other.windowStartMs > timestampMs)
    const split = later < 0 ? others.length : later
    return chain(eachInOrder(others.slice(0, split), join), () =>
      chain(this.#emit(record, value, value, timestampMs), () => eachInOrder(others.slice(split), join)),
    )
  }

  #around(
    { key, timestampMs }: StreamRecord<K, V>,
    lookBackMs: number,
    lookAheadMs: number,
  ): Awaitable<readonly WindowEntry<K, V>[]> {
    return this.#rows.fetch(key, Math.max(0, timestampMs - lookBackMs), Math.max(0, timestampMs + lookAheadMs))
  }

  #emit(
    record: StreamRecord<K, V>,
    value: V | undefined,
    otherValue: V | undefined,
    otherTimestampMs: number,
  ): Awaitable<void> {
    const result = this.#options.joiner(value, otherValue, record.key)
    return this.#context.forward(record.withValue(result).withTimestamp(Math.max(record.timestampMs, otherTimestampMs)))
  }

  #emitAlone(record: StreamRecord<K, V>): Awaitable<void> {
    const { value, timestampMs } = record
    const left = this.#emit(record, value, undefined, timestampMs)
    return this.#options.kind === 'outer' ? chain(left, () => this.#emit(record, undefined, value, timestampMs)) : left
  }
}

/** Whether a record is within its own window. */
function reachesItself({ beforeMs, afterMs }: JoinWindowBounds): boolean {
  return beforeMs >= 0 && afterMs >= 0
}
