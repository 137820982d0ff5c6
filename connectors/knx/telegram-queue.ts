import type { GroupService } from './cemi.ts'
import type { GroupPayload } from './dpt.ts'

/** A telegram on its way to the bus, and who waits for it. */
export interface PendingTelegram {
  readonly service: GroupService
  readonly address: number
  readonly payload: GroupPayload
  /** How often the bus has not taken it. */
  failures: number
  /** Nobody waits any more: it is not to be sent again. */
  settled: boolean
  /** Without an error when it is on the bus. Later calls change nothing. */
  readonly settle: (error?: Error) => void
}

/**
 * What waits for the bus: writes and responses in order of arrival, then reads. There is at most one of a kind for an address;
 * a younger write takes the place of an older one that waits.
 */
export class TelegramQueue {
  readonly #urgent = new Map<string, PendingTelegram>()
  readonly #reads = new Map<string, PendingTelegram>()

  get size(): number {
    return this.#urgent.size + this.#reads.size
  }

  /** Returns the older telegram that this one takes the place of. */
  push(telegram: PendingTelegram): PendingTelegram | undefined {
    const lane = this.#laneOf(telegram)
    const key = keyOf(telegram)
    const older = lane.get(key)
    lane.delete(key)
    lane.set(key, telegram)
    return older
  }

  /** Puts one back that could not be sent, in front; `false` when a younger one waits already. */
  putBack(telegram: PendingTelegram): boolean {
    const lane = this.#laneOf(telegram)
    const key = keyOf(telegram)
    if (lane.has(key)) return false
    const others = [...lane]
    lane.clear()
    lane.set(key, telegram)
    for (const [otherKey, other] of others) lane.set(otherKey, other)
    return true
  }

  next(): PendingTelegram | undefined {
    for (const telegram of this.#urgent.values()) return telegram
    for (const telegram of this.#reads.values()) return telegram
    return undefined
  }

  remove(telegram: PendingTelegram): boolean {
    const lane = this.#laneOf(telegram)
    return lane.get(keyOf(telegram)) === telegram && lane.delete(keyOf(telegram))
  }

  /** Empties the reads, or everything. */
  drain(what: 'reads' | 'all'): readonly PendingTelegram[] {
    const drained = [...(what === 'all' ? this.#urgent.values() : []), ...this.#reads.values()]
    this.#reads.clear()
    if (what === 'all') this.#urgent.clear()
    return drained
  }

  #laneOf(telegram: PendingTelegram): Map<string, PendingTelegram> {
    return telegram.service === 'GroupValue_Read' ? this.#reads : this.#urgent
  }
}

function keyOf(telegram: PendingTelegram): string {
  return `${telegram.service} ${telegram.address}`
}
