import { systemClock } from '../../common/clock.ts'
import { withoutPassword } from '../../common/config-kinds.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Metrics } from '../../common/metrics.ts'
import type { Reading } from '../../schemas/types.ts'
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import { CommandConsumer, type CommandConsumerOptions } from '../command-consumer.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import { connectorGauge } from '../connector-gauge.ts'
import { pause } from '../pause.ts'
import type { ReadingPublisher } from '../publisher.ts'
import { StallWatch } from '../stall-watch.ts'
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
import { type Flood, FloodWatch } from './flood-watch.ts'
import { handOver, originOf, partsOf } from './hand-over.ts'
import { InFlight } from './in-flight.ts'
import type { TopicMapping } from './mapping.ts'
import { MqttCommands, type MqttCommandsOptions } from './mqtt-commands.ts'
import type { SubscriptionMemory } from './subscription-memory.ts'

export interface MqttConnectorOptions {
  readonly endpoint: MqttEndpoint
  readonly mapping: TopicMapping
  /** What this connection is subscribed to (default: the filters of the mapping). */
  readonly filters?: readonly string[]
  /** Knows what the session was subscribed to before, so that it can be ended. */
  readonly subscriptions?: SubscriptionMemory
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
  /** When the log acknowledges nothing for so long although messages wait for it, the connector is `degraded` (default 5 s). */
  readonly stalledAfterMs?: number
  /** How long `stop` waits for what is in flight (default 5 s). */
  readonly drainMs?: number
  readonly backoff?: BackoffOptions
  /** A connection that lived this long resets the back-off (default 30 s). */
  readonly stableMs?: number
  /** A device that sends more messages than this within a second floods (default 1000): it is named, and nothing is kept from anybody. */
  readonly floodPerSecond?: number
  readonly metrics?: Metrics
  /** Carries commands out for devices on MQTT, by the mapping's rules; one connection of a process does. */
  readonly commands?: MqttCommandPlan
}

/** Where commands come from, and where what devices report is seen. */
export interface MqttCommandPlan
  extends Pick<CommandConsumerOptions, 'kafka' | 'topic' | 'key' | 'value' | 'groupId' | 'devices'>,
    Partial<Pick<CommandConsumerOptions, 'answersUnknownDevices' | 'maxParallel' | 'drainMs' | 'results' | 'clock'>>,
    Pick<MqttCommandsOptions, 'reports'>,
    Partial<Pick<MqttCommandsOptions, 'confirmTimeoutMs' | 'travelTimeoutMs' | 'laneMs'>> {}

/** The status of the MQTT connector, with the devices that flood it. */
export interface MqttConnectorStatus extends ConnectorStatus {
  readonly floods: readonly Flood[]
}

/** How long commands may take to end when the connector stops; what has not ended is looked at again after the next start. */
const COMMAND_DRAIN_MS = 2_000
/** A reading that was measured longer ago than this has waited at the broker. */
const BACKLOG_MS = 10_000

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
  readonly #stall: StallWatch
  readonly #floods: FloodWatch
  readonly #commands: CommandConsumer | undefined
  #protocolVersion: 4 | 5 = 5
  #stopping = new AbortController()
  #subscriber: MqttSubscriber | undefined
  #reconnecting: Promise<void> | undefined
  #failures = 0
  #logTrouble: Error | undefined

  constructor(options: MqttConnectorOptions) {
    this.#options = options
    this.#status = options.status
    this.name = options.status.name
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#inFlight = new InFlight({
      maxMessages: options.maxInFlight ?? 1000,
      maxBytes: options.maxInFlightBytes ?? 16 * 1024 * 1024,
    })
    this.#commands = options.commands && this.#commandConsumer(options.commands)
    this.#status.watchQueue(() => this.#inFlight.messages + (this.#commands?.queueLength ?? 0))
    const stalledAfterMs = options.stalledAfterMs ?? 5_000
    this.#stall = new StallWatch(stalledAfterMs, () => this.#stalled(stalledAfterMs))
    this.#floods = new FloodWatch({
      perSecond: options.floodPerSecond ?? 1_000,
      onFlood: (flood) => this.#logger.warn({ ...flood }, `${flood.source} floods MQTT`),
    })
    if (options.metrics) {
      const help = 'Devices (or topics) that flood MQTT now.'
      connectorGauge(options.metrics, 'brook_mqtt_flooding_sources', help, this.name, () => this.status().floods.length)
    }
  }

  /** `onFailure` is told once when commands cannot be read any more. */
  async start(onFailure: (error: Error) => void = () => {}): Promise<void> {
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#failures = 0
    this.#status.moveTo('connecting')
    try {
      await this.#options.publisher.prepare()
      await this.#connect(stopping.signal, true)
      this.#commands?.start(onFailure)
    } catch (error) {
      if (!stopping.signal.aborted) this.#status.moveTo('failed', asError(error))
      throw error
    }
  }

  async stop(): Promise<void> {
    // Commands first: those that run may still end over the connection.
    await this.#commands?.stop()
    this.#stopping.abort()
    await this.#reconnecting
    const late = new AbortController()
    await Promise.race([this.#inFlight.idle(), pause(this.#options.drainMs ?? 5_000, late.signal)])
    late.abort()
    const subscriber = this.#subscriber
    this.#subscriber = undefined
    await subscriber?.close()
    this.#stall.idle()
    this.#status.moveTo('stopped')
  }

  status(): MqttConnectorStatus {
    return { ...this.#status.snapshot(), floods: this.#floods.floods(this.#options.publisher.nowMs()) }
  }

  #commandConsumer(plan: MqttCommandPlan): CommandConsumer {
    const { reports, confirmTimeoutMs, travelTimeoutMs, laneMs, ...consumer } = plan
    const { mapping, publisher } = this.#options
    const clock = plan.clock ?? systemClock
    const { handle } = new MqttCommands({
      mapping: mapping.commands,
      link: () => this.#subscriber,
      reports,
      clock,
      ...(confirmTimeoutMs === undefined ? {} : { confirmTimeoutMs }),
      ...(travelTimeoutMs === undefined ? {} : { travelTimeoutMs }),
      ...(laneMs === undefined ? {} : { laneMs }),
    })
    return new CommandConsumer({
      drainMs: COMMAND_DRAIN_MS,
      ...consumer,
      bus: 'mqtt',
      publisher,
      handler: handle,
      logger: this.#logger,
    })
  }

  async #connect(signal: AbortSignal, subscribeAnyway: boolean): Promise<void> {
    const subscriber = await this.#open()
    try {
      if (signal.aborted) throw new MqttUnavailableError('stopped while connecting')
      if (subscribeAnyway || !subscriber.sessionPresent) await this.#subscribe(subscriber)
      if (subscriber.closed) throw subscriber.closed
      if (signal.aborted) throw new MqttUnavailableError('stopped while connecting')
    } catch (error) {
      await subscriber.close()
      throw error
    }
    this.#subscriber = subscriber
    if (this.#status.moveTo(this.#logTrouble ? 'degraded' : 'running'))
      this.#logger.info(
        {
          url: withoutPassword(this.#options.endpoint.url),
          mqtt: this.#protocolVersion,
          sessionPresent: subscriber.sessionPresent,
        },
        'MQTT connected',
      )
  }

  async #subscribe(subscriber: MqttSubscriber): Promise<void> {
    const { mapping, filters = mapping.filters, subscriptions, endpoint } = this.#options
    const outdated = (await subscriptions?.begin(endpoint, filters)) ?? []
    await subscriber.unsubscribe(outdated)
    await subscriber.subscribe(filters)
    await subscriptions?.done(endpoint, filters)
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
    const decoded = decodeMessage(mapping, message, receivedAtMs)
    this.#count(message, decoded.readings[0], receivedAtMs)
    const bytes = message.payload.length
    let waiting = partsOf(decoded)
    if (waiting === 0) {
      settle()
      return undefined
    }
    this.#inFlight.add(bytes)
    this.#stall.waits()
    let failure: Error | undefined
    const acknowledge = (error: Error | undefined): void => {
      failure ??= error
      if (--waiting > 0) return
      this.#inFlight.remove(bytes)
      if (this.#inFlight.messages === 0) this.#stall.idle()
      if (failure) this.#logTrouble = failure
      else this.#moved()
      if (!failure) settle()
      else if (message.qos === 0) this.#status.dropped()
      else settle(new MqttUnavailableError(`the log did not take a message: ${failure.message}`, { cause: failure }))
    }
    handOver(decoded, originOf(message, receivedAtMs), publisher, acknowledge)
    return this.#inFlight.room()
  }

  /** What a broker had kept for us is no flood, however fast it comes. */
  #count({ topic }: MqttMessage, reading: Reading | undefined, receivedAtMs: number): void {
    if (reading && receivedAtMs - reading.eventTimeMs > BACKLOG_MS) return
    this.#floods.seen(reading?.deviceId ?? topic, receivedAtMs)
  }

  #stalled(afterMs: number): void {
    const waiting = `messages that wait: ${this.#inFlight.messages}; the broker keeps those after them`
    const error = new Error(`the log has acknowledged nothing for ${afterMs} ms (${waiting})`)
    this.#logTrouble = error
    if (this.#status.state !== 'running') return
    this.#status.moveTo('degraded', error)
    this.#logger.warn({ err: error }, 'MQTT waits for the log')
  }

  #moved(): void {
    this.#stall.moved()
    this.#logTrouble = undefined
    if (this.#status.state === 'degraded') this.#status.moveTo('running')
  }
}
