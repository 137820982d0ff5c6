import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import { pause } from '../pause.ts'
import type { Origin, ReadingPublisher } from '../publisher.ts'
import type { StatusTracker } from '../status.ts'
import {
  isUnsupportedVersion,
  type MqttEndpoint,
  type MqttMessage,
  type MqttSubscriber,
  openSubscriber,
} from './client.ts'
import { decodeMessage } from './decode.ts'
import { MqttUnavailableError } from './errors.ts'
import { InFlight } from './in-flight.ts'
import type { TopicMapping } from './mapping.ts'

export interface MqttConnectorOptions {
  readonly endpoint: MqttEndpoint
  readonly mapping: TopicMapping
  /** This connector's own; flushed, not closed. */
  readonly publisher: ReadingPublisher
  readonly status: StatusTracker
  readonly logger?: Logger
  /** How long the broker keeps what it could not deliver (default 7 days; MQTT 5 only). */
  readonly sessionExpirySeconds?: number
  /** Most messages that wait for the log before reading stops (default 1000). */
  readonly maxInFlight?: number
  /** Most bytes of them (default 16 MiB). */
  readonly maxInFlightBytes?: number
  /** When messages wait this long for room, the connector is `degraded` (default 5 s). */
  readonly stalledAfterMs?: number
  /** How long `stop` waits for what is in flight (default 5 s). */
  readonly drainMs?: number
  readonly backoff?: BackoffOptions
  /** A connection that lived this long resets the back-off (default 30 s). */
  readonly stableMs?: number
}

/**
 * MQTT into the log, at least once. QoS 1 with a persistent session under a fixed client id; a message is acknowledged to the
 * broker when its readings, or the dead letter in their place, are acknowledged by the log, in the order of arrival. When the
 * log refuses, nothing is acknowledged: the connection is dropped and the broker sends again later. Messages in flight are
 * bounded; past the bound nothing more is read from the broker, which keeps it. QoS 0 messages that the log refuses are lost
 * and counted as dropped. Speaks MQTT 5, and 3.1.1 to brokers that know no 5.
 */
export class MqttConnector implements Connector {
  readonly name: string
  readonly #options: MqttConnectorOptions
  readonly #status: StatusTracker
  readonly #logger: Logger
  readonly #inFlight: InFlight
  #protocolVersion: 4 | 5 = 5
  #stopping = new AbortController()
  #subscriber: MqttSubscriber | undefined
  #reconnecting: Promise<void> | undefined
  #failures = 0
  #stall: NodeJS.Timeout | undefined

  constructor(options: MqttConnectorOptions) {
    this.#options = options
    this.#status = options.status
    this.name = options.status.name
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#inFlight = new InFlight({
      maxMessages: options.maxInFlight ?? 1000,
      maxBytes: options.maxInFlightBytes ?? 16 * 1024 * 1024,
    })
    this.#status.watchQueue(() => this.#inFlight.messages)
  }

  async start(): Promise<void> {
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#failures = 0
    this.#status.moveTo('connecting')
    try {
      await this.#options.publisher.prepare()
      await this.#connect(stopping.signal, true)
    } catch (error) {
      if (!stopping.signal.aborted) this.#status.moveTo('failed', asError(error))
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#reconnecting
    const late = new AbortController()
    await Promise.race([this.#inFlight.idle(), pause(this.#options.drainMs ?? 5_000, late.signal)])
    late.abort()
    const subscriber = this.#subscriber
    this.#subscriber = undefined
    await subscriber?.close()
    clearTimeout(this.#stall)
    this.#stall = undefined
    this.#status.moveTo('stopped')
  }

  status(): ConnectorStatus {
    return this.#status.snapshot()
  }

  async #connect(signal: AbortSignal, subscribeAnyway: boolean): Promise<void> {
    const subscriber = await this.#open()
    try {
      if (signal.aborted) throw new MqttUnavailableError('stopped while connecting')
      if (subscribeAnyway || !subscriber.sessionPresent) await subscriber.subscribe(this.#options.mapping.filters)
      if (subscriber.closed) throw subscriber.closed
      if (signal.aborted) throw new MqttUnavailableError('stopped while connecting')
    } catch (error) {
      await subscriber.close()
      throw error
    }
    this.#subscriber = subscriber
    if (this.#status.moveTo('running'))
      this.#logger.info(
        { url: this.#options.endpoint.url, mqtt: this.#protocolVersion, sessionPresent: subscriber.sessionPresent },
        'MQTT connected',
      )
  }

  async #open(): Promise<MqttSubscriber> {
    try {
      return await this.#openAs(this.#protocolVersion)
    } catch (error) {
      if (this.#protocolVersion === 4 || !isUnsupportedVersion(error)) throw error
      this.#protocolVersion = 4
      return this.#openAs(4)
    }
  }

  async #openAs(protocolVersion: 4 | 5): Promise<MqttSubscriber> {
    const { endpoint, sessionExpirySeconds = 7 * 86_400, maxInFlight = 1000, stableMs = 30_000 } = this.#options
    let opened: { subscriber: MqttSubscriber; atMs: number } | undefined
    const subscriber = await openSubscriber({
      ...endpoint,
      protocolVersion,
      sessionExpirySeconds,
      receiveMaximum: maxInFlight,
      onMessage: (message, settle) => this.#take(message, settle),
      onClose: (error) => {
        if (opened && performance.now() - opened.atMs >= stableMs) this.#failures = 0
        if (opened && this.#subscriber === opened.subscriber) this.#lost(error)
      },
    })
    opened = { subscriber, atMs: performance.now() }
    return subscriber
  }

  #lost(error: Error): void {
    this.#subscriber = undefined
    if (this.#stopping.signal.aborted) return
    if (this.#status.moveTo('connecting', error)) this.#logger.warn({ err: error }, 'MQTT connection lost')
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = undefined
    })
  }

  /** Endless; a change is logged once, not each try. */
  async #reconnect(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted && !this.#subscriber) {
      await pause(backoffMs(this.#failures++, this.#options.backoff), signal)
      if (signal.aborted) return
      try {
        await this.#connect(signal, false)
        this.#status.reconnected()
      } catch (error) {
        this.#status.moveTo('connecting', asError(error))
        this.#logger.debug({ err: asError(error), attempt: this.#failures }, 'MQTT is still away')
      }
    }
  }

  #take(message: MqttMessage, settle: (error?: Error) => void): Promise<void> | undefined {
    const { publisher, mapping } = this.#options
    if (this.#stopping.signal.aborted) {
      if (message.qos === 0) this.#status.dropped()
      return undefined
    }
    this.#status.received()
    const receivedAtMs = publisher.nowMs()
    const { readings, problem } = decodeMessage(mapping, message, receivedAtMs)
    const origin = toOrigin(message, receivedAtMs)
    const bytes = message.payload.length
    this.#inFlight.add(bytes)
    let waiting = readings.length + (problem ? 1 : 0)
    let failure: Error | undefined
    const acknowledge = (error: Error | undefined): void => {
      failure ??= error
      if (--waiting > 0) return
      this.#inFlight.remove(bytes)
      if (!failure) settle()
      else if (message.qos === 0) this.#status.dropped()
      else settle(new MqttUnavailableError(`the log did not take a message: ${failure.message}`, { cause: failure }))
    }
    for (const reading of readings) publisher.reading(reading, origin, acknowledge)
    if (problem) publisher.deadLetter(problem, origin, acknowledge)
    return this.#room()
  }

  #room(): Promise<void> | undefined {
    const room = this.#inFlight.room()
    if (room && !this.#stall) {
      this.#stall = setTimeout(() => {
        const error = new Error('the log is behind: nothing is read from the broker')
        if (this.#status.moveTo('degraded', error)) this.#logger.warn({ err: error }, 'MQTT waits for the log')
      }, this.#options.stalledAfterMs ?? 5_000)
      void room.then(() => {
        clearTimeout(this.#stall)
        this.#stall = undefined
        if (this.#status.state === 'degraded') this.#status.moveTo('running')
      })
    }
    return room
  }
}

function toOrigin(message: MqttMessage, receivedAtMs: number): Origin {
  return {
    name: `mqtt:${message.topic}`,
    key: null,
    value: message.payload,
    receivedAtMs,
    headers: {
      'mqtt.topic': message.topic,
      'mqtt.qos': String(message.qos),
      'mqtt.retained': String(message.retained),
      'received-at-ms': String(receivedAtMs),
    },
  }
}
