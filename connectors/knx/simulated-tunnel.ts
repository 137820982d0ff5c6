import { type CemiFrame, decodeCemi, encodeCemi, type GroupTelegram } from './cemi.ts'
import { type Endpoint, type KnxIpFrame, STATUS } from './knxnetip-frames.ts'
import type { LineMember, SimulatedLine } from './simulated-line.ts'

/** KNX System Specifications 03_08_04 clause 2.6: one second for the acknowledgement, one repetition. */
const ACK_TIMEOUT_MS = 1_000
const MAX_SENDS = 2
const MAX_WAITING = 500

export interface SimulatedTunnelOptions {
  readonly channel: number
  readonly individualAddress: number
  readonly control: Endpoint
  readonly data: Endpoint
  readonly line: SimulatedLine
  readonly send: (frame: KnxIpFrame, to: Endpoint) => void
  /** The client does not acknowledge: the connection has to be ended. */
  readonly onLost: () => void
}

/** The gateway's end of one tunnel: counts sequences both ways, one unacknowledged indication at a time. */
export class SimulatedTunnel implements LineMember {
  readonly channel: number
  readonly control: Endpoint
  readonly data: Endpoint
  readonly individualAddress: number
  lastSeenMs = performance.now()
  /** Sends every indication twice under one sequence number, as after a lost acknowledgement. */
  duplicates = false
  readonly #line: SimulatedLine
  readonly #send: SimulatedTunnelOptions['send']
  readonly #onLost: () => void
  readonly #waiting: Buffer[] = []
  #expected = 0
  #sequence = 0
  #sends = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: SimulatedTunnelOptions) {
    this.channel = options.channel
    this.individualAddress = options.individualAddress
    this.control = options.control
    this.data = options.data
    this.#line = options.line
    this.#send = options.send
    this.#onLost = options.onLost
  }

  /** From the line to the client. */
  receive(telegram: GroupTelegram): void {
    this.#forward({ messageCode: 'L_Data.ind', failed: false, ...telegram })
  }

  /** From the client. The sequence rules are those of clause 2.6: the expected number, its predecessor (a repetition), or nothing. */
  onRequest(sequence: number, cemi: Buffer, acknowledge: boolean): void {
    const repeated = sequence === ((this.#expected - 1) & 0xff)
    if (sequence !== this.#expected && !repeated) return
    if (!repeated) this.#expected = (this.#expected + 1) & 0xff
    if (acknowledge)
      this.#send({ service: 'tunnellingAck', channel: this.channel, sequence, status: STATUS.noError }, this.data)
    if (repeated) return
    const frame = decodeCemi(cemi)
    if (frame?.messageCode !== 'L_Data.req') return
    const telegram: GroupTelegram = {
      service: frame.service,
      source: frame.source === 0 ? this.individualAddress : frame.source,
      destination: frame.destination,
      payload: frame.payload,
    }
    this.#line.send(telegram, this, (delivered) =>
      this.#forward({ messageCode: 'L_Data.con', failed: !delivered, ...telegram }),
    )
  }

  onAck(sequence: number): void {
    if (!this.#timer || sequence !== this.#sequence) return
    this.#stopTimer()
    this.#waiting.shift()
    this.#sequence = (this.#sequence + 1) & 0xff
    this.#sends = 0
    this.#next()
  }

  close(): void {
    this.#stopTimer()
    this.#waiting.length = 0
  }

  #forward(frame: CemiFrame): void {
    if (this.#waiting.length >= MAX_WAITING) return
    this.#waiting.push(encodeCemi(frame))
    this.#next()
  }

  #next(): void {
    const cemi = this.#waiting[0]
    if (!cemi || this.#timer) return
    if (this.#sends === MAX_SENDS) {
      this.#onLost()
      return
    }
    this.#sends++
    const request = { service: 'tunnellingRequest', channel: this.channel, sequence: this.#sequence, cemi } as const
    this.#send(request, this.data)
    if (this.duplicates) this.#send(request, this.data)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#next()
    }, ACK_TIMEOUT_MS)
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
