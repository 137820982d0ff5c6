import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import { EMPTY_HEADERS, type Headers } from '../../../common/record.ts'
import type { ClosingSessionStore, SessionEntry } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { Change, StreamRecord, Windowed } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import type { CopyOf } from '../tables/table-forwarder.ts'
import { IdleClock } from '../times/idle-clock.ts'
import { WindowCloseProgress, type WindowCloseSettings } from './window-close.ts'

/**
 * Sends each session once, when it has closed: in the order of end, start, then key bytes, with its end as time and the headers of the
 * record that closed it (none when silence did). Sessions stay in the store until they were sent, even past its retention.
 * @see KStreamSessionWindowAggregate.maybeForwardFinalResult
 */
export class SessionCloseEmitter<K, A> {
  readonly clock: IdleClock
  readonly #context: ProcessorContext<Windowed<K>, Change<A>>
  readonly #sessions: ClosingSessionStore<K, A>
  readonly #progress: WindowCloseProgress
  readonly #openMs: number
  readonly #copy: CopyOf<A> | undefined
  readonly #topic: string

  /** `openMs`: how long a session stays open after its end. `copy`: set where somebody keeps what is sent. */
  constructor(
    context: ProcessorContext<Windowed<K>, Change<A>>,
    store: string,
    openMs: number,
    { idleTimeoutMs }: WindowCloseSettings,
    copy: CopyOf<A> | undefined,
  ) {
    this.#context = context
    this.#openMs = openMs
    this.#copy = copy
    this.#topic = changelogTopicName(context.applicationId, store)
    this.#sessions = context.getStateStore(store)
    this.#progress = new WindowCloseProgress(context as ProcessorContext, store)
    this.clock = new IdleClock(context as ProcessorContext, store, idleTimeoutMs, () => this.send(EMPTY_HEADERS))
    const { lastCloseMs } = this.#progress
    if (lastCloseMs < 0) return
    // What was sent before a restart is closed after it too.
    this.clock.startAt(lastCloseMs + openMs)
    this.#sessions.release(lastCloseMs)
  }

  /** Sends what has closed, if it is time to look. */
  send(headers: Headers): Awaitable<void> {
    const closeMs = this.clock.streamTimeMs - this.#openMs
    if (!this.#progress.isDue(closeMs)) return
    const fromMs = Math.max(0, this.#progress.lastCloseMs)
    if (closeMs <= fromMs) return
    const sent = chain(this.#sessions.findEnded(fromMs, closeMs - 1), (ended) =>
      eachInOrder(ended, (session) => this.#send(session, headers)),
    )
    return chain(sent, () => {
      this.#progress.sent(closeMs)
      this.#sessions.release(closeMs)
    })
  }

  #send({ key, startMs, endMs, value }: SessionEntry<K, A>, headers: Headers): Awaitable<void> {
    this.#progress.sends()
    const sent = this.#copy === undefined ? value : this.#copy(value, this.#topic)
    return this.#context.forward(
      new StreamRecord(new Windowed(key, startMs, endMs), new Change(sent, null), endMs, headers),
    )
  }
}
