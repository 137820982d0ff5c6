import { ACK, CAN, encodeFrame, NAK, type SerialFrame, SerialFrameParser } from './serial-frame.ts'

export interface SerialLinkOptions {
  readonly write: (bytes: Buffer) => void
  readonly onFrame: (frame: SerialFrame) => void
  /** How long to wait for an acknowledgement (the Serial API says 1.5 s). */
  readonly ackTimeoutMs?: number
}

const MAX_TRIES = 3

/** How a frame is not taken. */
export type Refusal = 'nak' | 'can' | 'nothing'

const REFUSALS: Readonly<Record<Refusal, Buffer>> = {
  nak: Buffer.of(NAK),
  can: Buffer.of(CAN),
  nothing: Buffer.alloc(0),
}

/** One end of the serial line: acknowledges what it receives, and sends one frame at a time until it is acknowledged, three times at most. */
export class SerialLink {
  readonly #write: (bytes: Buffer) => void
  readonly #onFrame: (frame: SerialFrame) => void
  readonly #ackTimeoutMs: number
  readonly #parser = new SerialFrameParser()
  readonly #queue: Buffer[] = []
  #waiting = false
  #tries = 0
  #timer: NodeJS.Timeout | undefined
  #refuse: { readonly bytes: Buffer; left: number } = { bytes: Buffer.alloc(0), left: 0 }
  #given: number[] = []

  constructor(options: SerialLinkOptions) {
    this.#write = options.write
    this.#onFrame = options.onFrame
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 1500
  }

  /** Frames that were given up after three tries, by function. */
  get givenUp(): readonly number[] {
    return this.#given
  }

  get skippedBytes(): number {
    return this.#parser.skippedBytes
  }

  send(frame: SerialFrame): void {
    this.#queue.push(encodeFrame(frame))
    this.#pump()
  }

  /**
   * Does not take the next `count` frames: `nak` as if their bytes had been damaged on the line, `can` as if both ends had spoken
   * at once, `nothing` as if they had been lost.
   */
  refuseNext(count: number, how: Refusal = 'nak'): void {
    this.#refuse = { bytes: REFUSALS[how], left: count }
  }

  receive(chunk: Buffer): void {
    for (const token of this.#parser.push(chunk)) {
      if (token.kind === 'frame') this.#received(token.frame)
      else if (token.kind === 'ack') this.#acknowledged()
      else if (token.kind === 'corrupt') this.#write(Buffer.of(NAK))
      else this.#again()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #received(frame: SerialFrame): void {
    if (this.#refuse.left > 0) {
      this.#refuse.left--
      this.#write(this.#refuse.bytes)
      return
    }
    this.#write(Buffer.of(ACK))
    this.#onFrame(frame)
  }

  #pump(): void {
    const next = this.#queue[0]
    if (this.#waiting || next === undefined) return
    this.#waiting = true
    this.#tries++
    this.#timer = setTimeout(() => this.#again(), this.#ackTimeoutMs)
    this.#write(next)
  }

  #acknowledged(): void {
    if (!this.#waiting) return
    this.#next()
  }

  #again(): void {
    if (!this.#waiting) return
    if (this.#tries >= MAX_TRIES) {
      this.#given.push(this.#queue[0]?.[3] ?? CAN)
      this.#next()
      return
    }
    clearTimeout(this.#timer)
    this.#waiting = false
    this.#pump()
  }

  #next(): void {
    clearTimeout(this.#timer)
    this.#queue.shift()
    this.#waiting = false
    this.#tries = 0
    this.#pump()
  }
}
