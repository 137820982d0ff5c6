import { type Clock, systemClock } from '../common/clock.ts'
import type { Metrics } from '../common/metrics.ts'
import type { ConnectorState, ConnectorStatus } from './connector.ts'

/**
 * The status of one connector, kept up by the connector itself and read by the supervisor, HTTP and metrics. With
 * `metrics` it also shows as `brook_connector_*` with the label `connector`. Counts go on over restarts.
 */
export class StatusTracker {
  readonly name: string
  readonly #clock: Clock
  #state: ConnectorState = 'created'
  #sinceMs: number
  #lastError: string | undefined
  #lastMessageMs: number | undefined
  #queueLength: () => number = () => 0
  #received = 0
  #published = 0
  #deadLetters = 0
  #dropped = 0
  #reconnects = 0

  constructor(name: string, options: { clock?: Clock; metrics?: Metrics } = {}) {
    this.name = name
    this.#clock = options.clock ?? systemClock
    this.#sinceMs = this.#clock.nowMs()
    if (options.metrics) exposeOn(options.metrics, this)
  }

  get state(): ConnectorState {
    return this.#state
  }

  /**
   * Moves to `state`; `sinceMs` changes only when the state does. `error` is kept as `lastError` until the next one.
   * Returns whether the state has changed, so that a change is logged once and not once per try.
   */
  moveTo(state: ConnectorState, error?: Error): boolean {
    if (error) this.#lastError = error.message
    if (state === this.#state) return false
    this.#state = state
    this.#sinceMs = this.#clock.nowMs()
    return true
  }

  /** Where the number of messages that wait is read from. */
  watchQueue(length: () => number): void {
    this.#queueLength = length
  }

  /** A message came from the bus. */
  received(): void {
    this.#received++
    this.#lastMessageMs = this.#clock.nowMs()
  }

  /** A record is in the log, or where a sink takes it to. */
  published(count = 1): void {
    this.#published += count
  }

  /** A dead letter is in the log. */
  deadLetter(): void {
    this.#deadLetters++
  }

  /** Something was given up for lack of room or time. */
  dropped(count = 1): void {
    this.#dropped += count
  }

  /** A lost connection stands again. */
  reconnected(): void {
    this.#reconnects++
  }

  snapshot(): ConnectorStatus {
    return {
      name: this.name,
      state: this.#state,
      sinceMs: this.#sinceMs,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(this.#lastMessageMs === undefined ? {} : { lastMessageMs: this.#lastMessageMs }),
      queueLength: this.#queueLength(),
      received: this.#received,
      published: this.#published,
      deadLetters: this.#deadLetters,
      dropped: this.#dropped,
      reconnects: this.#reconnects,
    }
  }
}

type Metric = readonly [name: string, help: string, read: (status: ConnectorStatus) => number | undefined]

/** Names that end in `_total` are counters, the others gauges. */
const METRICS: readonly Metric[] = [
  ['up', 'Whether the connector works: 1 running, 0.5 degraded, 0 otherwise.', (s) => UP[s.state]],
  ['state_since_timestamp_seconds', 'When the connector came to the state that it is in.', (s) => s.sinceMs / 1000],
  ['queue_length', 'Messages that wait for the log or for the bus.', (s) => s.queueLength],
  ['received_total', 'Messages that came from the bus.', (s) => s.received],
  ['published_total', 'Records that are in the log.', (s) => s.published],
  ['dead_letters_total', 'Messages that could not be used.', (s) => s.deadLetters],
  ['dropped_total', 'Messages given up for lack of room or time.', (s) => s.dropped],
  ['reconnects_total', 'Connections that were lost and stand again.', (s) => s.reconnects],
  [
    'last_message_timestamp_seconds',
    'When the last message came from the bus.',
    (s) => (s.lastMessageMs === undefined ? undefined : s.lastMessageMs / 1000),
  ],
]

const UP: Readonly<Record<ConnectorState, number>> = {
  created: 0,
  connecting: 0,
  running: 1,
  degraded: 0.5,
  failed: 0,
  stopped: 0,
}

const exposed = new WeakMap<Metrics, Map<string, StatusTracker>>()

/** Values are read when somebody asks, so that counting a message costs an addition. */
function exposeOn(metrics: Metrics, tracker: StatusTracker): void {
  const known = exposed.get(metrics)
  const trackers = known ?? new Map<string, StatusTracker>()
  trackers.set(tracker.name, tracker)
  if (known) return
  exposed.set(metrics, trackers)
  for (const [name, help, read] of METRICS) {
    const collect = (set: (value: number, labels: { connector: string }) => void): void => {
      for (const one of trackers.values()) {
        const value = read(one.snapshot())
        if (value !== undefined) set(value, { connector: one.name })
      }
    }
    const kind = name.endsWith('_total') ? 'counter' : 'gauge'
    metrics[kind](`brook_connector_${name}`, help, ['connector'], collect)
  }
}
