import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { BufferedContext } from '../../../stores/buffers/buffer-value.ts'
import type { BufferedRecord, RecordBuffer } from '../../../stores/buffers/record-buffer.ts'
import type { ValueAndTimestamp } from '../../../stores/state-store.ts'
import { type RecordMetadata, StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { RowGetter, TableView } from '../tables/table-view.ts'

export interface StreamTableJoinOptions<K, V, TK, T, R> {
  readonly view: TableView<TK, T>
  /** The table's key for a record: its own key, or for global tables what the selector says; `null` = no row. */
  readonly keyOf: (value: V, key: K) => TK | null
  readonly joiner: (value: V, row: T | undefined, key: K) => R
  readonly left: boolean
  /** Somebody downstream may hold on to what the joiner is given. */
  readonly kept: boolean
  /** The table has a history: the row as of the record's time counts (rule 46). */
  readonly asOf?: boolean | undefined
  /** How much older than the record a row may be. */
  readonly toleranceMs?: number | undefined
  /** Store in which records wait until their grace is over (rule 47). */
  readonly buffer?: string | undefined
}

const NOWHERE: RecordMetadata = { topic: '', partition: -1, offset: -1 }

/**
 * Looks the table's row up for each stream record; only the stream side emits, with the record's own key, time and headers. Null
 * values are dropped; a null key finds no row: dropped by an inner join, joined with `undefined` at once by a left one.
 *
 * With a buffer, records are joined in the order of their times, when stream time (of what the buffer has taken) is `grace` beyond
 * them, as the records that they are: with their own origin. One that comes later than that is joined at once.
 * @see KStreamKTableJoinProcessor; KIP-962, KIP-923
 */
export class StreamTableJoin<K, V, TK, T, R> implements Processor<K, V, K, R> {
  readonly #options: StreamTableJoinOptions<K, V, TK, T, R>
  readonly #sendBuffered = (buffered: BufferedRecord<K, V>): Awaitable<void> => this.#joinBuffered(buffered)
  #context!: ProcessorContext<K, R>
  #row!: RowGetter<TK, T>
  #buffer: RecordBuffer<K, V> | undefined

  constructor(options: StreamTableJoinOptions<K, V, TK, T, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, R>): void {
    const { view, kept, buffer } = this.#options
    this.#context = context
    this.#row = view.getter(context as ProcessorContext, kept)
    if (buffer !== undefined) this.#buffer = context.getStateStore(buffer)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { left, keyOf } = this.#options
    if (record.value === null) return this.#context.drop(record, 'null-value')
    const key = keyOf(record.value, record.key)
    if (key === null || key === undefined)
      return left ? this.#context.forward(this.#joined(record, undefined)) : this.#context.drop(record, 'null-key')
    if (this.#buffer?.put(record.key, record.value, this.#contextOf(record)))
      return this.#buffer.evict(this.#sendBuffered)
    const row = this.#rowOf(key, record.timestampMs)
    return row instanceof Promise ? row.then((r) => this.#emit(record, r)) : this.#emit(record, row)
  }

  #rowOf(key: TK, timestampMs: number): Awaitable<ValueAndTimestamp<T> | undefined> {
    const { asOf, toleranceMs } = this.#options
    const row = this.#row(key, asOf ? timestampMs : undefined)
    if (toleranceMs === undefined) return row
    return chain(row, (found) =>
      found !== undefined && timestampMs - found.timestampMs > toleranceMs ? undefined : found,
    )
  }

  #emit(record: StreamRecord<K, V>, row: ValueAndTimestamp<T> | undefined): Awaitable<void> {
    if (row === undefined && !this.#options.left) return
    return this.#context.forward(this.#joined(record, row))
  }

  #joined(record: StreamRecord<K, V>, row: ValueAndTimestamp<T> | undefined): StreamRecord<K, R> {
    return record.withValue(this.#options.joiner(record.value, row?.value, record.key))
  }

  #joinBuffered({ key, value, context }: BufferedRecord<K, V>): Awaitable<void> {
    const { timestampMs, headers, topic, partition, offset } = context
    return chain(this.#rowOf(this.#options.keyOf(value, key) as TK, timestampMs), (row) => {
      if (row === undefined && !this.#options.left) return
      const origin = partition < 0 ? undefined : { topic, partition, offset }
      return this.#context.forwardAs(this.#joined(new StreamRecord(key, value, timestampMs, headers), row), origin)
    })
  }

  #contextOf({ timestampMs, headers }: StreamRecord<K, V>): BufferedContext {
    const { topic, partition, offset } = this.#context.recordMetadata() ?? NOWHERE
    return { timestampMs, headers, topic, partition, offset }
  }
}
