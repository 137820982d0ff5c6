interface Held {
  readonly messageId: number
  settled: boolean
}

/**
 * The QoS 1 messages of one connection that are not acknowledged yet. Messages settle in any order; their PUBACKs are released
 * in the order of arrival, as MQTT asks (4.6).
 */
export class PubackWindow {
  #held: Held[] = []
  #first = 0

  get size(): number {
    return this.#held.length - this.#first
  }

  /** Returns how to settle this message; that returns the message ids to acknowledge now. */
  arrived(messageId: number): () => readonly number[] {
    const held: Held = { messageId, settled: false }
    this.#held.push(held)
    return () => {
      held.settled = true
      return this.#release()
    }
  }

  #release(): readonly number[] {
    const released: number[] = []
    for (let next = this.#held[this.#first]; next?.settled; next = this.#held[this.#first]) {
      released.push(next.messageId)
      this.#first++
    }
    if (this.#first > 1024 && this.#first * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#first)
      this.#first = 0
    }
    return released
  }
}

/** Writes PUBACKs of one turn of the event loop together: a log acknowledges hundreds of records at once. */
export class PubackWriter {
  readonly #write: (pubacks: Buffer) => void
  #messageIds: number[] = []

  constructor(write: (pubacks: Buffer) => void) {
    this.#write = write
  }

  add(messageIds: readonly number[]): void {
    if (messageIds.length === 0) return
    if (this.#messageIds.length === 0) queueMicrotask(() => this.flush())
    for (const messageId of messageIds) this.#messageIds.push(messageId)
  }

  /** Writes now what was added. */
  flush(): void {
    if (this.#messageIds.length === 0) return
    const messageIds = this.#messageIds
    this.#messageIds = []
    this.#write(encodePubacks(messageIds))
  }
}

/** The PUBACK packets for these messages, success each; the same bytes in MQTT 3.1.1 and 5. */
export function encodePubacks(messageIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(messageIds.length * 4)
  let at = 0
  for (const messageId of messageIds) {
    at = bytes.writeUInt16BE(0x4002, at)
    at = bytes.writeUInt16BE(messageId, at)
  }
  return bytes
}
