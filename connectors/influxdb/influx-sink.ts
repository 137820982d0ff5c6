import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { KafkaProvider, OffsetAndMetadata } from '../../kafka/port.ts'
import type { Reading } from '../../schemas/types.ts'
import type { BackoffOptions } from '../backoff.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import { pause } from '../pause.ts'
import type { ReadingPublisher } from '../publisher.ts'
import { untilDone } from '../sink-dead-letters.ts'
import { SinkReader } from '../sink-reader.ts'
import type { StatusTracker } from '../status.ts'
import { Troubles } from '../troubles.ts'
import type { InfluxClient } from './influx-client.ts'
import { InfluxPartition } from './influx-partition.ts'
import { PointWriter } from './point-writer.ts'

export interface InfluxSinkOptions {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createConsumer'>
  /** `building.readings`. */
  readonly topic: string
  readonly value: Serde<Reading>
  /** Processes of one group share the partitions; another group writes everything anew. */
  readonly groupId: string
  readonly client: Pick<InfluxClient, 'ping' | 'write'>
  readonly measurement: string
  /** Most points in one request. */
  readonly batchPoints: number
  /** Points wait for company so long at most. */
  readonly flushIntervalMs: number
  /** Most points in memory before reading pauses; one fetch of each partition (128 KiB) may come on top. */
  readonly maxQueuedPoints: number
  /** Takes the dead letters; closed by whoever made it. */
  readonly publisher: Pick<ReadingPublisher, 'prepare' | 'deadLetter' | 'flush'>
  /** This connector's own; names it too. */
  readonly status: StatusTracker
  readonly logger?: Logger
  /** Default: up to 3 s, so that the sink goes on soon after the server does. */
  readonly backoff?: BackoffOptions
  /** How long points that are on their way may take at a stop or rebalance (default 5 s). */
  readonly drainMs?: number
}

const BACKOFF: BackoffOptions = { baseMs: 250, capMs: 3_000 }
const PART = 'influxdb'
/** About a thousand readings. */
const MAX_PARTITION_BYTES = 128 * 1024

/**
 * Readings to points in InfluxDB. Offsets are committed when their points are written; what is read again after a crash gives the same
 * points, which InfluxDB writes over themselves: each reading is there once. What cannot be read, or what InfluxDB will not have,
 * becomes a dead letter. While InfluxDB, the registry or the log is away reading pauses, and the state is `degraded`; it is
 * `failed` where InfluxDB refuses (`published` counts points, `queueLength` those in memory).
 */
export class InfluxSink implements Connector {
  readonly name: string
  readonly #options: InfluxSinkOptions
  readonly #logger: Logger
  readonly #status: StatusTracker
  readonly #troubles: Troubles
  readonly #backoff: BackoffOptions
  #reader: SinkReader<InfluxPartition> | undefined
  #writer: PointWriter | undefined
  #stopping = new AbortController()

  constructor(options: InfluxSinkOptions) {
    this.name = options.status.name
    this.#options = options
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#status = options.status
    this.#troubles = new Troubles(options.status, this.#logger)
    this.#backoff = options.backoff ?? BACKOFF
    this.#status.watchQueue(() => this.#queued())
  }

  /** Resolves when InfluxDB has answered and reading has begun; waits for a server that is not there yet. */
  async start(onFailure: (error: Error) => void): Promise<void> {
    this.#stopping = new AbortController()
    const { signal } = this.#stopping
    const { kafka, topic, groupId, client, publisher, maxQueuedPoints, batchPoints, flushIntervalMs } = this.#options
    const trying = { troubles: this.#troubles, backoff: this.#backoff }
    this.#status.moveTo('connecting')
    try {
      await publisher.prepare()
      await untilDone(PART, () => client.ping(signal), trying, signal)
    } catch (error) {
      if (!signal.aborted) {
        this.#status.moveTo('failed', asError(error))
        throw error
      }
    }
    if (signal.aborted) return
    const writer = new PointWriter({
      write: (lines, closing) => client.write(lines, closing),
      batchPoints,
      flushIntervalMs,
      onFailure,
      ...trying,
    })
    this.#writer = writer
    this.#reader = new SinkReader({
      kafka,
      topics: [topic],
      groupId,
      maxPartitionBytes: MAX_PARTITION_BYTES,
      open: (from, position, committed) => this.#open(from, position, committed, onFailure),
      isFull: () => this.#queued() >= maxQueuedPoints,
      drain: () => this.#drain(),
      ...trying,
    })
    this.#status.moveTo('running')
    this.#reader.start(onFailure)
  }

  /** Reads no more, writes what is in memory (for `drainMs` at most), commits, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const failure = await this.#reader?.stop()
    if (failure)
      this.#logger.warn({ err: failure }, 'offsets could not be committed at the stop: points will be rewritten')
    this.#reader = undefined
    this.#writer?.close()
    this.#writer = undefined
    this.#troubles.forget()
    this.#status.moveTo('stopped')
  }

  status(): ConnectorStatus {
    return this.#status.snapshot()
  }

  #open(
    from: TopicPartition,
    position: number,
    committed: OffsetAndMetadata | undefined,
    onFailure: (error: Error) => void,
  ): InfluxPartition {
    const { value, measurement, publisher } = this.#options
    return new InfluxPartition({
      from,
      position,
      committed: committed?.offset,
      value,
      measurement,
      publisher,
      troubles: this.#troubles,
      backoff: this.#backoff,
      add: (point) => this.#writer?.add(point),
      onReceived: () => this.#status.received(),
      onWritten: () => this.#status.published(),
      onFailure,
    })
  }

  #queued(): number {
    const burying = (this.#reader?.partitions ?? []).reduce((sum, partition) => sum + partition.burying, 0)
    return (this.#writer?.size ?? 0) + burying
  }

  /** Not for ever: what a server that is away does not take comes again. */
  async #drain(): Promise<void> {
    if (this.#queued() === 0) return
    const late = new AbortController()
    const all = async (): Promise<void> => {
      await this.#writer?.drain()
      await this.#options.publisher.flush()
    }
    await Promise.race([all(), pause(this.#options.drainMs ?? 5_000, late.signal)])
    late.abort()
  }
}
