import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import { DurablePersistence } from './durable-persistence.ts'
import { MqttPortTakenError } from './errors.ts'

export interface EmbeddedBrokerOptions {
  /** The broker keeps sessions and undelivered messages under `<dataDir>/mqtt`. */
  readonly dataDir: string
  /** 0 takes a free port. */
  readonly port: number
  /** MQTT over websockets on this port; none when left out. */
  readonly websocketPort?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** When given, every client must show these. */
  readonly credentials?: { readonly username: string; readonly password: string }
  readonly logger?: Logger
}

/** Packets of one client that may wait for its CONNECT to be answered; aedes cuts off at 42 otherwise. */
const QUEUE_LIMIT = 10_000

/**
 * An MQTT 3.1.1 broker in this process, for one building on one machine. A QoS 1 message that it has acknowledged to its
 * publisher outlives the process (not a power cut: writes are not synced) for every persistent session that is subscribed to
 * it. No MQTT 5, and no shared subscriptions: those are granted and deliver nothing.
 */
export class EmbeddedBroker {
  readonly #options: EmbeddedBrokerOptions
  readonly #logger: Logger
  readonly #servers: Server[] = []
  #broker: Aedes | undefined
  #durable: DurablePersistence | undefined
  #sockets: WebSocketServer | undefined
  #port = 0
  #websocketPort: number | undefined

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** The port it listens on; 0 before `start`. */
  get port(): number {
    return this.#port
  }

  get websocketPort(): number | undefined {
    return this.#websocketPort
  }

  get url(): string {
    return `mqtt://${this.#options.host ?? '127.0.0.1'}:${this.#port}`
  }

  /** @throws {MqttPortTakenError} {MqttDataLockedError} */
  async start(): Promise<void> {
    try {
      const durable = await DurablePersistence.open(join(this.#options.dataDir, 'mqtt'))
      this.#durable = durable
      const broker = await Aedes.createBroker({
        id: brokerId(),
        persistence: durable.persistence,
        queueLimit: QUEUE_LIMIT,
        authenticate: (_client, username, password, done) => this.#authenticate(username, password, done),
        authorizePublish: (_client, packet, done) => this.#storeFirst(packet, done),
      })
      this.#broker = broker
      broker.on('client', forgetDuplicates)
      const events: EventEmitter = broker
      events.on('error', (error: Error) => this.#logger.error({ err: error }, 'the MQTT broker has failed'))
      broker.on('clientError', (client, error) => this.#complain(client.id, error))
      broker.on('connectionError', (_client, error) => this.#complain(undefined, error))
      this.#port = await this.#listen(
        createServer((socket) => broker.handle(socket)),
        this.#options.port,
        'BROOK_MQTT_PORT',
      )
      if (this.#options.websocketPort !== undefined)
        await this.#listenForWebsockets(broker, this.#options.websocketPort)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Disconnects everybody and closes the database. */
  async stop(): Promise<void> {
    const closed = this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))
    const broker = this.#broker
    this.#broker = undefined
    if (broker) await new Promise<void>((resolve) => broker.close(resolve))
    for (const socket of this.#sockets?.clients ?? []) socket.terminate()
    this.#sockets = undefined
    await Promise.all(closed)
    const durable = this.#durable
    this.#durable = undefined
    await durable?.close()
  }

  /** aedes acknowledges to the publisher when `done` is called, and cuts the publisher off when that is with an error. */
  #storeFirst(packet: PublishPacket, done: (error?: Error | null) => void): void {
    const broker = this.#broker
    if (!broker || !this.#durable) done(new Error('the broker is closing'))
    else if (packet.topic.startsWith('$SYS/')) done(new Error('$SYS/ topics are the broker’s own'))
    else if (packet.qos !== 1) done()
    else {
      Object.assign(packet, numbered(broker))
      this.#durable.store(packet).then(
        () => done(),
        (error: unknown) => {
          this.#logger.error({ err: asError(error) }, 'the MQTT broker cannot store a message')
          done(asError(error))
        },
      )
    }
  }

  async #listenForWebsockets(broker: Aedes, port: number): Promise<void> {
    const server = createHttpServer()
    const sockets = new WebSocketServer({
      server,
      handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    })
    sockets.on('error', () => {})
    sockets.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request))
    this.#sockets = sockets
    this.#websocketPort = await this.#listen(server, port, 'BROOK_MQTT_WEBSOCKET_PORT')
  }

  async #listen(server: Server, port: number, setting: string): Promise<number> {
    const host = this.#options.host ?? '127.0.0.1'
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          codeOf(cause) === 'EADDRINUSE'
            ? new MqttPortTakenError(`port ${port} of ${host} is taken: set ${setting} to a free one`, { cause })
            : cause,
        ),
      )
      server.listen(port, host, resolve)
    })
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }

  #authenticate(
    username: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): void {
    const { credentials } = this.#options
    if (!credentials) {
      done(null, true)
      return
    }
    const nameMatches = sameText(username ?? '', credentials.username)
    const passwordMatches = sameText(password?.toString('utf8') ?? '', credentials.password)
    done(null, nameMatches && passwordMatches)
  }

  #complain(clientId: string | undefined, error: Error): void {
    this.#logger.debug({ clientId, err: error }, 'MQTT client was cut off')
  }
}

/** Undelivered messages are kept under the id of the broker that took them, in its order: later starts must sort later. */
function brokerId(): string {
  return `${String(Date.now()).padStart(15, '0')}-${randomUUID()}`
}

/** The place of a message in the broker's order, which aedes would otherwise give it after it has been acknowledged. */
function numbered(broker: Aedes): { brokerId: string; brokerCounter: number } {
  const counting = broker as Aedes & { counter: number }
  return { brokerId: broker.id, brokerCounter: ++counting.counter }
}

/** aedes takes a message that another has overtaken for a duplicate and holds it back until the client connects again. */
function forgetDuplicates(client: Client): void {
  Object.assign(client, { duplicates: new Proxy({}, { get: () => 0, set: () => true }) })
}

function sameText(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(expected))
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code
}
