import type { LiveEntry } from './live-entry.ts'
import { deviceOf, type LiveType, MEMORY } from './live-events.ts'

/** What is remembered of one room: the last event of each slot, and the last few of those that are listed. */
export class RoomMemory {
  readonly #last = new Map<string, LiveEntry>()
  readonly #lists = new Map<LiveType, LiveEntry[]>()

  get isEmpty(): boolean {
    return this.#last.size === 0 && [...this.#lists.values()].every((list) => list.length === 0)
  }

  remember(entry: LiveEntry): void {
    const { type, data } = entry.event
    const { keep } = MEMORY[type]
    if (data === null) this.#last.delete(entry.slot)
    else if (keep === 'newest-window') this.#rememberWindow(entry)
    else if (keep === 'last') this.#last.set(entry.slot, entry)
    else this.#list(entry, keep)
  }

  /** Forgets what is known of a device that has gone, or moved to another room. */
  forgetDevice(deviceId: string): void {
    for (const [slot, { event }] of this.#last) if (deviceOf(event) === deviceId) this.#last.delete(slot)
  }

  /** Every remembered entry once, oldest first. */
  entries(): LiveEntry[] {
    const all = new Set([...this.#last.values(), ...[...this.#lists.values()].flat()])
    return [...all].sort((a, b) => a.sequence - b.sequence)
  }

  /** Late readings still change an older window: such an event is passed on, but the newest window is the one to remember. */
  #rememberWindow(entry: LiveEntry): void {
    const slot = entry.event.type
    const known = this.#last.get(slot)
    if (known === undefined || windowStartMs(known) <= windowStartMs(entry)) this.#last.set(slot, entry)
  }

  #list(entry: LiveEntry, size: number): void {
    const { type } = entry.event
    const list = this.#lists.get(type) ?? []
    this.#lists.set(type, list)
    list.push(entry)
    if (list.length > size) list.shift()
    if (type === 'evaluation') this.#last.set(entry.slot, entry)
  }
}

function windowStartMs({ event }: LiveEntry): number {
  return event.type === 'room-average' ? event.data.windowStartMs : 0
}
