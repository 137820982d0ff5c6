import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import type { SessionEntry, SessionStore } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { type Change, type StreamRecord, Windowed } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { withForwarder } from '../tables/shared-forwarder.ts'
import type { TableForwarder } from '../tables/table-forwarder.ts'
import { OperatorTime } from '../times/operator-time.ts'
import { SessionCloseEmitter } from './session-close.ts'
import { type Aggregate, type AggregateOptions, ownAggregate } from './stream-aggregate.ts'
import type { WindowCloseSettings } from './window-close.ts'

/** When two records of a key are in one session, and how long it stays open. */
export interface InactivityGap {
  readonly gapMs: number
  readonly graceMs: number
}

/** How the aggregates of sessions are made. They may be changed in place and returned. */
export interface SessionFunctions<K, V, A> {
  /** Every session begins with this; `undefined`: with nothing. */
  readonly initial: () => A | undefined
  /** It gets what the last merger gave, or the initial aggregate. */
  readonly aggregate: Aggregate<K, V, A>
  /** Two sessions become one: the aggregate of the older ones (first the initial one) with the next. */
  readonly merge: (before: A | undefined, session: A, key: K) => A | undefined
}

/**
 * One aggregate per key and session, which goes from its first to its last record and takes every record that is at most the gap away. A
 * record that touches sessions merges them: each is deleted (and a tombstone sent), then the merged one is put. Drops null keys; null
 * values reach the aggregator. A record is late when the session it would make or join ends before stream time less gap and grace, so
 * one that reaches into an open session is not (rules 11, 13, 17 to 19). Results have the session's end as time; without the record cache
 * they have no headers. On window close nothing is sent but the closed sessions.
 * @see KStreamSessionWindowAggregate
 */
export class SessionAggregate<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #windows: InactivityGap
  readonly #functions: SessionFunctions<K, V, A>
  readonly #options: AggregateOptions<A>
  readonly #onClose: WindowCloseSettings | undefined
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #sessions!: SessionStore<K, A>
  #forwarder!: TableForwarder<A>
  #emitter: SessionCloseEmitter<K, A> | undefined
  #time!: OperatorTime
  #topic = ''

  /** `onClose`: set to emit on window close; the store is then one that is planned with `timeOrdered`. */
  constructor(
    windows: InactivityGap,
    functions: SessionFunctions<K, V, A>,
    options: AggregateOptions<A>,
    onClose?: WindowCloseSettings,
  ) {
    this.#windows = windows
    this.#functions = functions
    this.#options = options
    this.#onClose = onClose
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store, settings } = this.#options
    this.#context = context
    this.#sessions = context.getStateStore(store)
    withForwarder(context as ProcessorContext, this.#options, this.#sessions, (forwarder) => {
      this.#forwarder = forwarder
    })
    this.#topic = changelogTopicName(context.applicationId, store)
    if (this.#onClose !== undefined)
      this.#emitter = new SessionCloseEmitter(context, store, this.#openMs, this.#onClose, settings.copy)
    this.#time = this.#emitter?.clock ?? new OperatorTime(context as ProcessorContext)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, timestampMs } = record
    if (key === null) return this.#context.drop(record, 'null-key')
    this.#time.saw(timestampMs)
    const emitter = this.#emitter
    const taken = this.#take(record, key)
    return emitter === undefined ? taken : chain(taken, () => emitter.send(record.headers))
  }

  /** How long a session stays open after its end. */
  get #openMs(): number {
    return this.#windows.gapMs + this.#windows.graceMs
  }

  #take(record: StreamRecord<K, V>, key: K): Awaitable<void> {
    const { gapMs } = this.#windows
    const found = this.#sessions.findSessions(key, record.timestampMs - gapMs, record.timestampMs + gapMs)
    return found instanceof Promise ? found.then((sessions) => this.#add(record, sessions)) : this.#add(record, found)
  }

  #add(record: StreamRecord<K, V>, sessions: readonly SessionEntry<K, A>[]): Awaitable<void> {
    const { timestampMs } = record
    let startMs = timestampMs
    let endMs = timestampMs
    for (const session of sessions) {
      if (session.startMs < startMs) startMs = session.startMs
      if (session.endMs > endMs) endMs = session.endMs
    }
    // Decided before anything is merged: a merger may change what is in the store.
    if (endMs < this.#time.streamTimeMs - this.#openMs) return this.#context.drop(record, 'late', { startMs, endMs })
    const olds = sessions.map((session) => this.#forwarder.oldValue(session.value))
    const merged = this.#merge(record.key, sessions)
    const session = new Windowed(record.key, startMs, endMs)
    // A session that is one point, the record's, is not deleted before it is put again.
    if (startMs === endMs) return this.#put(record, session, merged, olds[0] ?? null)
    return chain(
      eachInOrder(sessions, (old, i) => this.#remove(record, old, olds[i] as A)),
      () => this.#put(record, session, merged, null),
    )
  }

  #merge(key: K, sessions: readonly SessionEntry<K, A>[]): A | undefined {
    let merged = this.#functions.initial()
    for (const { value } of sessions) merged = this.#functions.merge(merged, value, key)
    return merged
  }

  #remove(record: StreamRecord<K, V>, { startMs, endMs }: SessionEntry<K, A>, oldValue: A): Awaitable<void> {
    this.#sessions.remove(record.key, startMs, endMs, record.timestampMs)
    return this.#forward(record, new Windowed(record.key, startMs, endMs), null, oldValue)
  }

  #put(record: StreamRecord<K, V>, session: Windowed<K>, before: A | undefined, oldValue: A | null): Awaitable<void> {
    const { key, value, timestampMs } = record
    const made = this.#functions.aggregate(before, value, key)
    const aggregate = ownAggregate(made, value, this.#options.copyInput, this.#topic)
    if (aggregate === null && oldValue === null && this.#forwarder.caching) return
    const { startMs, endMs } = session
    const kept = this.#sessions.put(key, aggregate, startMs, endMs, timestampMs)
    // What other inputs have put into the store has taken its time beyond this session: what it would join is gone.
    if (!kept && this.#options.shared !== undefined) return this.#context.drop(record, 'late', { startMs, endMs })
    return this.#forward(record, session, aggregate, oldValue)
  }

  #forward(record: StreamRecord<K, V>, session: Windowed<K>, newValue: A | null, oldValue: A | null): Awaitable<void> {
    if (this.#emitter !== undefined) return
    const headers = this.#forwarder.caching ? record.headers : EMPTY_HEADERS
    return this.#forwarder.forward(session, 0, newValue, oldValue, session.endMs, headers)
  }
}
