import type { MetricFamily, Metrics } from '../../../common/metrics.ts'
import { version } from '../../../common/version.ts'
import type { ClientState } from '../client/client-state.ts'
import { metricSpec, RECORDING_LEVELS, type RecordingLevel } from './metric-catalogue.ts'
import { prometheusFamilies, prometheusName } from './prometheus.ts'
import { type StreamsMetric, StreamsMetrics } from './streams-metrics.ts'
import { TaskMetrics } from './task-metrics.ts'
import { ThreadMetrics } from './thread-metrics.ts'

const COMMIT_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** In Kafka Streams' order: its number is the value of `client-state`. */
const CLIENT_STATES: readonly ClientState[] = [
  'CREATED',
  'REBALANCING',
  'RUNNING',
  'PENDING_SHUTDOWN',
  'NOT_RUNNING',
  'PENDING_ERROR',
  'ERROR',
]

/** What is recorded in other threads. */
export interface MetricsOfThreads {
  /** What the threads have in their registries for Prometheus. */
  metrics(): Promise<readonly MetricFamily[]>
  streamsMetrics(): Promise<readonly StreamsMetric[]>
}

export interface ClientMetricsOptions {
  readonly metrics: Metrics
  readonly level: RecordingLevel
  readonly applicationId: string
  readonly processId: string
  /** It is the inside of a stream thread: what is about the client as a whole is told by the main thread. */
  readonly isInner: boolean
  readonly topology: () => string
  readonly state: () => ClientState
  readonly aliveThreads: () => number
}

/** The metrics of a client and all that it makes. @see org.apache.kafka.streams.internals.metrics.ClientMetrics */
export class ClientMetrics {
  readonly #options: ClientMetricsOptions
  readonly #registry: StreamsMetrics
  readonly #commitSeconds
  #failedThreads = 0

  constructor(options: ClientMetricsOptions) {
    const { level, metrics, isInner } = options
    this.#options = options
    this.#registry = new StreamsMetrics({ level })
    const spec = { group: 'stream-thread-metrics', name: 'commit-latency-seconds' }
    const help = metricSpec(spec.group, spec.name)?.description ?? ''
    this.#commitSeconds = metrics.histogram(prometheusName(spec), help, [], COMMIT_SECONDS)
    if (!isInner) this.#tellOfClient()
  }

  /** Of the client, of the threads that run here, and of those that run elsewhere. */
  all(): Promise<readonly StreamsMetric[]> {
    return this.#registry.all()
  }

  /** `/metrics` has them from now on, and those of stream threads that are workers; the answer ends that. */
  publish(workers: MetricsOfThreads | undefined): () => void {
    const { metrics, isInner } = this.#options
    if (isInner) return () => {}
    const stops = [metrics.addSource(async () => prometheusFamilies(await this.all()))]
    if (workers !== undefined)
      stops.push(
        metrics.addSource(() => workers.metrics()),
        this.#registry.addSource(() => workers.streamsMetrics()),
      )
    return () => {
      for (const stop of stops) stop()
    }
  }

  thread(threadName: string, startedMs: number): ThreadMetrics {
    const { processId } = this.#options
    const onCommit = (seconds: number): void => this.#commitSeconds.observe(seconds)
    return new ThreadMetrics({ registry: this.#registry, threadName, processId, startedMs, onCommit })
  }

  /** Of the task that fills global stores. */
  global(taskId: string, threadName: string): TaskMetrics {
    return new TaskMetrics({ registry: this.#registry, threadName, taskId })
  }

  threadFailed(): void {
    this.#failedThreads++
  }

  #tellOfClient(): void {
    const { applicationId, processId, level, topology, state, aliveThreads } = this.#options
    const scope = this.#registry.scope('stream-metrics', { 'client-id': `${applicationId}-${processId}` })
    scope.value('version', () => version)
    scope.value('application-id', () => applicationId)
    scope.value('topology-description', topology)
    scope.value('state', state)
    scope.value('client-state', () => CLIENT_STATES.indexOf(state()), {
      'process-id': processId,
      'application-id': applicationId,
    })
    scope.value('alive-stream-threads', aliveThreads)
    scope.value('failed-stream-threads', () => this.#failedThreads)
    scope.value('recording-level', () => RECORDING_LEVELS.indexOf(level), { 'process-id': processId })
  }
}
