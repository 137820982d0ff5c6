import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import createConnection, { type KnxConnection, type KnxDatagram } from 'knx/src/Connection.js'
import { asError } from '../../common/errors.ts'
import { formatGroupAddress } from './addresses.ts'
import { type CemiFrame, decodeCemi, type GroupService, type GroupTelegram } from './cemi.ts'
import type { GroupPayload } from './dpt.ts'
import { KnxTimeoutError, KnxTunnelError } from './errors.ts'
import { ANY_ENDPOINT, decodeFrame, describeStatus, encodeFrame, type KnxIpFrame, STATUS } from './knxnetip-frames.ts'

export interface KnxTunnelOptions {
  /** IPv4 address. */
  readonly host: string
  readonly port: number
  /** Where our socket is bound: 127.0.0.1 for a gateway on this machine, else all interfaces, unless given. */
  readonly localAddress?: string
  /** How long a tunnel may take to stand (default 3 s, at most 8 s). */
  readonly connectTimeoutMs?: number
  /** How often the gateway is asked for the connection's state (default 3 s: one that was away for a moment only is noticed by that). */
  readonly heartbeatMs?: number
  /** How long it may take to answer that; after three such times the tunnel is lost (default 1 s). */
  readonly heartbeatAnswerMs?: number
  /** How long L_Data.con may take once the gateway has the telegram (default 3 s). */
  readonly confirmTimeoutMs?: number
}

export interface KnxTunnelListener {
  /** A telegram from the bus. */
  onTelegram(telegram: GroupTelegram): void
  /** A datagram or telegram that is not as the specification has it; it was dropped. */
  onMalformed(error: Error): void
  /** The open tunnel is gone. Told once, and never after `close`. */
  onLost(error: Error): void
}

/**
 * `confirmed`: on the bus (L_Data.con). `refused`: nobody on the bus acknowledged it. `unconfirmed`: the gateway took it and
 * says nothing more. `lost`: the tunnel went away; whether it reached the bus is unknown.
 */
export type TransmitOutcome = 'confirmed' | 'refused' | 'unconfirmed' | 'lost'

interface Flight {
  readonly service: GroupService
  readonly address: number
  readonly resolve: (outcome: TransmitOutcome) => void
  datagram?: KnxDatagram
  acknowledged: boolean
  confirmation?: 'confirmed' | 'refused'
  timer: NodeJS.Timeout | undefined
}

const CONNECT_REQUEST = 0x0205
const CONNECTION_STATE_REQUEST = 0x0207
const TUNNELLING_REQUEST = 0x0420
/** KNX System Specifications 03_08_04 clause 2.6: a request without acknowledgement is repeated once after this. */
const REPEAT_AFTER_MS = 1_000
/** A gateway that comes back while it is called has not heard the call. */
const CALL_AGAIN_MS = 1_000
const HEARTBEAT_TRIES = 3
const DISCONNECT_ANSWER_MS = 1_000
/** After 9 s the library begins waits of its own that cannot be ended. */
const LONGEST_CONNECT_MS = 8_000

/**
 * The life of one tunnel: opened once, lost or closed once, never revived. npm knx makes the connection, numbers and sends
 * requests and waits for their acknowledgement; its own reconnecting, idle check and reading of indications stand aside, since they
 * take a minute to see a dead link, survive a disconnect, and take repeated telegrams twice.
 */
export class KnxTunnel {
  readonly #host: string
  readonly #port: number
  readonly #connectTimeoutMs: number
  readonly #heartbeatMs: number
  readonly #heartbeatAnswerMs: number
  readonly #confirmTimeoutMs: number
  readonly #listener: KnxTunnelListener
  readonly #connection: KnxConnection
  /** The library's own reading of a datagram, which moves its state machine. */
  readonly #handToLibrary: (bytes: Buffer, from: RemoteInfo) => void
  #state: 'new' | 'opening' | 'open' | 'closed' = 'new'
  #opening: { resolve: () => void; reject: (error: Error) => void } | undefined
  #openTimer: NodeJS.Timeout | undefined
  #callTimer: NodeJS.Timeout | undefined
  #heartbeatTimer: NodeJS.Timeout | undefined
  #heartbeatsUnanswered = 0
  #disconnectAnswered: (() => void) | undefined
  #channel: number | undefined
  /** What the gateway is told at the end instead of a disconnect request. */
  #farewell: KnxIpFrame | undefined
  #individualAddress = 0
  #expectedSequence = 0
  #flight: Flight | undefined

  /** @throws {KnxTunnelError} when the library refuses the address. */
  constructor(options: KnxTunnelOptions, listener: KnxTunnelListener) {
    this.#host = options.host
    this.#port = options.port
    this.#connectTimeoutMs = Math.min(options.connectTimeoutMs ?? 3_000, LONGEST_CONNECT_MS)
    this.#heartbeatMs = options.heartbeatMs ?? 3_000
    this.#heartbeatAnswerMs = options.heartbeatAnswerMs ?? 1_000
    this.#confirmTimeoutMs = options.confirmTimeoutMs ?? 3_000
    this.#listener = listener
    this.#connection = newConnection(options)
    const connection = this.#connection
    this.#handToLibrary = connection.onUdpSocketMessage.bind(connection)
    connection.onUdpSocketMessage = (bytes, from) => this.#onDatagram(bytes, from)
    connection.BindSocket = (bound) => this.#bind(options, bound)
    connection.on('connected', () => this.#onConnected())
    connection.on('disconnected', () => {
      if (this.#state === 'open') this.#lose(new KnxTunnelError('the library has given the tunnel up'))
    })
    connection.on('tunnelreqfailed', () => {
      this.#lose(new KnxTimeoutError(`the gateway ${this.#host}:${this.#port} does not acknowledge telegrams`))
    })
  }

  /** The tunnel's own address on the bus; 0 before it is open. */
  get individualAddress(): number {
    return this.#individualAddress
  }

  /** @throws {KnxTimeoutError} when nobody answers; {KnxTunnelError} when the gateway refuses (it has no free channel). */
  open(): Promise<void> {
    this.#state = 'opening'
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject }
      this.#openTimer = setTimeout(() => {
        this.#lose(new KnxTimeoutError(`no KNXnet/IP gateway answers at ${this.#host}:${this.#port}`))
      }, this.#connectTimeoutMs)
      this.#callTimer = setInterval(() => this.#callAgain(), CALL_AGAIN_MS)
      this.#connection.Connect()
    })
  }

  /** Sends one group telegram. Call it again only when the promise has resolved; it never rejects. */
  transmit(service: GroupService, address: number, payload: GroupPayload): Promise<TransmitOutcome> {
    if (this.#state !== 'open') return Promise.resolve('lost')
    return new Promise((resolve) => {
      const flight: Flight = { service, address, resolve, acknowledged: false, timer: undefined }
      this.#flight = flight
      this.#connection.Request(TUNNELLING_REQUEST, (datagram) => {
        datagram.cemi.dest_addr = formatGroupAddress(address)
        const bitlength = payload.short ? 6 : 8 * payload.data.length
        datagram.cemi.apdu = { apci: service, data: payload.data, bitlength, tpci: 0 }
        flight.datagram = datagram
      })
      flight.timer = setTimeout(() => {
        if (flight.datagram) this.#connection.send(flight.datagram)
      }, REPEAT_AFTER_MS)
    })
  }

  /** Gives the channel back to the gateway (waiting a second for its answer) and leaves no timer and no socket. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DISCONNECT_ANSWER_MS)
        this.#disconnectAnswered = () => {
          clearTimeout(timer)
          resolve()
        }
        this.#send(this.#disconnectRequest())
      })
      this.#channel = undefined
    }
    this.#end(new KnxTunnelError('the tunnel was closed'))
  }

  #callAgain(): void {
    if (this.#channel === undefined && this.#connection.socket)
      this.#connection.send(this.#connection.prepareDatagram(CONNECT_REQUEST))
  }

  #onConnected(): void {
    clearTimeout(this.#openTimer)
    clearInterval(this.#callTimer)
    this.#state = 'open'
    this.#scheduleHeartbeat(this.#heartbeatMs)
    this.#opening?.resolve()
    this.#opening = undefined
  }

  #onDatagram(bytes: Buffer, from: RemoteInfo): void {
    if (this.#state === 'closed' || from.address !== this.#host) return
    let frame: KnxIpFrame | undefined
    try {
      frame = decodeFrame(bytes)
    } catch (error) {
      this.#listener.onMalformed(asError(error))
      return
    }
    if (!frame || !('channel' in frame)) return
    if (frame.service === 'connectResponse') this.#onConnectResponse(frame, bytes, from)
    else if (frame.channel !== this.#channel) return
    else if (frame.service === 'connectionStateResponse') this.#onConnectionState(frame.status, bytes, from)
    else if (frame.service === 'tunnellingRequest') this.#onTunnellingRequest(frame.sequence, frame.cemi)
    else if (frame.service === 'tunnellingAck') this.#onAck(frame, bytes, from)
    else if (frame.service === 'disconnectResponse') this.#disconnectAnswered?.()
    else if (frame.service === 'disconnectRequest') {
      this.#farewell = { service: 'disconnectResponse', channel: frame.channel, status: STATUS.noError }
      this.#lose(new KnxTunnelError('the gateway has ended the tunnel'))
    }
  }

  #onConnectResponse(frame: KnxIpFrame & { service: 'connectResponse' }, bytes: Buffer, from: RemoteInfo): void {
    if (this.#channel !== undefined) {
      // A slow gateway has heard more than one call: what it keeps for the others is given back.
      if (frame.status === STATUS.noError && frame.channel !== this.#channel)
        this.#send({ service: 'disconnectRequest', channel: frame.channel, control: ANY_ENDPOINT })
      return
    }
    if (this.#state !== 'opening') return
    if (frame.status !== STATUS.noError) {
      this.#lose(new KnxTunnelError(`the gateway refuses a tunnel: ${describeStatus(frame.status)}`))
      return
    }
    this.#channel = frame.channel
    this.#individualAddress = frame.individualAddress ?? 0
    this.#handToLibrary(bytes, from)
  }

  #onConnectionState(status: number, bytes: Buffer, from: RemoteInfo): void {
    if (status !== STATUS.noError) {
      this.#lose(new KnxTunnelError(`the gateway does not keep the tunnel: ${describeStatus(status)}`))
      return
    }
    if (this.#state === 'opening') this.#handToLibrary(bytes, from)
    else if (this.#heartbeatsUnanswered > 0) {
      this.#heartbeatsUnanswered = 0
      this.#scheduleHeartbeat(this.#heartbeatMs)
    }
  }

  #onAck(frame: KnxIpFrame & { service: 'tunnellingAck' }, bytes: Buffer, from: RemoteInfo): void {
    const flight = this.#flight
    if (!flight || flight.acknowledged || frame.sequence !== (this.#connection.seqnum & 0xff)) return
    if (frame.status !== STATUS.noError) {
      this.#lose(new KnxTunnelError(`the gateway does not take a telegram: ${describeStatus(frame.status)}`))
      return
    }
    flight.acknowledged = true
    clearTimeout(flight.timer)
    this.#handToLibrary(bytes, from)
    if (flight.confirmation) this.#land(flight.confirmation)
    else flight.timer = setTimeout(() => this.#land('unconfirmed'), this.#confirmTimeoutMs)
  }

  /** Takes each sequence number once; a repeated one is acknowledged again, one out of order is not (03_08_04 clause 2.6). */
  #onTunnellingRequest(sequence: number, cemi: Buffer): void {
    const repeated = sequence === ((this.#expectedSequence - 1) & 0xff)
    if (sequence !== this.#expectedSequence && !repeated) return
    this.#connection.acknowledge({ tunnstate: { seqnum: sequence } })
    if (repeated) return
    this.#expectedSequence = (sequence + 1) & 0xff
    let telegram: CemiFrame | undefined
    try {
      telegram = decodeCemi(cemi)
    } catch (error) {
      this.#listener.onMalformed(asError(error))
      return
    }
    if (telegram?.messageCode === 'L_Data.ind') this.#listener.onTelegram(telegram)
    else if (telegram?.messageCode === 'L_Data.con') this.#onConfirmation(telegram)
  }

  #onConfirmation(telegram: CemiFrame): void {
    const flight = this.#flight
    if (!flight || telegram.destination !== flight.address || telegram.service !== flight.service) return
    flight.confirmation = telegram.failed ? 'refused' : 'confirmed'
    if (flight.acknowledged) this.#land(flight.confirmation)
  }

  #land(outcome: TransmitOutcome): void {
    const flight = this.#flight
    if (!flight) return
    this.#flight = undefined
    clearTimeout(flight.timer)
    flight.resolve(outcome)
  }

  #scheduleHeartbeat(inMs: number): void {
    clearTimeout(this.#heartbeatTimer)
    this.#heartbeatTimer = setTimeout(() => {
      if (this.#heartbeatsUnanswered === HEARTBEAT_TRIES) {
        this.#lose(new KnxTimeoutError(`the gateway ${this.#host}:${this.#port} does not answer any more`))
        return
      }
      this.#heartbeatsUnanswered++
      this.#connection.send(this.#connection.prepareDatagram(CONNECTION_STATE_REQUEST))
      this.#scheduleHeartbeat(this.#heartbeatAnswerMs)
    }, inMs)
  }

  #lose(error: Error): void {
    const wasOpen = this.#state === 'open'
    this.#end(error)
    if (wasOpen) this.#listener.onLost(error)
  }

  #end(error: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#openTimer)
    clearInterval(this.#callTimer)
    clearTimeout(this.#heartbeatTimer)
    this.#opening?.reject(error)
    this.#opening = undefined
    this.#land('lost')
    const closeSocket = (): void => void this.#connection.socket?.close()
    // A gateway has few channels: one that only seems dead must not keep ours until it times out.
    if (this.#channel === undefined) closeSocket()
    else this.#send(this.#farewell ?? this.#disconnectRequest(), closeSocket)
    retire(this.#connection)
  }

  #disconnectRequest(): KnxIpFrame {
    return { service: 'disconnectRequest', channel: this.#channel ?? 0, control: ANY_ENDPOINT }
  }

  #send(frame: KnxIpFrame, sent: () => void = () => {}): void {
    this.#connection.socket?.send(encodeFrame(frame), this.#port, this.#host, sent)
  }

  #bind(options: KnxTunnelOptions, bound: (socket: Socket) => void): Socket {
    const socket = createSocket('udp4')
    socket.on('error', (error) => {
      this.#lose(new KnxTunnelError(`the UDP socket to the gateway failed: ${error.message}`, { cause: error }))
    })
    socket.bind(0, localAddressOf(options), () => {
      if (this.#state === 'opening') bound(socket)
    })
    return socket
  }
}

function localAddressOf(options: KnxTunnelOptions): string {
  return options.localAddress ?? (options.host.startsWith('127.') ? '127.0.0.1' : '0.0.0.0')
}

function newConnection(options: KnxTunnelOptions): KnxConnection {
  try {
    const connection = createConnection({
      ipAddr: options.host,
      ipPort: options.port,
      physAddr: '0.0.0',
      loglevel: 'error',
      manualConnect: true,
    })
    connection.getLocalAddress = () => localAddressOf(options)
    // The idle check is started only where there is none: this one never fires.
    connection.idletimer = 0
    return connection
  } catch (thrown) {
    throw new KnxTunnelError(`npm knx refuses ${options.host}:${options.port}: ${asError(thrown).message}`)
  }
}

/** Nothing that is still scheduled in the library may bring the connection back or keep the process alive. */
function retire(connection: KnxConnection): void {
  connection.off()
  clearInterval(connection.connecttimer)
  clearTimeout(connection.connstatetimer)
  clearTimeout(connection.disconnecttimer)
  clearTimeout(connection.tunnelingAckTimer)
  connection.transition = () => {}
  connection.handle = () => {}
}
