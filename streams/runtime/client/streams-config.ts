import { join } from 'node:path'
import { type Clock, systemClock } from '../../../common/clock.ts'
import { type Duration, durationMs } from '../../../common/duration.ts'
import { ConfigError } from '../../../common/errors.ts'
import { type Logger, silentLogger } from '../../../common/log.ts'
import { Metrics } from '../../../common/metrics.ts'
import type { KafkaProvider } from '../../../kafka/port.ts'
import type { Tracing } from '../../tracing.ts'
import type { CommitStep } from '../commit.ts'
import type { TopologyCheck } from '../deployment/check-deployment.ts'
import { RECORDING_LEVELS, type RecordingLevel } from '../metrics/metric-catalogue.ts'
import { type ErrorOptions, type ErrorSettings, errorSettings } from './error-settings.ts'
import { type StateOptions, type StateSettings, stateSettings } from './state-settings.ts'

export type ProcessingGuarantee = 'at_least_once' | 'exactly_once'

/** Settings of a {@link KafkaStreams} client; names and defaults are Kafka Streams' unless the comment says otherwise. */
export interface StreamsOptions extends ErrorOptions, StateOptions {
  /** Consumer group, prefix of Brook's own topics, and folder of the state. Letters, digits, `.`, `_` and `-`. */
  readonly applicationId: string
  readonly kafka: KafkaProvider
  /** Where state lives (default `data/state`); tasks are in `<stateDir>/<applicationId>/<taskId>`. */
  readonly stateDir?: string
  /** `host:port` at which other instances reach this one's queries; told to them through the group. */
  readonly applicationServer?: string
  /**
   * Worker threads that share the tasks of this client (`num.stream.threads`, default 1). They need a topology that `loadTopology` loaded and
   * brokers: a topology object, or the embedded log, is processed in the thread of the program.
   */
  readonly numStreamThreads?: number
  /** Default `at_least_once`. Exactly once holds for what passes through Kafka and state, not for side effects of processors. */
  readonly processingGuarantee?: ProcessingGuarantee
  /** Default 30 s, under exactly-once 100 ms. */
  readonly commitInterval?: Duration
  /** How long a transaction may be open before the broker aborts it (default 60 s; Kafka Streams' 10 s would cut off asynchronous calls). */
  readonly transactionTimeout?: Duration
  /** Bytes that operators may hold back until a commit, over all tasks (`statestore.cache.max.bytes`, default 10 MiB); 0 forwards every update at once. */
  readonly cacheMaxBytes?: number
  /** Decoded clean entries kept per store (default 100,000); Brook's own. */
  readonly storeCacheEntries?: number
  /** Changed entries per task at which it commits early (default 100,000); Brook's own. */
  readonly maxDirtyEntries?: number
  /** How long a commit before a rebalance or the end waits for asynchronous calls under way (default 10 s); later ones are made anew by whoever has the task next. Brook's own. */
  readonly drainTimeout?: Duration
  /** How long, by the wall clock, operators may put off the results of what has closed: windows, and stream join records without a partner (default 1 s); 0 looks at every record. */
  readonly emitInterval?: Duration
  /** Records buffered per partition before it is paused (default 1,000). */
  readonly bufferedRecordsPerPartition?: number
  /** 0 (default): wait for data known to be on the broker; above: that long beyond; -1: never wait. */
  readonly maxTaskIdleMs?: number
  /** Replication of Brook's own topics (default: the broker's). */
  readonly replicationFactor?: number
  /**
   * What to do at start when the topology cannot go on from the one that ran last under this id (its description is kept in the topic
   * `<applicationId>-brook-topology`): `warn` (default), `refuse` with a `TopologyChangedError`, or `off`: nothing is compared or kept. Brook's own.
   */
  readonly topologyCheck?: TopologyCheck
  /** How long after its last consumption a repartition record may stay (default 30 s). */
  readonly repartitionPurgeInterval?: Duration
  readonly sessionTimeout?: Duration
  readonly heartbeatInterval?: Duration
  readonly autoOffsetReset?: 'earliest' | 'latest'
  readonly clock?: Clock
  readonly log?: Logger
  readonly metrics?: Metrics
  /** How much is recorded (`metrics.recording.level`, default `INFO`): `DEBUG` costs time per record and per call of a store, `TRACE` a little more. */
  readonly metricsRecordingLevel?: RecordingLevel
  /**
   * Makes spans, with OpenTelemetry's API or what is like it: a record that is read goes on the trace of its `traceparent` header, and what is
   * written carries the new span (default: none are made, and headers are carried as they are). Brook's own.
   */
  readonly tracing?: Tracing
  /** For tests: called after each step of each commit. */
  readonly afterCommitStep?: (step: CommitStep) => void
}

export interface StreamsConfig extends ErrorSettings, StateSettings {
  readonly applicationId: string
  readonly kafka: KafkaProvider
  readonly stateDir: string
  readonly applicationServer: string | undefined
  readonly numStreamThreads: number
  readonly exactlyOnce: boolean
  readonly commitIntervalMs: number
  readonly transactionTimeoutMs: number
  readonly emitIntervalMs: number
  readonly cacheMaxBytes: number
  readonly storeCacheEntries: number
  readonly maxDirtyEntries: number
  readonly drainTimeoutMs: number
  readonly bufferedRecordsPerPartition: number
  readonly maxTaskIdleMs: number
  readonly replicationFactor: number | undefined
  readonly topologyCheck: TopologyCheck
  readonly repartitionPurgeIntervalMs: number
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly autoOffsetReset: 'earliest' | 'latest'
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly metricsRecordingLevel: RecordingLevel
  readonly tracing: Tracing | undefined
  readonly afterCommitStep: ((step: CommitStep) => void) | undefined
}

/** @throws {ConfigError} listing every problem at once. */
export function parseStreamsOptions(options: StreamsOptions, problems: string[] = []): StreamsConfig {
  const duration = (name: string, value: Duration | undefined, fallback: number): number => {
    try {
      const ms = value === undefined ? fallback : durationMs(value, name)
      if (ms < 0) problems.push(`${name} is negative: ${ms}`)
      return ms
    } catch (error) {
      problems.push((error as Error).message)
      return fallback
    }
  }
  const count = (name: string, value: number | undefined, fallback: number, min = 0): number => {
    const number = value ?? fallback
    if (!Number.isSafeInteger(number) || number < min)
      problems.push(`${name} must be a whole number of at least ${min}, got ${number}`)
    return number
  }
  if (!/^[\w.-]{1,200}$/.test(options.applicationId)) {
    problems.push(
      `applicationId ${JSON.stringify(options.applicationId)} may have letters, digits, '.', '_' and '-' only, and at most 200 of them`,
    )
  }
  const exactlyOnce = options.processingGuarantee === 'exactly_once'
  const config: StreamsConfig = {
    applicationId: options.applicationId,
    kafka: options.kafka,
    stateDir: join(options.stateDir ?? join('data', 'state'), options.applicationId),
    applicationServer: options.applicationServer,
    numStreamThreads: count('numStreamThreads', options.numStreamThreads, 1, 1),
    exactlyOnce,
    commitIntervalMs: duration('commitInterval', options.commitInterval, exactlyOnce ? 100 : 30_000),
    transactionTimeoutMs: duration('transactionTimeout', options.transactionTimeout, 60_000),
    cacheMaxBytes: count('cacheMaxBytes', options.cacheMaxBytes, 10 * 1024 * 1024),
    storeCacheEntries: count('storeCacheEntries', options.storeCacheEntries, 100_000),
    maxDirtyEntries: count('maxDirtyEntries', options.maxDirtyEntries, 100_000, 1),
    drainTimeoutMs: duration('drainTimeout', options.drainTimeout, 10_000),
    emitIntervalMs: duration('emitInterval', options.emitInterval, 1_000),
    bufferedRecordsPerPartition: count('bufferedRecordsPerPartition', options.bufferedRecordsPerPartition, 1_000, 1),
    maxTaskIdleMs: count('maxTaskIdleMs', options.maxTaskIdleMs, 0, -1),
    replicationFactor: options.replicationFactor,
    topologyCheck: options.topologyCheck ?? 'warn',
    repartitionPurgeIntervalMs: duration('repartitionPurgeInterval', options.repartitionPurgeInterval, 30_000),
    sessionTimeoutMs: duration('sessionTimeout', options.sessionTimeout, 45_000),
    heartbeatIntervalMs: duration('heartbeatInterval', options.heartbeatInterval, 3_000),
    autoOffsetReset: options.autoOffsetReset ?? 'earliest',
    ...errorSettings(options, duration),
    ...stateSettings(options, { duration, count, problems }),
    clock: options.clock ?? systemClock,
    log: (options.log ?? silentLogger).child({ applicationId: options.applicationId }),
    metrics: options.metrics ?? new Metrics(),
    metricsRecordingLevel: options.metricsRecordingLevel ?? 'INFO',
    tracing: options.tracing,
    afterCommitStep: options.afterCommitStep,
  }
  if (!RECORDING_LEVELS.includes(config.metricsRecordingLevel))
    problems.push(
      `metricsRecordingLevel must be one of ${RECORDING_LEVELS.join(', ')}, got ${config.metricsRecordingLevel}`,
    )
  if (exactlyOnce && config.commitIntervalMs >= config.transactionTimeoutMs) {
    problems.push(
      `commitInterval (${config.commitIntervalMs} ms) has to be below transactionTimeout (${config.transactionTimeoutMs} ms)`,
    )
  }
  if (config.heartbeatIntervalMs * 3 > config.sessionTimeoutMs) {
    problems.push(
      `heartbeatInterval (${config.heartbeatIntervalMs} ms) exceeds a third of sessionTimeout (${config.sessionTimeoutMs} ms)`,
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}
