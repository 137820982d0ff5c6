import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import { asError } from '../../common/errors.ts'
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import { pause } from '../pause.ts'
import { formatGroupAddress } from './addresses.ts'
import { type GroupService, type GroupTelegram, NO_PAYLOAD } from './cemi.ts'
import type { GroupPayload } from './dpt.ts'
import {
  KnxLinkClosedError,
  KnxSupersededError,
  KnxTelegramRefusedError,
  KnxTimeoutError,
  KnxTunnelError,
} from './errors.ts'
import { KnxTunnel, type KnxTunnelOptions, type TransmitOutcome } from './knx-tunnel.ts'
import { Pacer } from './pacer.ts'
import { type PendingTelegram, TelegramQueue } from './telegram-queue.ts'

export interface KnxLinkOptions
  extends Pick<
    KnxTunnelOptions,
    'localAddress' | 'connectTimeoutMs' | 'heartbeatMs' | 'heartbeatAnswerMs' | 'confirmTimeoutMs'
  > {
  /** Name or IPv4 address of the KNXnet/IP gateway. */
  readonly host: string
  /** Default 3671. */
  readonly port?: number
  /** Most telegrams of ours on the bus in a second, reads included (default 20; TP1 carries about 50 of everybody's). */
  readonly telegramsPerSecond?: number
  /** Most of them that may be reads, each of which is followed by its answer (default 10). */
  readonly readsPerSecond?: number
  /** How often a telegram that the bus does not take is sent in all (default 3). */
  readonly maxTries?: number
  /** Between tries to make the tunnel (default: from 0.5 s to 1.5 s, so that a gateway that is back is in use within 5 s). */
  readonly backoff?: BackoffOptions
}

export interface KnxLinkListener {
  /** A group telegram from the bus, each once. Our own come back only through other devices. */
  onTelegram?(telegram: GroupTelegram): void
  /** The tunnel stands, or does not (with the reason); told once per change, and once when the first try fails. */
  onState?(up: boolean, reason?: Error): void
  /** Something that is not as the specification has it was dropped. */
  onMalformed?(error: Error): void
}

export interface WriteOptions {
  /** Gives up after this (default: never; a write waits for the link as long as it takes). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

interface PendingRead {
  readonly promise: Promise<GroupPayload>
  readonly answer: (payload: GroupPayload) => void
  readonly fail: (error: Error) => void
}

const LONGEST_BACKOFF_MS = 1_500
/** A tunnel that has stood this long was a good one: the next wait before a reconnect is the shortest again. */
const STABLE_MS = 10_000

/**
 * A KNXnet/IP tunnel that comes back: it is made anew, after waits that double up to 1.5 s with jitter, until `close`. Telegrams go
 * one by one, at a limited rate, writes before reads. A write is done when the bus confirms it (L_Data.con); what the link loses
 * on the way is sent again when it is back, so a write may reach the bus twice, never out of order for its address.
 */
export class KnxLink {
  readonly #options: KnxLinkOptions
  readonly #backoff: BackoffOptions
  readonly #listener: KnxLinkListener
  readonly #queue = new TelegramQueue()
  readonly #pacer: Pacer
  readonly #readPacer: Pacer
  readonly #reads = new Map<number, PendingRead>()
  readonly #closing = new AbortController()
  #tunnel: KnxTunnel | undefined
  #running: Promise<void> | undefined
  #inFlight: PendingTelegram | undefined
  #pumpTimer: NodeJS.Timeout | undefined
  #told: boolean | undefined
  #endWait: ((error: undefined) => void) | undefined

  constructor(options: KnxLinkOptions, listener: KnxLinkListener = {}) {
    this.#options = options
    this.#backoff = { capMs: LONGEST_BACKOFF_MS, ...options.backoff }
    this.#listener = listener
    this.#pacer = new Pacer(options.telegramsPerSecond ?? 20)
    this.#readPacer = new Pacer(options.readsPerSecond ?? 10)
  }

  get up(): boolean {
    return this.#tunnel !== undefined
  }

  /** Telegrams that wait for the bus or are on their way to it. */
  get pending(): number {
    return this.#queue.size + (this.#inFlight ? 1 : 0)
  }

  /** Our address on the bus while the tunnel stands, as the gateway gave it; 0 otherwise. */
  get individualAddress(): number {
    return this.#tunnel?.individualAddress ?? 0
  }

  /** Resolves when the tunnel stands for the first time. @throws {KnxLinkClosedError} when it is closed before. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve).then(() => reject(new KnxLinkClosedError('the KNX link was closed')), reject)
    })
  }

  /**
   * GroupValue_Write. Resolves when it is on the bus.
   * @throws {KnxSupersededError} a younger write to the address came while this one waited; {KnxTelegramRefusedError} nobody on the
   * bus acknowledges it; {KnxTimeoutError} the time is over, or the bus is silent; {KnxLinkClosedError}
   */
  write(address: number, payload: GroupPayload, options: WriteOptions = {}): Promise<void> {
    return this.#send('GroupValue_Write', address, payload, options)
  }

  /** GroupValue_Response, for what plays a device. Throws as `write`. */
  respond(address: number, payload: GroupPayload): Promise<void> {
    return this.#send('GroupValue_Response', address, payload)
  }

  /**
   * GroupValue_Read, and the first answer to it by anybody. Reads of one address at the same time are one. Does not outlive
   * the tunnel. @throws {KnxTimeoutError} no answer within `timeoutMs` (default 2 s) of the question being on the bus;
   * {KnxTunnelError} the link is down or was lost; {KnxTelegramRefusedError} {KnxLinkClosedError}
   */
  read(address: number, timeoutMs = 2_000): Promise<GroupPayload> {
    const running = this.#reads.get(address)
    if (running) return running.promise
    if (!this.#tunnel) return Promise.reject(new KnxTunnelError('the KNX link is down'))
    const { promise, resolve, reject } = Promise.withResolvers<GroupPayload>()
    let timer: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(timer)
      if (this.#reads.get(address) === pending) this.#reads.delete(address)
    }
    const pending: PendingRead = {
      promise,
      answer: (payload) => {
        end()
        resolve(payload)
      },
      fail: (error) => {
        end()
        reject(error)
      },
    }
    this.#reads.set(address, pending)
    this.#send('GroupValue_Read', address, NO_PAYLOAD).then(() => {
      if (this.#reads.get(address) !== pending) return
      timer = setTimeout(
        () => pending.fail(new KnxTimeoutError(`no answer from ${formatGroupAddress(address)}`)),
        timeoutMs,
      )
    }, pending.fail)
    return promise
  }

  /** Ends the tunnel properly, rejects what waits with {KnxLinkClosedError}. Leaves no timer and no socket. */
  async close(): Promise<void> {
    this.#closing.abort()
    const error = new KnxLinkClosedError('the KNX link was closed')
    this.#inFlight?.settle(error)
    for (const telegram of this.#queue.drain('all')) telegram.settle(error)
    for (const read of this.#reads.values()) read.fail(error)
    this.#endWait?.(undefined)
    await this.#running
  }

  #send(service: GroupService, address: number, payload: GroupPayload, options: WriteOptions = {}): Promise<void> {
    const { timeoutMs, signal } = options
    if (this.#closing.signal.aborted) return Promise.reject(new KnxLinkClosedError('the KNX link is closed'))
    if (signal?.aborted) return Promise.reject(asError(signal.reason))
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error): void => {
        this.#queue.remove(telegram)
        telegram.settle(error)
      }
      const onAbort = (): void => giveUp(asError(signal?.reason))
      const text = `a telegram to ${formatGroupAddress(address)} was not confirmed within ${timeoutMs} ms`
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => giveUp(new KnxTimeoutError(text)), timeoutMs)
      signal?.addEventListener('abort', onAbort)
      const telegram: PendingTelegram = {
        service,
        address,
        payload,
        failures: 0,
        settled: false,
        settle: (error) => {
          telegram.settled = true
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          if (error) reject(error)
          else resolve()
        },
      }
      this.#queue.push(telegram)?.settle(superseded(address))
      this.#pump()
    })
  }

  #pump(): void {
    clearTimeout(this.#pumpTimer)
    const tunnel = this.#tunnel
    const telegram = this.#queue.next()
    if (!tunnel || this.#inFlight || !telegram) return
    const nowMs = performance.now()
    const isRead = telegram.service === 'GroupValue_Read'
    const waitMs = Math.max(this.#pacer.waitMs(nowMs), isRead ? this.#readPacer.waitMs(nowMs) : 0)
    if (waitMs > 0) {
      this.#pumpTimer = setTimeout(() => this.#pump(), Math.ceil(waitMs))
      return
    }
    this.#pacer.take(nowMs)
    if (isRead) this.#readPacer.take(nowMs)
    this.#queue.remove(telegram)
    this.#inFlight = telegram
    void tunnel.transmit(telegram.service, telegram.address, telegram.payload).then((outcome) => {
      this.#inFlight = undefined
      if (!telegram.settled) this.#afterTransmit(telegram, outcome)
      this.#pump()
    })
  }

  #afterTransmit(telegram: PendingTelegram, outcome: TransmitOutcome): void {
    const { address } = telegram
    if (outcome === 'confirmed') {
      telegram.settle()
      return
    }
    if (outcome !== 'lost' && ++telegram.failures >= (this.#options.maxTries ?? 3)) {
      const text = `a telegram to ${formatGroupAddress(address)} was sent ${telegram.failures} times and`
      telegram.settle(
        outcome === 'refused'
          ? new KnxTelegramRefusedError(`${text} nobody on the bus acknowledges it`)
          : new KnxTimeoutError(`${text} the gateway never confirmed it`),
      )
      return
    }
    if (!this.#queue.putBack(telegram)) telegram.settle(superseded(address))
  }

  async #run(onFirstUp: () => void): Promise<void> {
    const { signal } = this.#closing
    let attempt = 0
    while (!signal.aborted) {
      const lost = Promise.withResolvers<Error | undefined>()
      this.#endWait = lost.resolve
      let tunnel: KnxTunnel
      try {
        tunnel = await this.#openTunnel(lost.resolve)
      } catch (error) {
        if (!signal.aborted) this.#tell(false, asError(error))
        await pause(backoffMs(attempt++, this.#backoff), signal)
        continue
      }
      const sinceMs = performance.now()
      this.#tunnel = tunnel
      onFirstUp()
      this.#tell(true)
      this.#pump()
      const error = await lost.promise
      this.#tunnel = undefined
      clearTimeout(this.#pumpTimer)
      await tunnel.close()
      if (!error) return
      this.#tell(false, error)
      this.#failReads(error)
      if (performance.now() - sinceMs > STABLE_MS) attempt = 0
      await pause(backoffMs(attempt++, this.#backoff), signal)
    }
  }

  async #openTunnel(onLost: (error: Error) => void): Promise<KnxTunnel> {
    const { host, port = 3671, backoff: _, ...options } = this.#options
    const address = isIPv4(host) ? host : (await lookup(host, { family: 4 })).address
    const tunnel = new KnxTunnel(
      { ...options, host: address, port },
      {
        onTelegram: (telegram) => this.#onTelegram(telegram),
        onMalformed: (error) => this.#listener.onMalformed?.(error),
        onLost,
      },
    )
    const giveUp = (): void => void tunnel.close()
    this.#closing.signal.addEventListener('abort', giveUp)
    try {
      if (this.#closing.signal.aborted) throw new KnxLinkClosedError('the KNX link was closed')
      await tunnel.open()
      return tunnel
    } finally {
      this.#closing.signal.removeEventListener('abort', giveUp)
    }
  }

  #onTelegram(telegram: GroupTelegram): void {
    if (telegram.service === 'GroupValue_Response') this.#reads.get(telegram.destination)?.answer(telegram.payload)
    this.#listener.onTelegram?.(telegram)
  }

  #failReads(error: Error): void {
    for (const telegram of this.#queue.drain('reads')) telegram.settle(error)
    for (const read of this.#reads.values()) read.fail(error)
  }

  #tell(up: boolean, reason?: Error): void {
    if (this.#told === up) return
    this.#told = up
    this.#listener.onState?.(up, reason)
  }
}

function superseded(address: number): KnxSupersededError {
  return new KnxSupersededError(`a younger write to ${formatGroupAddress(address)} took its place`)
}
