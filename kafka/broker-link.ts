import type { ConnectionOptions } from 'node:tls'
import Broker from 'kafkajs/src/broker/index.js'
import ConnectionPool, { type Connection, type InnerLogger } from 'kafkajs/src/network/connectionPool.js'
import socketFactory from 'kafkajs/src/network/socketFactory.js'
import { asError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { KafkaAuthorizationError, KafkaProtocolError, KafkaUnavailableError } from './errors.ts'
import type { Api } from './protocol/api.ts'
import { WireReader, WireWriter } from './protocol/wire.ts'

/** How a client proves who it is. */
export interface SaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface LinkConfig {
  readonly clientId: string
  readonly ssl: boolean | ConnectionOptions
  readonly sasl: SaslOptions | undefined
  readonly connectionTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly logger: Logger
}

/** kafkajs keeps two connections to a broker. Long polls have the second one for themselves. */
export type Lane = 'main' | 'fetch'

const LANE_INDEX = { main: 0, fetch: 1 } as const
/** Room in a request's first buffer beside what the request says itself. */
const SMALL_REQUEST_BYTES = 512

/**
 * The connections to one broker: sockets, TLS, SASL, version negotiation, request queue and throttling are kafkajs's; what is
 * said over them is ours. A link is never mended: after a failure it is dead, and the cluster makes a new one. This file
 * alone knows kafkajs.
 */
export class BrokerLink {
  readonly address: string
  readonly #pool: ConnectionPool
  readonly #broker: Broker
  readonly #logger: Logger
  readonly #requestTimeoutMs: number
  #connecting: Promise<void> | undefined
  #fetchLane: Promise<Connection> | undefined
  /** Until then the fetch lane is being opened, which is no fault. */
  #fetchReady = false
  #ready = false
  #closed = false

  constructor(host: string, port: number, config: LinkConfig) {
    this.address = `${host}:${port}`
    this.#logger = config.logger
    this.#requestTimeoutMs = config.requestTimeoutMs
    const logger = quietLogger(config.logger)
    this.#pool = new ConnectionPool({
      host,
      port,
      ssl: config.ssl === true ? {} : config.ssl || null,
      // kafkajs writes into what it is given.
      sasl: config.sasl === undefined ? null : { ...config.sasl },
      clientId: config.clientId,
      logger,
      socketFactory: socketFactory(),
      connectionTimeout: config.connectionTimeoutMs,
      requestTimeout: config.requestTimeoutMs,
      enforceRequestTimeout: true,
    })
    for (const connection of this.#pool.pool) avoidIdleTimers(connection)
    this.#broker = new Broker({
      connectionPool: this.#pool,
      logger,
      authenticationTimeout: config.connectionTimeoutMs,
      allowAutoTopicCreation: false,
    })
  }

  /** Whether requests can be sent now; false before `connect`, and for ever after a failure. */
  get alive(): boolean {
    const [main, fetch] = this.#pool.pool
    if (this.#closed || !this.#ready || !main?.isConnected()) return false
    return !this.#fetchReady || fetch?.isConnected() === true
  }

  get dead(): boolean {
    return this.#closed || (this.#ready && !this.alive)
  }

  /** @throws {KafkaUnavailableError | KafkaAuthorizationError} */
  connect(): Promise<void> {
    this.#connecting ??= this.#broker.connect().then(
      () => {
        this.#ready = true
        this.#refuseIfClosed()
      },
      (error: unknown) => {
        this.close()
        throw this.#translate(error)
      },
    )
    return this.#connecting
  }

  /**
   * Sends one request and waits for its answer.
   * @throws {KafkaUnavailableError} when the connection broke or no answer came in time (the link is dead then).
   */
  async request<T>(api: Api<T>, lane: Lane = 'main'): Promise<T> {
    await this.connect()
    this.#checkVersion(api)
    try {
      const connection = lane === 'main' ? this.#pool.pool[LANE_INDEX.main]! : await this.#openFetchLane()
      return await connection.send({
        request: {
          apiKey: api.key,
          apiVersion: api.version,
          apiName: api.name,
          encode: () => Promise.resolve(encode(api)),
        },
        response: {
          decode: (payload) => Promise.resolve(decode(api, payload)),
          parse: (decoded) => Promise.resolve(decoded.body),
        },
        requestTimeout: this.#timeoutOf(api),
        logResponseError: false,
      })
    } catch (error) {
      this.close()
      throw this.#translate(error)
    }
  }

  /** Ends both connections at once; requests in flight fail. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#disconnect()
  }

  #disconnect(): void {
    const reason = new KafkaUnavailableError(`the connection to ${this.address} was closed`)
    for (const connection of this.#pool.pool) {
      connection.rejectRequests(reason)
      connection
        .disconnect()
        .catch((error: unknown) => this.#logger.debug({ err: error }, 'closing a connection failed'))
      connection.socket?.destroy(reason)
    }
  }

  #openFetchLane(): Promise<Connection> {
    this.#fetchLane ??= this.#pool.getConnection(LANE_INDEX.fetch).then(async (connection) => {
      await connection.authenticate()
      this.#refuseIfClosed()
      this.#fetchReady = true
      return connection
    })
    return this.#fetchLane
  }

  /** A connection that was still being made when the link was closed stands only now: nobody else would end it. */
  #refuseIfClosed(): void {
    if (!this.#closed) return
    this.#disconnect()
    throw new KafkaUnavailableError(`the connection to ${this.address} was closed`)
  }

  #timeoutOf(api: Api<unknown>): number {
    return (api.blocksMs ?? 0) + this.#requestTimeoutMs
  }

  #checkVersion(api: Api<unknown>): void {
    const range = this.#broker.versions?.[api.key]
    if (range && range.minVersion <= api.version && api.version <= range.maxVersion) return
    throw new KafkaProtocolError(
      'UNSUPPORTED_VERSION',
      `${this.address} does not speak ${api.name} version ${api.version}: Kafka 2.5 or later is needed`,
    )
  }

  #translate(thrown: unknown): Error {
    const error = asError(thrown)
    if (error instanceof KafkaUnavailableError || error instanceof KafkaProtocolError) return error
    const type = 'type' in error ? String(error.type) : ''
    if (error.name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED') {
      return new KafkaAuthorizationError(`${this.address} refused the credentials: ${error.message}`, { cause: error })
    }
    if (error instanceof RangeError) {
      const message = `an answer of ${this.address} cannot be read: ${error.message}`
      return new KafkaProtocolError('CORRUPT_RESPONSE', message, { cause: error })
    }
    return new KafkaUnavailableError(`${this.address}: ${error.message}`, { cause: error })
  }
}

function encode(api: Api<unknown>): { buf: Buffer; buffer: Buffer } {
  const writer = new WireWriter(SMALL_REQUEST_BYTES + (api.sizeHintBytes ?? 0))
  if (api.flexible) writer.noTags()
  api.encode(writer)
  const buffer = writer.toBuffer()
  return { buf: buffer, buffer }
}

function decode<T>(api: Api<T>, payload: Buffer): { clientSideThrottleTime: number; body: T } {
  const reader = new WireReader(payload)
  if (api.flexible) reader.skipTags()
  // Produce tells the throttle time last, all others first.
  const throttleAt = api.key === 0 ? payload.length - 4 : payload.length - reader.remaining
  return { clientSideThrottleTime: payload.readInt32BE(throttleAt), body: api.decode(reader) }
}

/** kafkajs sets a timer with a negative delay after every answer, which costs time and prints a warning: only when needed. */
function avoidIdleTimers(connection: Connection): void {
  const queue = connection.requestQueue
  const schedule = queue.scheduleCheckPendingRequests.bind(queue)
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) schedule()
  }
}

/** Passes on the message and the error only: the rest repeats whole answers. */
function quietLogger(logger: Logger): InnerLogger {
  const trace = (message: string): void => logger.trace({}, message)
  const debug = (message: string): void => logger.debug({}, message)
  const inner: InnerLogger = { debug: trace, info: debug, warn: debug, error: debug, namespace: () => inner }
  return inner
}
