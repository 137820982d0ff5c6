import type { ConnectionOptions } from 'node:tls'
import { type Logger, silentLogger } from '../common/log.ts'
import type { SaslOptions } from './broker-link.ts'
import { Cluster } from './cluster.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { KafkaConsumer } from './kafka-consumer.ts'
import { KafkaProducer } from './kafka-producer.ts'
import { KafkaReader } from './kafka-reader.ts'
import type {
  Admin,
  ConsumerOptions,
  GroupConsumer,
  KafkaProvider,
  LogReader,
  Producer,
  ProducerOptions,
  ProviderDescription,
  ReaderOptions,
} from './port.ts'

export type { SaslOptions } from './broker-link.ts'

export interface KafkaOptions {
  /** `host:port` of one or more brokers; the others are learnt from them. */
  readonly brokers: readonly string[]
  /** Shown in the brokers' logs and quotas (default `brook`). */
  readonly clientId?: string
  /** TLS: `true`, or Node's options (`ca`, `cert`, `key`, …). */
  readonly ssl?: boolean | ConnectionOptions
  readonly sasl?: SaslOptions
  readonly logger?: Logger
  /** How long opening a connection may take (default 10 s). */
  readonly connectionTimeoutMs?: number
  /** How long an answer may take beyond what the request makes the broker wait (default 30 s). */
  readonly requestTimeoutMs?: number
}

const CONNECTION_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000

interface Closable {
  close(): Promise<void>
}

/**
 * Real brokers, Kafka 2.5 or later. Each client that is created here has connections of its own, because a broker answers the requests
 * of one connection in turn. While brokers are away every client goes on trying and says so once in the log.
 */
export function createKafkaProvider(options: KafkaOptions): KafkaProvider {
  return new KafkajsProvider(options)
}

class KafkajsProvider implements KafkaProvider {
  readonly kind = 'kafka'
  readonly description: string
  readonly #options: KafkaOptions
  readonly #logger: Logger
  readonly #clients = new Set<Closable>()
  readonly #adminCluster: Cluster
  readonly #admin: Admin

  constructor(options: KafkaOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.description = options.brokers.join(',')
    this.#adminCluster = this.#cluster('admin')
    this.#admin = new KafkaAdmin(this.#adminCluster)
  }

  async connect(): Promise<void> {
    await this.#adminCluster.metadata([])
  }

  admin(): Admin {
    return this.#admin
  }

  createProducer(options: ProducerOptions = {}): Producer {
    const name = options.transactionalId ?? 'producer'
    return this.#own(name, (cluster, logger) => new KafkaProducer(cluster, options, logger))
  }

  createConsumer(options: ConsumerOptions): GroupConsumer {
    const name = options.clientId ?? options.groupId
    return this.#own(name, (cluster, logger) => new KafkaConsumer(cluster, options, logger))
  }

  createReader(options: ReaderOptions = {}): LogReader {
    return this.#own('reader', (cluster, logger) => new KafkaReader(cluster, options, logger))
  }

  describeForThreads(): ProviderDescription {
    const { logger, ...options } = this.#options
    return { module: import.meta.url, exportName: createKafkaProvider.name, options }
  }

  async close(): Promise<void> {
    const clients = [...this.#clients]
    this.#clients.clear()
    await Promise.all(clients.map((client) => client.close()))
    this.#adminCluster.close()
  }

  /** Makes a client with a cluster handle of its own, and remembers it until it is closed. */
  #own<C extends Closable>(name: string, make: (cluster: Cluster, logger: Logger) => C): C {
    const cluster = this.#cluster(name, () => this.#clients.delete(client))
    const client = make(cluster, this.#logger.child({ client: name }))
    this.#clients.add(client)
    return client
  }

  #cluster(name: string, onClosed?: () => void): Cluster {
    const { clientId = 'brook', ssl = false, sasl, connectionTimeoutMs, requestTimeoutMs } = this.#options
    return new Cluster({
      brokers: this.#options.brokers,
      clientId: `${clientId}-${name}`,
      ssl,
      sasl,
      connectionTimeoutMs: connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
      requestTimeoutMs: requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      logger: this.#logger,
      ...(onClosed ? { onClosed } : {}),
    })
  }
}
