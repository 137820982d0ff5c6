export interface InFlightLimits {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** Messages that were handed to the log and not answered yet, over all connections: what bounds the memory. */
export class InFlight {
  readonly #limits: InFlightLimits
  #messages = 0
  #bytes = 0
  #room: { promise: Promise<void>; resolve: () => void } | undefined
  #idle: (() => void)[] = []

  constructor(limits: InFlightLimits) {
    this.#limits = limits
  }

  get messages(): number {
    return this.#messages
  }

  add(bytes: number): void {
    this.#messages++
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#messages--
    this.#bytes -= bytes
    if (this.#room && this.#messages <= this.#limits.maxMessages / 2 && this.#bytes <= this.#limits.maxBytes / 2) {
      this.#room.resolve()
      this.#room = undefined
    }
    if (this.#messages === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** `undefined` while there is room; else a promise that resolves when half of it is free again. */
  room(): Promise<void> | undefined {
    if (this.#messages < this.#limits.maxMessages && this.#bytes < this.#limits.maxBytes) return undefined
    this.#room ??= Promise.withResolvers<void>()
    return this.#room.promise
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#messages === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }
}
