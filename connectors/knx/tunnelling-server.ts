import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Logger } from '../../common/log.ts'
import { KnxFrameError } from './errors.ts'
import {
  type DeviceInformation,
  decodeFrame,
  type Endpoint,
  encodeFrame,
  type KnxIpFrame,
  LINK_LAYER,
  STATUS,
  TUNNEL_CONNECTION,
} from './knxnetip-frames.ts'
import type { SimulatedLine } from './simulated-line.ts'
import { SimulatedTunnel } from './simulated-tunnel.ts'

/** What goes wrong, for tests and for showing. All of it may be changed while the gateway runs. */
export interface GatewayFaults {
  /** Datagrams are neither taken nor sent: the network is down, or the gateway has no power. */
  silent: boolean
  /** Every answer comes so much later. */
  delayMs: number
  /** So many tunnelling requests get lost on the way here. */
  loseRequests: number
  /** So many tunnelling requests are taken and their acknowledgement gets lost. */
  loseAcks: number
  /** Every indication is sent twice. */
  duplicates: boolean
  /** New tunnels are refused as if all were taken; those that stand are kept. */
  refuseConnections: boolean
}

export interface TunnellingServerOptions {
  readonly host: string
  readonly port: number
  readonly maxTunnels: number
  readonly heartbeatTimeoutMs: number
  readonly individualAddress: number
  readonly line: SimulatedLine
  readonly logger: Logger
}

type Frame<S extends KnxIpFrame['service']> = KnxIpFrame & { readonly service: S }

/** The network side of the simulated gateway: KNX System Specifications 03_08_02 and 03_08_04 over UDP. */
export class TunnellingServer {
  readonly faults: GatewayFaults = {
    silent: false,
    delayMs: 0,
    loseRequests: 0,
    loseAcks: 0,
    duplicates: false,
    refuseConnections: false,
  }
  readonly #options: TunnellingServerOptions
  readonly #tunnels = new Map<number, SimulatedTunnel>()
  readonly #leaveLine = new Map<number, () => void>()
  readonly #delayed = new Set<NodeJS.Timeout>()
  readonly #sending = new Set<Promise<void>>()
  #port: number
  #socket: Socket | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(options: TunnellingServerOptions) {
    this.#options = options
    this.#port = options.port
  }

  get tunnels(): number {
    return this.#tunnels.size
  }

  /** A second start takes the port of the first. */
  async start(): Promise<Endpoint> {
    const { host, heartbeatTimeoutMs, logger } = this.#options
    const socket = createSocket('udp4')
    socket.on('message', (bytes, from) => this.#onDatagram(bytes, from))
    socket.bind(this.#port, host)
    await once(socket, 'listening')
    socket.on('error', (error) => logger.warn({ err: error }, 'the simulated KNX gateway has a socket error'))
    this.#socket = socket
    const { address, port } = socket.address()
    this.#port = port
    this.#sweep = setInterval(() => this.#endSilentTunnels(), heartbeatTimeoutMs / 4)
    return { address, port }
  }

  async stop(abrupt: boolean): Promise<void> {
    const socket = this.#socket
    if (!socket) return
    if (abrupt) for (const channel of [...this.#tunnels.keys()]) this.#forget(channel)
    else this.disconnectAll()
    await Promise.all(this.#sending)
    this.#socket = undefined
    clearInterval(this.#sweep)
    for (const timer of this.#delayed) clearTimeout(timer)
    this.#delayed.clear()
    await new Promise<void>((resolve) => {
      socket.close(resolve)
    })
  }

  disconnectAll(): void {
    for (const tunnel of [...this.#tunnels.values()]) this.#disconnect(tunnel)
  }

  #onDatagram(bytes: Buffer, from: RemoteInfo): void {
    if (this.faults.silent) return
    try {
      const frame = decodeFrame(bytes)
      if (frame) this.#onFrame(frame, { address: from.address, port: from.port })
    } catch (error) {
      if (!(error instanceof KnxFrameError)) throw error
      this.#options.logger.debug({ err: error, from: from.address }, 'a datagram is no KNXnet/IP frame')
    }
  }

  #onFrame(frame: KnxIpFrame, from: Endpoint): void {
    const { service } = frame
    if (service === 'tunnellingRequest') this.#onTunnellingRequest(frame, from)
    else if (service === 'tunnellingAck') this.#onTunnellingAck(frame, from)
    else if (service === 'connectRequest') this.#onConnect(frame, from)
    else if (service === 'connectionStateRequest') this.#onConnectionState(frame, from)
    else if (service === 'disconnectRequest') this.#onDisconnect(frame, from)
    else if (service === 'descriptionRequest')
      this.#send({ service: 'descriptionResponse', device: this.#device() }, reachable(frame.control, from))
    else if (service === 'searchRequest')
      this.#send(
        { service: 'searchResponse', control: this.#endpoint(), device: this.#device() },
        reachable(frame.discovery, from),
      )
  }

  #onTunnellingRequest(frame: Frame<'tunnellingRequest'>, from: Endpoint): void {
    const tunnel = this.#tunnels.get(frame.channel)
    if (!tunnel || !same(tunnel.data, from) || this.#take('loseRequests')) return
    tunnel.duplicates = this.faults.duplicates
    tunnel.onRequest(frame.sequence, frame.cemi, !this.#take('loseAcks'))
  }

  #onTunnellingAck(frame: Frame<'tunnellingAck'>, from: Endpoint): void {
    const tunnel = this.#tunnels.get(frame.channel)
    if (tunnel && same(tunnel.data, from)) tunnel.onAck(frame.sequence)
  }

  #onConnectionState({ channel, control }: Frame<'connectionStateRequest'>, from: Endpoint): void {
    const tunnel = this.#tunnels.get(channel)
    if (tunnel) tunnel.lastSeenMs = performance.now()
    const status = tunnel ? STATUS.noError : STATUS.connectionId
    this.#send({ service: 'connectionStateResponse', channel, status }, reachable(control, from))
  }

  #onDisconnect({ channel, control }: Frame<'disconnectRequest'>, from: Endpoint): void {
    const status = this.#forget(channel) ? STATUS.noError : STATUS.connectionId
    this.#send({ service: 'disconnectResponse', channel, status }, reachable(control, from))
  }

  #onConnect(frame: Frame<'connectRequest'>, from: Endpoint): void {
    const control = reachable(frame.control, from)
    const refusal = this.#refusalOf(frame)
    if (refusal !== undefined) {
      this.#send({ service: 'connectResponse', channel: 0, status: refusal }, control)
      return
    }
    const { line, individualAddress: gateway } = this.#options
    let channel = 1
    while (this.#tunnels.has(channel)) channel++
    const individualAddress = (gateway & 0xff00) | (256 - channel)
    const tunnel: SimulatedTunnel = new SimulatedTunnel({
      channel,
      individualAddress,
      control,
      data: reachable(frame.data, from),
      line,
      send: (answer, to) => this.#send(answer, to),
      onLost: () => this.#disconnect(tunnel),
    })
    tunnel.duplicates = this.faults.duplicates
    this.#tunnels.set(channel, tunnel)
    this.#leaveLine.set(channel, line.join(tunnel))
    const data = this.#endpoint()
    this.#send({ service: 'connectResponse', channel, status: STATUS.noError, data, individualAddress }, control)
  }

  #refusalOf(frame: Frame<'connectRequest'>): number | undefined {
    if (frame.connectionType !== TUNNEL_CONNECTION) return STATUS.connectionType
    if (frame.layer !== LINK_LAYER) return STATUS.tunnellingLayer
    const isFull = this.#tunnels.size >= Math.min(255, this.#options.maxTunnels)
    return isFull || this.faults.refuseConnections ? STATUS.noMoreConnections : undefined
  }

  #take(fault: 'loseRequests' | 'loseAcks'): boolean {
    if (this.faults[fault] === 0) return false
    this.faults[fault]--
    return true
  }

  #disconnect(tunnel: SimulatedTunnel): void {
    if (!this.#forget(tunnel.channel)) return
    this.#send({ service: 'disconnectRequest', channel: tunnel.channel, control: this.#endpoint() }, tunnel.control)
  }

  #forget(channel: number): boolean {
    this.#tunnels.get(channel)?.close()
    this.#leaveLine.get(channel)?.()
    this.#leaveLine.delete(channel)
    return this.#tunnels.delete(channel)
  }

  #endSilentTunnels(): void {
    const since = performance.now() - this.#options.heartbeatTimeoutMs
    for (const tunnel of [...this.#tunnels.values()]) if (tunnel.lastSeenMs < since) this.#disconnect(tunnel)
  }

  #send(frame: KnxIpFrame, to: Endpoint): void {
    const socket = this.#socket
    if (this.faults.silent || !socket) return
    const send = (): void => {
      const sent = new Promise<void>((resolve) => {
        socket.send(encodeFrame(frame), to.port, to.address, () => resolve())
      }).finally(() => this.#sending.delete(sent))
      this.#sending.add(sent)
    }
    if (this.faults.delayMs === 0) {
      send()
      return
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(timer)
      send()
    }, this.faults.delayMs)
    this.#delayed.add(timer)
  }

  #endpoint(): Endpoint {
    const { address, port } = this.#socket!.address()
    return { address, port }
  }

  #device(): DeviceInformation {
    return {
      individualAddress: this.#options.individualAddress,
      serialNumber: Buffer.of(0, 0xfa, 0, 0, 0, 1),
      macAddress: Buffer.of(2, 0, 0, 0, 0, 1),
      name: 'Brook simulated gateway',
    }
  }
}

/** An endpoint of zeros means: where the datagram came from (network address translation). */
function reachable(endpoint: Endpoint, from: Endpoint): Endpoint {
  return {
    address: endpoint.address === '0.0.0.0' ? from.address : endpoint.address,
    port: endpoint.port === 0 ? from.port : endpoint.port,
  }
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port
}
