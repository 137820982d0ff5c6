import { type Clock, systemClock } from '../common/clock.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { EmbeddedAdmin } from './embedded/admin.ts'
import { EmbeddedConsumer } from './embedded/consumer.ts'
import { EngineSource } from './embedded/engine.ts'
import { EmbeddedProducer } from './embedded/producer.ts'
import { EmbeddedReader } from './embedded/reader.ts'
import type { Admin, ConsumerOptions, KafkaProvider, ProducerOptions, ReaderOptions } from './port.ts'

export { EmbeddedLogFailedError, EmbeddedLogInUseError } from './embedded/errors.ts'

export interface EmbeddedOptions {
  /** Where the log is kept; `undefined`: in memory, gone with the process. */
  readonly directory: string | undefined
  /** Stamps what is written, and decides what retention lets go. */
  readonly clock?: Clock
  readonly logger?: Logger
  /** Most memory for the newest records of all partitions together (default 64 MiB). */
  readonly cacheBytes?: number
  /** How often retention and compaction run (default 15 s); 0: only by `clean`. */
  readonly cleanerIntervalMs?: number
  /** Most memory for the records of one open transaction before they wait in the database (default 32 MiB). */
  readonly transactionBytes?: number
}

export interface EmbeddedProvider extends KafkaProvider {
  readonly kind: 'embedded'
  /** Applies retention and compacts all topics now, however little there is to gain. */
  clean(): Promise<void>
}

/**
 * A Kafka inside the process, for one process only: partitions, consumer groups and transactions on a durable log under
 * `directory`, or in memory. What is acknowledged, and a transaction that is committed, survives the end of the process by
 * any means (not a power cut); a transaction that is open then is gone. Topics are never created by use. A transaction's
 * records wait unseen until its commit, and are not readable before, whatever the isolation level; only `endOffsets` tells
 * the levels apart. Honoured topic configs: `cleanup.policy`, `retention.ms`, `retention.bytes`, `delete.retention.ms`,
 * `min.cleanable.dirty.ratio`, `max.message.bytes`, `message.timestamp.type`.
 * `connect`, and every first use, rejects with `EmbeddedLogInUseError` while another process has the directory.
 */
export function createEmbeddedProvider(options: EmbeddedOptions): EmbeddedProvider {
  const { directory, clock = systemClock, logger = silentLogger } = options
  const source = new EngineSource({
    directory,
    clock,
    logger,
    cacheBytes: options.cacheBytes ?? 64 * 1024 * 1024,
    cleanerIntervalMs: options.cleanerIntervalMs ?? 15_000,
    transactionBytes: options.transactionBytes ?? 32 * 1024 * 1024,
  })
  const consumers = new Set<EmbeddedConsumer | EmbeddedReader>()
  const producers = new Set<EmbeddedProducer>()
  const admin = new EmbeddedAdmin(source)
  return {
    kind: 'embedded',
    description: directory ?? 'memory',
    async connect() {
      await source.open()
    },
    admin: (): Admin => admin,
    createProducer(producerOptions: ProducerOptions = {}) {
      const producer = new EmbeddedProducer(source, producerOptions, logger, (one) => producers.delete(one))
      producers.add(producer)
      return producer
    },
    createConsumer(consumerOptions: ConsumerOptions) {
      const consumer = new EmbeddedConsumer(source, consumerOptions, (one) => consumers.delete(one))
      consumers.add(consumer)
      return consumer
    },
    createReader(readerOptions: ReaderOptions = {}) {
      const reader = new EmbeddedReader(source, readerOptions, (one) => consumers.delete(one))
      consumers.add(reader)
      return reader
    },
    async clean() {
      await (await source.open()).cleaner.clean(true)
    },
    async close() {
      await Promise.all([...consumers].map((one) => one.close()))
      await Promise.all([...producers].map((one) => one.close()))
      await source.close()
    },
  }
}
