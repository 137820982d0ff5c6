import { type Awaitable, chain } from '../../common/awaitable.ts'
import type { WindowEntry, WindowStore } from '../../stores/state-store.ts'
import type { RecordMetadata, StreamRecord } from '../record.ts'
import type { Origin } from './deduplicate-serdes.ts'
import type { Processor, ProcessorContext } from './processor.ts'

export interface DeduplicateOptions<K, V> {
  readonly store: string
  readonly withinMs: number
  /** What is the same in duplicates; `null` or `undefined`: the record has none. */
  readonly idOf: (value: V, key: K) => unknown
}

/**
 * Passes a record unless one of the same id has passed whose time is at most `withinMs` away, earlier or later. The store holds the ids
 * that passed by their times, each with the place that its record was read from: when a record is read again after a crash, it finds
 * itself there, not a duplicate. Records without a key or id pass.
 * @see KIP-655
 */
export class Deduplicate<K, V> implements Processor<K, V, K, V> {
  readonly #options: DeduplicateOptions<K, V>
  #context!: ProcessorContext<K, V>
  #passed!: WindowStore<unknown, Origin>
  #at: RecordMetadata | undefined
  #ordinal = 0

  constructor(options: DeduplicateOptions<K, V>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
    this.#passed = context.getStateStore(this.#options.store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, value, timestampMs } = record
    if (key === null || key === undefined) return this.#context.forward(record)
    const id = this.#options.idOf(value, key)
    if (id === null || id === undefined) return this.#context.forward(record)
    const origin = this.#origin()
    const { withinMs } = this.#options
    const near = this.#passed.fetch(id, Math.max(0, timestampMs - withinMs), timestampMs + withinMs)
    return chain(near, (entries) => {
      if (entries.length === 0) {
        this.#passed.put(id, origin, timestampMs, timestampMs)
        return this.#context.forward(record)
      }
      return entries.some((entry) => isItself(entry, origin, timestampMs))
        ? this.#context.forward(record)
        : this.#context.drop(record, 'duplicate')
    })
  }

  /** What a punctuation sends has no place of its own, and is never sent again as the same. */
  #origin(): Origin {
    const at = this.#context.recordMetadata()
    if (at === undefined) return NOWHERE
    const before = this.#at
    const isSame =
      before !== undefined &&
      before.offset === at.offset &&
      before.partition === at.partition &&
      before.topic === at.topic
    this.#at = at
    this.#ordinal = isSame ? this.#ordinal + 1 : 0
    return { topic: at.topic, partition: at.partition, offset: at.offset, ordinal: this.#ordinal }
  }
}

const NOWHERE: Origin = { topic: '', partition: -1, offset: -1, ordinal: 0 }

function isItself(
  { value, windowStartMs }: WindowEntry<unknown, Origin>,
  origin: Origin,
  timestampMs: number,
): boolean {
  return (
    origin.offset >= 0 &&
    windowStartMs === timestampMs &&
    value.offset === origin.offset &&
    value.ordinal === origin.ordinal &&
    value.partition === origin.partition &&
    value.topic === origin.topic
  )
}
