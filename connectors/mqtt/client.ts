import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import { withoutPassword } from '../../common/config-kinds.ts'
import { asError } from '../../common/errors.ts'
import { connectError } from './connect-error.ts'
import { MqttRefusedError, MqttUnavailableError } from './errors.ts'
import { PubackWindow, PubackWriter } from './puback-window.ts'

/** Where the broker is and who we are. */
export interface MqttEndpoint {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string
  /** Two connections with one client id throw each other out. */
  readonly clientId: string
  readonly username?: string
  readonly password?: string
  /** PEM; for `mqtts` and `wss`. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
  /** Default 30 s. */
  readonly keepaliveSeconds?: number
  /** Default 10 s. */
  readonly connectTimeoutMs?: number
}

/** A message as it came. `payload` may be a view: copy what outlives the settling. */
export interface MqttMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retained: boolean
  readonly duplicate: boolean
}

export interface SubscriberOptions extends MqttEndpoint {
  readonly protocolVersion: 4 | 5
  /** How long the broker keeps the session while nobody is connected (MQTT 5 only; 3.1.1 has no end). */
  readonly sessionExpirySeconds: number
  /** How many unacknowledged messages the broker may send (MQTT 5 only). */
  readonly receiveMaximum: number
  /**
   * Takes one message. Call `settle` without an error when the broker may forget it; with one the connection is dropped, and
   * a QoS 1 message comes again on the next. Until then the message counts as not delivered.
   * A promise as answer stops reading from the broker until it resolves; the connection is kept alive meanwhile.
   */
  readonly onMessage: (message: MqttMessage, settle: (error?: Error) => void) => Promise<void> | undefined
  /** The connection that `openSubscriber` has resolved with is gone, for whatever reason but `close`. */
  readonly onClose: (error: Error) => void
}

/** One connection with a persistent session. It does not reconnect: make a new one, the session is the broker's. */
export interface MqttSubscriber {
  /** The broker knew the session, its subscriptions and what it has not delivered. */
  readonly sessionPresent: boolean
  /** Why the connection is gone; `undefined` while it stands. */
  readonly closed: Error | undefined
  /** QoS 1. @throws {MqttRefusedError} when one is not granted; {MqttUnavailableError} */
  subscribe(filters: readonly string[]): Promise<void>
  /** Those that do not exist do no harm. @throws {MqttUnavailableError} */
  unsubscribe(filters: readonly string[]): Promise<void>
  /** QoS 1; resolves when the broker has it. @throws {MqttUnavailableError} when the connection ends first; {MqttRefusedError} */
  publish(topic: string, payload: string): Promise<void>
  /** Sends DISCONNECT, then closes; `onClose` is not called. The session stays with the broker. */
  close(): Promise<void>
}

/** MQTT 3.1.1 and MQTT 5: the broker does not speak this version. */
const UNSUPPORTED_VERSION: ReadonlySet<number> = new Set([0x01, 0x84])

export function isUnsupportedVersion(error: unknown): boolean {
  return error instanceof MqttRefusedError && UNSUPPORTED_VERSION.has(error.reasonCode)
}

/** MQTT 5: somebody else connected with our client id. */
const SESSION_TAKEN_OVER = 0x8e

/** Handed back to mqtt.js instead of its acknowledgement: it then sends no PUBACK of its own. */
const HELD = new Error('acknowledged later')

/** @throws {MqttUnavailableError} nobody answers; {MqttRefusedError} the broker does not want us. */
export async function openSubscriber(options: SubscriberOptions): Promise<MqttSubscriber> {
  const { protocolVersion, sessionExpirySeconds, receiveMaximum } = options
  const client = mqtt.connect(options.url, {
    ...commonOptions(options),
    clean: false,
    protocolVersion,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(protocolVersion === 5
      ? {
          properties: { sessionExpiryInterval: sessionExpirySeconds, receiveMaximum: Math.min(receiveMaximum, 65_535) },
        }
      : {}),
  })
  const url = withoutPassword(options.url)
  const window = new PubackWindow()
  const pubacks = new PubackWriter((bytes) => {
    if (!closed) client.stream.write(bytes)
  })
  let closed: Error | undefined
  let isOpen = false
  let stopPings: (() => void) | undefined
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => {})
  const gone = (error: Error): void => {
    if (closed) return
    closed = error
    ended.reject(error)
    stopPings?.()
    client.end(true)
    if (isOpen) options.onClose(error)
  }
  client.handleMessage = (packet, callback) => {
    if (closed) {
      callback(HELD)
      return
    }
    const { qos, messageId } = packet
    const released = qos === 1 && messageId !== undefined ? window.arrived(messageId) : undefined
    const outcome = released ? HELD : undefined
    const wait = options.onMessage(toMessage(packet), (error) => {
      if (error) gone(error)
      else if (released && !closed) pubacks.add(released())
    })
    if (!wait) {
      callback(outcome)
      return
    }
    stopPings = keepAlive(client, options)
    void wait.then(() => {
      stopPings?.()
      callback(outcome)
    })
  }
  const connack = await connected(client, url)
  let reason = ''
  client.on('error', (error) => {
    reason = `: ${error.message}`
  })
  client.on('disconnect', ({ reasonCode }) => {
    const taken =
      reasonCode === SESSION_TAKEN_OVER ? ` (client id ${options.clientId} is used by another connection)` : ''
    reason = `: the broker ended it with reason ${reasonCode}${taken}`
  })
  client.on('close', () => gone(new MqttUnavailableError(`connection to ${url} lost${reason}`)))
  if (closed) throw closed
  isOpen = true
  return {
    sessionPresent: connack.sessionPresent,
    get closed() {
      return closed
    },
    subscribe: async (filters) => {
      for (const some of inPackets(filters)) await subscribe(client, some)
    },
    unsubscribe: async (filters) => {
      for (const some of inPackets(filters)) await unsubscribe(client, some)
    },
    publish: (topic, payload) => Promise.race([publish(client, topic, payload), ended.promise]),
    async close() {
      if (closed) return
      pubacks.flush()
      closed = new MqttUnavailableError('closed')
      ended.reject(closed)
      stopPings?.()
      await end(client)
    },
  }
}

function toMessage(packet: IPublishPacket): MqttMessage {
  const { topic, payload, qos, retain, dup } = packet
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retained: retain,
    duplicate: dup,
  }
}

/** A connection that publishes. mqtt.js reconnects by itself and resends what was not acknowledged. */
export interface MqttPublisher {
  readonly connected: boolean
  /** Resolves when the broker has it (QoS 1). @throws {MqttUnavailableError} when closed first. */
  publish(topic: string, payload: string | Buffer, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  close(): Promise<void>
}

/** Resolves when the first connection stands. @throws {MqttUnavailableError} {MqttRefusedError} */
export async function openPublisher(endpoint: MqttEndpoint): Promise<MqttPublisher> {
  const client = mqtt.connect(endpoint.url, {
    ...commonOptions(endpoint),
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 1_000,
  })
  await connected(client, withoutPassword(endpoint.url))
  client.on('error', () => {})
  return {
    get connected() {
      return client.connected
    },
    async publish(topic, payload, { qos = 1, retain = false } = {}) {
      try {
        await client.publishAsync(topic, payload, { qos, retain })
      } catch (cause) {
        throw new MqttUnavailableError(`message to ${topic} was not taken: ${asError(cause).message}`, { cause })
      }
    },
    close: () => end(client),
  }
}

function commonOptions(endpoint: MqttEndpoint): IClientOptions {
  return {
    clientId: endpoint.clientId,
    keepalive: endpoint.keepaliveSeconds ?? 30,
    connectTimeout: endpoint.connectTimeoutMs ?? 10_000,
    ...(endpoint.username === undefined ? {} : { username: endpoint.username }),
    ...(endpoint.password === undefined ? {} : { password: endpoint.password }),
    ...endpoint.tls,
  }
}

/** The answer to CONNECT; on failure the client is ended. */
function connected(client: MqttClient, url: string): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    const clear = (): void => {
      client.off('connect', onConnect)
      client.off('error', onError)
      client.off('close', onClose)
    }
    const fail = (error: Error): void => {
      clear()
      client.on('error', () => {})
      client.end(true)
      reject(error)
    }
    const onConnect = (packet: IConnackPacket): void => {
      clear()
      resolve(packet)
    }
    const onError = (error: Error & { code?: unknown }): void => fail(connectError(url, error))
    const onClose = (): void => fail(new MqttUnavailableError(`${url} closed the connection before it stood`))
    client.on('connect', onConnect)
    client.on('error', onError)
    client.on('close', onClose)
  })
}

/** Retained messages come with a subscription that is new only (`rh`, MQTT 5). */
async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  const wanted = client.options.protocolVersion === 5 ? { qos: 1 as const, rh: 1 } : { qos: 1 as const }
  let refused: string[]
  try {
    const granted = await client.subscribeAsync([...filters], wanted)
    refused = granted.filter((grant) => grant.qos >= 0x80).map((grant) => grant.topic)
  } catch (cause) {
    const error = asError(cause) as Error & { code?: unknown }
    if (typeof error.code === 'number')
      throw new MqttRefusedError(`a subscription was refused: ${error.message}`, error.code)
    throw new MqttUnavailableError(`cannot subscribe: ${error.message}`, { cause })
  }
  if (refused.length > 0) throw new MqttRefusedError(`the broker refuses subscriptions to ${refused.join(', ')}`, 0x80)
}

async function publish(client: MqttClient, topic: string, payload: string): Promise<void> {
  try {
    await client.publishAsync(topic, payload, { qos: 1 })
  } catch (cause) {
    const error = asError(cause) as Error & { code?: unknown }
    const message = `the broker did not take a message to ${topic}: ${error.message}`
    if (typeof error.code === 'number') throw new MqttRefusedError(message, error.code)
    throw new MqttUnavailableError(message, { cause })
  }
}

async function unsubscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  try {
    await client.unsubscribeAsync([...filters])
  } catch (cause) {
    throw new MqttUnavailableError(`cannot unsubscribe: ${asError(cause).message}`, { cause })
  }
}

/** Brokers bound the size of a packet. */
function inPackets(filters: readonly string[]): string[][] {
  const packets: string[][] = []
  for (let i = 0; i < filters.length; i += FILTERS_PER_PACKET) packets.push(filters.slice(i, i + FILTERS_PER_PACKET))
  return packets
}

const FILTERS_PER_PACKET = 100

/** mqtt.js handles one packet after another, so that while it waits it sees no PINGRESP and would take the broker for dead. */
function keepAlive(client: MqttClient, endpoint: MqttEndpoint): () => void {
  const everyMs = ((endpoint.keepaliveSeconds ?? 30) * 1000) / 2
  client.reschedulePing(true)
  const timer = setInterval(() => {
    if (!client.connected) return
    client.sendPing()
    client.reschedulePing(true)
  }, everyMs)
  return () => clearInterval(timer)
}

/** Graceful, but not for ever: a broker that is gone does not keep us. */
function end(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      client.end(true)
      resolve()
    }, END_TIMEOUT_MS)
    client.end(false, () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const END_TIMEOUT_MS = 2_000
