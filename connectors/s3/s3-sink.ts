import { type Clock, systemClock } from '../../common/clock.ts'
import { asError, InternalError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Metrics } from '../../common/metrics.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { KafkaProvider, OffsetAndMetadata } from '../../kafka/port.ts'
import type { SchemaSource } from '../../schemas/writer-schemas.ts'
import type { BackoffOptions } from '../backoff.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import { pause } from '../pause.ts'
import type { ReadingPublisher } from '../publisher.ts'
import { SinkReader } from '../sink-reader.ts'
import type { StatusTracker } from '../status.ts'
import { Troubles } from '../troubles.ts'
import type { ChunkLimits } from './chunk.ts'
import { ChunkStorage } from './chunk-storage.ts'
import { cutOf } from './commit-note.ts'
import { HourPath } from './hour-path.ts'
import type { ObjectStore } from './object-store.ts'
import { PartitionWriter } from './partition-writer.ts'
import { type ObjectCompression, type ObjectFormat, RecordFormat } from './record-format.ts'
import { exposeOn } from './s3-metrics.ts'

export interface S3SinkOptions {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createConsumer'>
  readonly topics: readonly string[]
  /** Processes of one group share the partitions; another group writes everything anew. */
  readonly groupId: string
  readonly registry: SchemaSource
  /** Makes the store at each start. */
  readonly createStore: () => ObjectStore
  readonly prefix: string
  readonly format: ObjectFormat
  readonly compression: ObjectCompression
  /** Whose hours the names of objects have. */
  readonly timeZone: string
  readonly limits: ChunkLimits
  /** A chunk that its records do not end is stored when its first record has been here so long; 0: never. */
  readonly flushIntervalMs: number
  /** Most bytes that wait to be stored, over all partitions, before reading pauses. */
  readonly maxBufferBytes: number
  /** Takes the dead letters; closed by whoever made it. */
  readonly publisher: Pick<ReadingPublisher, 'prepare' | 'deadLetter' | 'flush'>
  /** This connector's own; names it too. */
  readonly status: StatusTracker
  readonly metrics?: Metrics
  readonly clock?: Clock
  readonly logger?: Logger
  readonly backoff?: BackoffOptions
  /** How long objects that are on their way may take at a stop or rebalance (default 5 s). */
  readonly drainMs?: number
}

/** `published` counts records in objects that are stored, `queueLength` records in memory. */
export interface S3SinkStatus extends ConnectorStatus {
  /** Objects stored, and their bytes; one that was stored again counts again. */
  readonly objects: number
  readonly objectBytes: number
  readonly bufferedBytes: number
  /** Records without a value, of which there is nothing to store. */
  readonly tombstones: number
}

/**
 * Records of topics to objects in S3, by the hour of their timestamps. Each record is in one object, exactly once: the name and bytes of an
 * object follow from the log alone, and the offset after a run of records is committed when all its objects are stored, so
 * that whoever reads them again writes the same objects over. Records that cannot be read become dead letters. While S3 or
 * the registry is away reading pauses, and the state is `degraded`; it is `failed` where S3 refuses.
 */
export class S3Sink implements Connector {
  readonly name: string
  readonly #options: S3SinkOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #status: StatusTracker
  readonly #troubles: Troubles
  readonly #hours: HourPath
  readonly #reader: SinkReader<PartitionWriter>
  #format: RecordFormat
  #storage: ChunkStorage | undefined
  #store: ObjectStore | undefined
  #stopping = new AbortController()
  #onFailure: (error: Error) => void = () => {}
  #storedBefore = { objects: 0, bytes: 0 }
  #tombstones = 0

  constructor(options: S3SinkOptions) {
    this.name = options.status.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#status = options.status
    this.#troubles = new Troubles(options.status, this.#logger)
    this.#hours = new HourPath(options.timeZone)
    this.#format = new RecordFormat(options.format, options.compression, options.registry, this.#clock)
    this.#reader = new SinkReader({
      ...options,
      troubles: this.#troubles,
      open: (from, position, committed) => this.#open(from, position, committed),
      isFull: () => this.#sum((writer) => writer.heldBytes) >= options.maxBufferBytes,
      onTurn: (writers) => this.#cutWhatIsDue(writers),
      drain: (writers) => this.#drain(writers),
    })
    this.#status.watchQueue(() => this.#sum((writer) => writer.held))
    if (options.metrics) exposeOn(options.metrics, () => this.status())
  }

  /** Resolves when S3 has answered and reading has begun. */
  async start(onFailure: (error: Error) => void): Promise<void> {
    this.#status.moveTo('connecting')
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#onFailure = onFailure
    const { publisher, format, compression, registry } = this.#options
    const store = this.#options.createStore()
    this.#store = store
    try {
      await store.check(stopping.signal)
      await this.#reader.checkTopics()
      await publisher.prepare()
    } catch (error) {
      if (!stopping.signal.aborted) this.#status.moveTo('failed', asError(error))
      throw error
    }
    if (stopping.signal.aborted) return
    this.#format = new RecordFormat(format, compression, registry, this.#clock)
    this.#storage = new ChunkStorage({ ...this.#options, store, format: this.#format, troubles: this.#troubles })
    this.#status.moveTo('running')
    this.#reader.start(onFailure)
  }

  /** Reads no more, lets objects that are on their way arrive (for `drainMs` at most), commits, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const failure = await this.#reader.stop()
    if (failure)
      this.#logger.warn({ err: failure }, 'offsets could not be committed at the stop: objects will be written again')
    this.#keepCounts()
    this.#store?.close()
    this.#store = undefined
    this.#status.moveTo('stopped')
  }

  status(): S3SinkStatus {
    return {
      ...this.#status.snapshot(),
      objects: this.#storedBefore.objects + (this.#storage?.objects ?? 0),
      objectBytes: this.#storedBefore.bytes + (this.#storage?.bytes ?? 0),
      bufferedBytes: this.#sum((writer) => writer.heldBytes),
      tombstones: this.#tombstones,
    }
  }

  #open(from: TopicPartition, position: number, committed: OffsetAndMetadata | undefined): PartitionWriter {
    const storage = this.#storage
    if (!storage) throw new InternalError(`${from.topic} is assigned to a sink that is not started`)
    this.#troubles.forget()
    const { limits, backoff } = this.#options
    return new PartitionWriter({
      from: { topic: from.topic, partition: from.partition },
      position,
      cutAt: cutOf(committed),
      limits,
      storage,
      hours: this.#hours,
      format: this.#format,
      troubles: this.#troubles,
      nowMs: () => this.#clock.nowMs(),
      onReceived: () => this.#status.received(),
      onDue: () => this.#reader.wakeup(),
      onTombstone: () => this.#tombstones++,
      onFailure: (error) => this.#onFailure(error),
      ...(backoff ? { backoff } : {}),
    })
  }

  /** What has waited long enough, and the largest chunk while too much waits and nothing of it is on its way. */
  #cutWhatIsDue(writers: readonly PartitionWriter[]): void {
    const { flushIntervalMs, maxBufferBytes } = this.#options
    if (flushIntervalMs > 0) for (const writer of writers) if (writer.ageMs() >= flushIntervalMs) writer.cut()
    if (this.#sum((writer) => writer.heldBytes) < maxBufferBytes) return
    if (writers.some(({ state }) => state !== 'filling')) return
    const [largest] = [...writers].sort((a, b) => b.heldBytes - a.heldBytes)
    largest?.cut()
  }

  /** Waits for what is on its way, unless it may take for ever. */
  async #drain(writers: readonly PartitionWriter[]): Promise<void> {
    const deadlineMs = performance.now() + (this.#options.drainMs ?? 5_000)
    const { signal } = new AbortController()
    const isMoving = () => writers.some(({ state }) => state === 'storing')
    while (isMoving() && !this.#troubles.any && performance.now() < deadlineMs) await pause(20, signal)
    this.#troubles.forget()
  }

  #keepCounts(): void {
    const { objects, bytes } = this.#storedBefore
    this.#storedBefore = {
      objects: objects + (this.#storage?.objects ?? 0),
      bytes: bytes + (this.#storage?.bytes ?? 0),
    }
    this.#storage = undefined
  }

  #sum(of: (writer: PartitionWriter) => number): number {
    let sum = 0
    for (const writer of this.#reader.partitions) sum += of(writer)
    return sum
  }
}
