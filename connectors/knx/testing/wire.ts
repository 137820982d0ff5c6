import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type CemiFrame, decodeCemi } from '../cemi.ts'
import { decodeFrame, type KnxIpFrame } from '../knxnetip-frames.ts'
import type { PrivateNetwork } from './private-network.ts'

const RELAY = fileURLToPath(new URL('./udp-relay.ts', import.meta.url))

/** One datagram between a client of ours and the gateway. */
export interface Datagram {
  readonly atMs: number
  readonly toGateway: boolean
  /** The port of the client. */
  readonly client: number
  readonly bytes: Buffer
  readonly frame: KnxIpFrame | undefined
  /** What a tunnelling request carries. */
  readonly telegram: CemiFrame | undefined
}

/** What goes on in place of a datagram: nothing to lose it, itself twice, something else. */
export type Interference = (datagram: Datagram) => readonly Buffer[]

/**
 * Stands on 127.0.0.1 for a gateway on UDP port 3671 of another network, records what goes by and interferes with it.
 */
export class Wire {
  readonly recorded: Datagram[] = []
  interfere: Interference = ({ bytes }) => [bytes]
  readonly #socket: Socket
  readonly #relay: ChildProcess
  #read = Buffer.alloc(0)

  private constructor(socket: Socket, relay: ChildProcess) {
    this.#socket = socket
    this.#relay = relay
    socket.on('message', (bytes, from) => this.#onClient(bytes, from))
    relay.stdout?.on('data', (bytes: Buffer) => this.#onRelay(bytes))
  }

  static async open(network: PrivateNetwork): Promise<Wire> {
    const [program, ...args] = [...network.prefix, process.execPath, RELAY]
    const relay = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(relay.stdout!, 'data')
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Wire(socket, relay)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** What was sent to the bus, and when: requests, without their repetitions. */
  get sent(): readonly Datagram[] {
    const last = new Map<number, string>()
    return this.recorded.filter(({ toGateway, bytes, client, telegram }) => {
      if (!toGateway || telegram === undefined) return false
      const before = last.get(client)
      last.set(client, bytes.toString('hex'))
      return before !== last.get(client)
    })
  }

  /** Gives a client something that the gateway has not sent. */
  inject(client: number, bytes: Buffer): void {
    this.#socket.send(bytes, client, '127.0.0.1')
  }

  async close(): Promise<void> {
    const ended = once(this.#relay, 'exit')
    this.#relay.stdin?.end()
    await ended
    this.#socket.close()
  }

  #onClient(bytes: Buffer, from: RemoteInfo): void {
    for (const one of this.#pass(bytes, from.port, true)) {
      const head = Buffer.alloc(4)
      head.writeUInt16BE(one.length)
      head.writeUInt16BE(from.port, 2)
      this.#relay.stdin?.write(Buffer.concat([head, one]))
    }
  }

  #onRelay(bytes: Buffer): void {
    this.#read = Buffer.concat([this.#read, bytes])
    while (this.#read.length >= 4 && this.#read.length >= 4 + this.#read.readUInt16BE(0)) {
      const end = 4 + this.#read.readUInt16BE(0)
      const client = this.#read.readUInt16BE(2)
      for (const one of this.#pass(Buffer.from(this.#read.subarray(4, end)), client, false)) this.inject(client, one)
      this.#read = this.#read.subarray(end)
    }
  }

  #pass(bytes: Buffer, client: number, toGateway: boolean): readonly Buffer[] {
    const frame = decodeFrame(bytes)
    const telegram = frame?.service === 'tunnellingRequest' ? decodeCemi(frame.cemi) : undefined
    const datagram = { atMs: performance.now(), toGateway, client, bytes, frame, telegram }
    this.recorded.push(datagram)
    return this.interfere(datagram)
  }
}
