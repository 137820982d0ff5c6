import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { ValueAndTimestamp, WindowStore } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import type { Change, StreamRecord, Windowed } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { withForwarder } from '../tables/shared-forwarder.ts'
import type { TableForwarder } from '../tables/table-forwarder.ts'
import { OperatorTime } from '../times/operator-time.ts'
import { type Aggregate, type AggregateOptions, ownAggregate } from './stream-aggregate.ts'
import { type ClosableWindows, WindowCloseEmitter, type WindowCloseSettings } from './window-close.ts'
import type { Windows } from './windows.ts'

/**
 * One aggregate per key and window. Drops null keys; null values reach the aggregator (rule 11). The record's own time closes
 * windows first; a window is open while its end is after stream time less grace (rules 13 to 16). Each late window is one drop.
 * With `onClose`, a window is sent once, when it has closed, instead of every update.
 * @see KStreamWindowAggregate
 */
export class WindowAggregate<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #windows: Windows
  readonly #aggregate: Aggregate<K, V, A>
  readonly #options: AggregateOptions<A>
  readonly #onClose: WindowCloseSettings | undefined
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #rows!: WindowStore<K, A>
  #forwarder!: TableForwarder<A>
  #emitter: WindowCloseEmitter<K, A> | undefined
  #time!: OperatorTime
  #topic = ''
  #streamTimeMs = -1

  constructor(
    windows: Windows,
    aggregate: Aggregate<K, V, A>,
    options: AggregateOptions<A>,
    onClose?: WindowCloseSettings,
  ) {
    this.#windows = windows
    this.#aggregate = aggregate
    this.#options = options
    this.#onClose = onClose
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store } = this.#options
    const windows = this.#windows
    this.#context = context
    this.#rows = context.getStateStore(store)
    withForwarder(
      context as ProcessorContext,
      this.#options,
      this.#rows,
      (forwarder) => {
        this.#forwarder = forwarder
      },
      (startMs) => windows.endMs(startMs),
    )
    this.#topic = changelogTopicName(context.applicationId, store)
    if (this.#onClose !== undefined)
      this.#emitter = new WindowCloseEmitter(context, closable(windows), store, this.#onClose)
    this.#time = this.#emitter?.clock ?? new OperatorTime(context as ProcessorContext)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { timestampMs } = record
    if (record.key === null) return this.#context.drop(record, 'null-key')
    this.#streamTimeMs = this.#time.saw(timestampMs)
    const updated = this.#windowsFrom(record, this.#windows.firstStartMs(timestampMs))
    const emitter = this.#emitter
    return emitter === undefined ? updated : chain(updated, () => emitter.send(record.headers))
  }

  #windowsFrom(record: StreamRecord<K, V>, firstMs: number): Awaitable<void> {
    const windows = this.#windows
    const closedMs = this.#streamTimeMs - windows.graceMs
    for (let startMs = firstMs; startMs <= record.timestampMs; startMs = windows.nextStartMs(startMs)) {
      const endMs = windows.endMs(startMs)
      const pending =
        endMs <= closedMs ? this.#context.drop(record, 'late', { startMs, endMs }) : this.#window(record, startMs)
      if (pending instanceof Promise) {
        const nextMs = windows.nextStartMs(startMs)
        return pending.then(() => this.#windowsFrom(record, nextMs))
      }
    }
  }

  #window(record: StreamRecord<K, V>, startMs: number): Awaitable<void> {
    const row = this.#rows.getEntry(record.key, startMs)
    return row instanceof Promise
      ? row.then((r) => this.#update(record, startMs, r))
      : this.#update(record, startMs, row)
  }

  #update(record: StreamRecord<K, V>, startMs: number, row: ValueAndTimestamp<A> | undefined): Awaitable<void> {
    const { key, value, timestampMs, headers } = record
    const time = row !== undefined && row.timestampMs > timestampMs ? row.timestampMs : timestampMs
    const oldValue = row === undefined ? null : this.#forwarder.oldValue(row.value)
    const made = this.#aggregate(row?.value, value, key)
    const aggregate = ownAggregate(made, value, this.#options.copyInput, this.#topic)
    if (row === undefined && aggregate === null && this.#forwarder.caching) return
    const kept = this.#rows.put(key, aggregate, startMs, aggregate === null ? timestampMs : time)
    // What other inputs have put into the store has taken its time beyond this window: what was in it is gone.
    if (!kept && this.#options.shared !== undefined)
      return this.#context.drop(record, 'late', { startMs, endMs: this.#windows.endMs(startMs) })
    if (this.#emitter !== undefined) return
    return this.#forwarder.forward(key, startMs, aggregate, oldValue, time, headers, timestampMs)
  }
}

/** The end is not in the window: what ends at the close time is closed. */
function closable(windows: Windows): ClosableWindows {
  return {
    graceMs: windows.graceMs,
    firstOpenStartMs: (closeMs) => (closeMs < 0 ? 0 : windows.firstStartMs(closeMs)),
    endMs: (startMs) => windows.endMs(startMs),
  }
}
