import { join } from 'node:path'
import { type Clock, systemClock } from '../../common/clock.ts'
import { type Duration, durationMs } from '../../common/duration.ts'
import { ConfigError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import { Metrics } from '../../common/metrics.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import type { CommitStep } from './commit.ts'
import type { DeserializationExceptionHandler } from './record-queue.ts'

export type ProcessingGuarantee = 'at_least_once' | 'exactly_once'

/** Settings of a {@link KafkaStreams} client; names and defaults are Kafka Streams' unless the comment says otherwise. */
export interface StreamsOptions {
  /** Consumer group, prefix of Brook's own topics, and folder of the state. Letters, digits, `.`, `_` and `-`. */
  readonly applicationId: string
  readonly kafka: KafkaProvider
  /** Where state lives (default `data/state`); tasks are in `<stateDir>/<applicationId>/<taskId>`. */
  readonly stateDir?: string
  /** `host:port` at which other instances reach this one's queries; told to them through the group. */
  readonly applicationServer?: string
  /** Default `at_least_once`. Exactly once holds for what passes through Kafka and state, not for side effects of processors. */
  readonly processingGuarantee?: ProcessingGuarantee
  /** Default 30 s, under exactly-once 100 ms. */
  readonly commitInterval?: Duration
  /** Bytes that operators may hold back until a commit, over all tasks (`statestore.cache.max.bytes`, default 10 MiB); 0 forwards every update at once. */
  readonly cacheMaxBytes?: number
  /** Decoded clean entries kept per store (default 100,000); Brook's own. */
  readonly storeCacheEntries?: number
  /** Changed entries per task at which it commits early (default 100,000); Brook's own. */
  readonly maxDirtyEntries?: number
  /** Records buffered per partition before it is paused (default 1,000). */
  readonly bufferedRecordsPerPartition?: number
  /** 0 (default): wait for data known to be on the broker; above: that long beyond; -1: never wait. */
  readonly maxTaskIdleMs?: number
  /** Replication of Brook's own topics (default: the broker's). */
  readonly replicationFactor?: number
  /** How long after its last consumption a repartition record may stay (default 30 s). */
  readonly repartitionPurgeInterval?: Duration
  readonly sessionTimeout?: Duration
  readonly heartbeatInterval?: Duration
  readonly autoOffsetReset?: 'earliest' | 'latest'
  /** Default: `fail`. */
  readonly onDeserializationError?: DeserializationExceptionHandler
  /** The client is stopped by an error; by then it has closed its tasks. */
  readonly onUncaughtError?: (error: Error) => void
  readonly clock?: Clock
  readonly log?: Logger
  readonly metrics?: Metrics
  /** For tests: called after each step of each commit. */
  readonly afterCommitStep?: (step: CommitStep) => void
}

export interface StreamsConfig {
  readonly applicationId: string
  readonly kafka: KafkaProvider
  readonly stateDir: string
  readonly applicationServer: string | undefined
  readonly exactlyOnce: boolean
  readonly commitIntervalMs: number
  readonly cacheMaxBytes: number
  readonly storeCacheEntries: number
  readonly maxDirtyEntries: number
  readonly bufferedRecordsPerPartition: number
  readonly maxTaskIdleMs: number
  readonly replicationFactor: number | undefined
  readonly repartitionPurgeIntervalMs: number
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly autoOffsetReset: 'earliest' | 'latest'
  readonly onDeserializationError: DeserializationExceptionHandler
  readonly onUncaughtError: (error: Error) => void
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly afterCommitStep: ((step: CommitStep) => void) | undefined
}

/** @throws {ConfigError} listing every problem at once. */
export function parseStreamsOptions(options: StreamsOptions): StreamsConfig {
  const problems: string[] = []
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
    exactlyOnce,
    commitIntervalMs: duration('commitInterval', options.commitInterval, exactlyOnce ? 100 : 30_000),
    cacheMaxBytes: count('cacheMaxBytes', options.cacheMaxBytes, 10 * 1024 * 1024),
    storeCacheEntries: count('storeCacheEntries', options.storeCacheEntries, 100_000),
    maxDirtyEntries: count('maxDirtyEntries', options.maxDirtyEntries, 100_000, 1),
    bufferedRecordsPerPartition: count('bufferedRecordsPerPartition', options.bufferedRecordsPerPartition, 1_000, 1),
    maxTaskIdleMs: count('maxTaskIdleMs', options.maxTaskIdleMs, 0, -1),
    replicationFactor: options.replicationFactor,
    repartitionPurgeIntervalMs: duration('repartitionPurgeInterval', options.repartitionPurgeInterval, 30_000),
    sessionTimeoutMs: duration('sessionTimeout', options.sessionTimeout, 45_000),
    heartbeatIntervalMs: duration('heartbeatInterval', options.heartbeatInterval, 3_000),
    autoOffsetReset: options.autoOffsetReset ?? 'earliest',
    onDeserializationError: options.onDeserializationError ?? (() => 'fail'),
    onUncaughtError: options.onUncaughtError ?? (() => {}),
    clock: options.clock ?? systemClock,
    log: (options.log ?? silentLogger).child({ applicationId: options.applicationId }),
    metrics: options.metrics ?? new Metrics(),
    afterCommitStep: options.afterCommitStep,
  }
  if (config.heartbeatIntervalMs * 3 > config.sessionTimeoutMs) {
    problems.push(
      `heartbeatInterval (${config.heartbeatIntervalMs} ms) exceeds a third of sessionTimeout (${config.sessionTimeoutMs} ms)`,
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}
