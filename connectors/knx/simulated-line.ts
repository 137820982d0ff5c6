import type { GroupTelegram } from './cemi.ts'

/** Somebody on the line: a device, or a tunnel of the gateway. */
export interface LineMember {
  receive(telegram: GroupTelegram): void
}

/** `refuses`: nobody acknowledges (negative confirmation). `silent`: cut off, the sender is never told. */
export type LineCondition = 'works' | 'refuses' | 'silent'

interface Waiting {
  readonly telegram: GroupTelegram
  readonly from: LineMember
  readonly done: (delivered: boolean) => void
}

/**
 * A twisted-pair line: one telegram at a time, each takes `telegramTimeMs` (20 ms at TP1's 9600 bit/s), and everybody but
 * its sender hears it. More than `maxWaiting` telegrams at once are refused.
 */
export class SimulatedLine {
  condition: LineCondition = 'works'
  readonly #telegramTimeMs: number
  readonly #maxWaiting: number
  readonly #members = new Set<LineMember>()
  readonly #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: { telegramTimeMs?: number; maxWaiting?: number } = {}) {
    this.#telegramTimeMs = options.telegramTimeMs ?? 20
    this.#maxWaiting = options.maxWaiting ?? 1_000
  }

  join(member: LineMember): () => void {
    this.#members.add(member)
    return () => this.#members.delete(member)
  }

  send(telegram: GroupTelegram, from: LineMember, done: (delivered: boolean) => void = () => {}): void {
    if (this.#waiting.length >= this.#maxWaiting) {
      done(false)
      return
    }
    this.#waiting.push({ telegram, from, done })
    this.#timer ??= setTimeout(() => this.#deliver(), this.#telegramTimeMs)
  }

  /** Forgets what waits. The line can be used again afterwards. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.length = 0
  }

  #deliver(): void {
    const next = this.#waiting.shift()
    this.#timer = this.#waiting.length > 0 ? setTimeout(() => this.#deliver(), this.#telegramTimeMs) : undefined
    if (!next || this.condition === 'silent') return
    const delivered = this.condition === 'works'
    if (delivered) for (const member of this.#members) if (member !== next.from) member.receive(next.telegram)
    next.done(delivered)
  }
}
