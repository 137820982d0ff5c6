import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { BufferedContext } from '../../../stores/buffers/buffer-value.ts'
import type { BufferedChange, ChangeBuffer } from '../../../stores/buffers/change-buffer.ts'
import { SuppressBufferFullError } from '../../errors.ts'
import { Change, type RecordMetadata, StreamRecord, type Windowed } from '../../record.ts'
import type { Counted } from '../node-metrics.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { IdleClock } from '../times/idle-clock.ts'
import { rowOf, type TableView } from './table-view.ts'

/** What a suppression waits for, and how much it may hold. */
export interface SuppressSettings {
  /** How long an update waits after its time, in stream time. */
  readonly waitMs: number
  /** Its time is the end of its key's window, not that of the record; and a deletion need not be told, since nothing was. */
  readonly untilWindowCloses: boolean
  readonly maxRecords: number
  readonly maxBytes: number
  /** Beyond the limits: send the earliest updates on, or stop. */
  readonly whenFull: 'emit' | 'shut-down'
  /** Silence that moves time, by the wall clock; absent: only records do. */
  readonly idleTimeoutMs: number | undefined
}

/**
 * Holds updates of a table back until their time is up; a newer update of a key replaces the one that waits, without starting its time
 * anew (rules 49 to 51). What is sent on has the time, headers and origin of its own record. Where silence closes windows, what comes for
 * a closed one is late: the aggregation above, whose time stands still meanwhile, has taken it.
 * @see KTableSuppressProcessorSupplier
 */
export class Suppress<K, V> implements Processor<K, Change<V>, K, Change<V>> {
  readonly #store: string
  readonly #settings: SuppressSettings
  #context!: ProcessorContext<K, Change<V>>
  #buffer!: ChangeBuffer<K, V>
  #time!: IdleClock
  #emitted!: Counted
  readonly #isDue = (): boolean => this.#buffer.minTimeMs <= this.#time.streamTimeMs - this.#settings.waitMs
  readonly #isFull = (): boolean =>
    this.#buffer.records > this.#settings.maxRecords || this.#buffer.sizeBytes > this.#settings.maxBytes
  readonly #send = (change: BufferedChange<K, V>): Awaitable<void> => this.#emit(change)

  constructor(store: string, settings: SuppressSettings) {
    this.#store = store
    this.#settings = settings
  }

  init(context: ProcessorContext<K, Change<V>>): void {
    this.#context = context
    this.#emitted = context.metrics.counted('suppression-emit')
    this.#buffer = context.getStateStore(this.#store)
    this.#time = new IdleClock(context as ProcessorContext, context.nodeName, this.#settings.idleTimeoutMs, () =>
      this.#buffer.evictWhile(this.#isDue, this.#send),
    )
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { key, value: change, timestampMs, headers } = record
    const { untilWindowCloses, idleTimeoutMs, waitMs } = this.#settings
    const closedMs = this.#time.streamTimeMs - waitMs
    this.#time.saw(timestampMs)
    const timeMs = untilWindowCloses ? (key as Windowed<unknown>).endMs : timestampMs
    if (idleTimeoutMs !== undefined && timeMs <= closedMs) {
      const { startMs, endMs } = key as Windowed<unknown>
      return this.#context.drop(record.withValue(change.newValue), 'late', { startMs, endMs })
    }
    const context = { timestampMs, headers, ...(this.#context.recordMetadata() ?? NOWHERE) }
    this.#buffer.put(timeMs, key, change.newValue, change.oldValue, context)
    if (this.#isDue()) return chain(this.#buffer.evictWhile(this.#isDue, this.#send), () => this.#enforceLimits())
    return this.#enforceLimits()
  }

  #enforceLimits(): Awaitable<void> {
    if (!this.#isFull()) return
    const { maxRecords, maxBytes, whenFull } = this.#settings
    if (whenFull === 'emit') return this.#buffer.evictWhile(this.#isFull, this.#send)
    const { records, sizeBytes } = this.#buffer
    throw new SuppressBufferFullError(this.#context.nodeName, { records, maxRecords, sizeBytes, maxBytes })
  }

  #emit({ key, newValue, priorValue, context }: BufferedChange<K, V>): Awaitable<void> {
    if (newValue === null && this.#settings.untilWindowCloses) return
    this.#emitted.count++
    const { timestampMs, headers } = context
    const record = new StreamRecord(key, new Change(newValue, priorValue), timestampMs, headers)
    return this.#context.forwardAs(record, originOf(context))
  }
}

const NOWHERE: RecordMetadata = { topic: '', partition: -1, offset: -1 }

function originOf({ topic, partition, offset }: BufferedContext): RecordMetadata | undefined {
  return partition < 0 ? undefined : { topic, partition, offset }
}

/** Rows as they have been sent on: of a key that waits, what was there before; the time of that is not known any more. */
export function suppressedView<K, V>(store: string, parent: TableView<K, V>): TableView<K, V> {
  return {
    storeNames: () => [store, ...parent.storeNames()],
    getter: (context, kept, lasting) => {
      const buffer = context.getStateStore<ChangeBuffer<K, V>>(store)
      const get = parent.getter(context, kept, lasting)
      return (key) =>
        chain(buffer.priorValue(key), (prior) => (prior === undefined ? get(key) : rowOf(prior.value, -1)))
    },
  }
}
