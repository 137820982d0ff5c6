import type { FetchedBatch } from '../../../kafka/port.ts'
import { Stat } from './sensors.ts'
import type { MetricScope, StreamsMetrics } from './streams-metrics.ts'

/** What the metrics of a thread are asked of the thread. */
export interface ObservedThread {
  readonly state: () => ThreadStateName
  readonly restoringTasks: () => number
  readonly readyTasks: () => number
  readonly standbys: () => number
  readonly isPaused: () => boolean
  /** Of all inputs and standby copies; empty while nothing is known. */
  readonly lags: () => Iterable<number>
}

/** In Kafka Streams' order: its number is the value of `thread-state`. */
export const THREAD_STATES = [
  'CREATED',
  'STARTING',
  'PARTITIONS_REVOKED',
  'PARTITIONS_ASSIGNED',
  'RUNNING',
  'PENDING_SHUTDOWN',
  'DEAD',
] as const
export type ThreadStateName = (typeof THREAD_STATES)[number]

export interface ThreadMetricsOptions {
  readonly registry: StreamsMetrics
  readonly threadName: string
  readonly processId: string
  readonly startedMs: number
  /** Told the time of each commit, in seconds. */
  readonly onCommit?: (seconds: number) => void
}

/**
 * Where the time of a thread goes. The clock is read between the parts of an iteration, never for a record.
 * @see org.apache.kafka.streams.processor.internals.metrics.ThreadMetrics
 */
export class ThreadMetrics {
  readonly registry: StreamsMetrics
  readonly threadName: string
  readonly tasksAssigned: Stat
  readonly tasksRevoked: Stat
  readonly tasksLost: Stat
  readonly #options: ThreadMetricsOptions
  readonly #scopes: MetricScope[] = []
  readonly #poll: Stat
  readonly #pollRecords = new Stat()
  readonly #processLatency = new Stat()
  readonly #processRecords = new Stat()
  readonly #punctuate: Stat
  readonly #commit: Stat
  /** Time of whole iterations, and of their parts, in ms. */
  readonly #iteration: Stat
  readonly #processTime: Stat
  readonly #punctuateTime: Stat
  readonly #commitTime: Stat
  #processed = 0
  #blockedMs = 0
  #tasksCreated = 0
  #tasksClosed = 0
  #restoredRecords = 0
  #restoredBatches = 0
  #iterationStartMs = 0

  constructor(options: ThreadMetricsOptions) {
    const { registry, threadName, startedMs } = options
    this.#options = options
    this.registry = registry
    this.threadName = threadName
    const scope = registry.scope('stream-thread-metrics', { 'thread-id': threadName })
    this.#scopes.push(scope)
    this.#poll = scope.calls('poll')
    this.#punctuate = scope.calls('punctuate')
    this.#commit = scope.calls('commit')
    scope.stat('poll-records', this.#pollRecords)
    scope.stat('process-latency', this.#processLatency)
    scope.stat('process-records', this.#processRecords)
    scope.throughput('process', () => this.#processed)
    this.#iteration = scope.sample(new Stat())
    this.#processTime = scope.sample(new Stat())
    this.#punctuateTime = scope.sample(new Stat())
    this.#commitTime = scope.sample(new Stat())
    const ratio = (name: string, part: Stat): boolean => scope.value(`${name}-ratio`, () => this.#ratioOf(part))
    ratio('poll', this.#poll)
    ratio('process', this.#processTime)
    ratio('punctuate', this.#punctuateTime)
    ratio('commit', this.#commitTime)
    scope.throughput('task-created', () => this.#tasksCreated)
    scope.throughput('task-closed', () => this.#tasksClosed)
    this.tasksAssigned = latency(scope, 'tasks-assigned')
    this.tasksRevoked = latency(scope, 'tasks-revoked')
    this.tasksLost = latency(scope, 'tasks-lost')
    scope.value('blocked-time-ns-total', () => Math.round(this.#blockedMs * 1e6))
    scope.value('thread-start-time', () => startedMs)
  }

  /** Tells of this thread from now on. */
  observe(thread: ObservedThread): void {
    const { threadName, processId } = this.#options
    const [scope] = this.#scopes
    scope?.value('state', thread.state)
    scope?.value('thread-state', () => THREAD_STATES.indexOf(thread.state()), { 'process-id': processId })
    const updater = this.registry.scope('stream-state-updater-metrics', { 'thread-id': threadName })
    updater.value('active-restoring-tasks', thread.restoringTasks)
    updater.value('active-paused-tasks', thread.readyTasks)
    updater.value('standby-updating-tasks', () => (thread.isPaused() ? 0 : thread.standbys()))
    updater.value('standby-paused-tasks', () => (thread.isPaused() ? thread.standbys() : 0))
    updater.rate('restore-records', () => this.#restoredRecords)
    updater.rate('restore-call', () => this.#restoredBatches)
    const consumer = this.registry.scope('consumer-fetch-manager-metrics', { 'client-id': `${threadName}-consumer` })
    consumer.value('records-lag-max', () => {
      const lags = [...thread.lags()]
      return lags.length === 0 ? Number.NaN : Math.max(...lags)
    })
    this.#scopes.push(updater, consumer)
  }

  /** How much of the thread's processing takes this part of it. */
  shareOfProcessing(part: Stat): number {
    const all = this.#processTime.sum
    return all === 0 ? 0 : part.sum / all
  }

  /** An iteration begins, with its poll. */
  begin(): void {
    this.#iterationStartMs = performance.now()
  }

  /** The poll is over, with these. */
  polled(batches: readonly FetchedBatch[]): void {
    const ms = performance.now() - this.#iterationStartMs
    this.#poll.record(ms)
    this.#blockedMs += ms
    let records = 0
    for (const batch of batches) records += batch.records.length
    if (records > 0) this.#pollRecords.record(records)
  }

  processed(records: number, processMs: number): void {
    this.#processed += records
    this.#processRecords.record(records)
    if (records > 0) this.#processLatency.record(processMs / records)
    this.#processTime.record(processMs)
  }

  punctuated(ms: number): void {
    this.#punctuate.record(ms)
    this.#punctuateTime.record(ms)
  }

  committed(tasks: number, ms: number): void {
    this.#commit.record(ms / tasks)
    this.#commitTime.record(ms)
    this.#options.onCommit?.(ms / 1_000)
  }

  /** Waits for Kafka. */
  async waiting<T>(answer: Promise<T>): Promise<T> {
    const startedMs = performance.now()
    try {
      return await answer
    } finally {
      this.blocked(performance.now() - startedMs)
    }
  }

  /** The thread has waited for Kafka. */
  blocked(ms: number): void {
    this.#blockedMs += ms
  }

  taskCreated(): void {
    this.#tasksCreated++
  }

  taskClosed(): void {
    this.#tasksClosed++
  }

  restored(records: number): void {
    this.#restoredRecords += records
    this.#restoredBatches++
  }

  /** The iteration is over. */
  end(): void {
    const nowMs = performance.now()
    this.#iteration.record(nowMs - this.#iterationStartMs)
    this.registry.tick(nowMs)
  }

  close(): void {
    for (const scope of this.#scopes) scope.close()
  }

  #ratioOf(part: Stat): number {
    const all = this.#iteration.sum
    return all === 0 ? 0 : Math.min(1, part.sum / all)
  }
}

function latency(scope: MetricScope, name: string): Stat {
  const stat = new Stat()
  scope.stat(`${name}-latency`, stat)
  return stat
}
