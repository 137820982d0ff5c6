import type { LiveEntry } from './live-entry.ts'

/** The last events of the feed, so that a client that was away for a moment gets what it missed. */
export class LiveRing {
  readonly #entries: (LiveEntry | undefined)[]
  #next = 1

  constructor(size: number) {
    this.#entries = new Array<LiveEntry | undefined>(size)
  }

  /** The sequence number of the event to come. */
  get next(): number {
    return this.#next
  }

  push(entry: LiveEntry): void {
    this.#entries[entry.sequence % this.#entries.length] = entry
    this.#next = entry.sequence + 1
  }

  /** All events after this one, oldest first; `undefined` when some of them are gone or it has not happened yet. */
  after(sequence: number): readonly LiveEntry[] | undefined {
    if (sequence < 0 || sequence >= this.#next || this.#next - 1 - sequence > this.#entries.length) return undefined
    const missed: LiveEntry[] = []
    for (let s = sequence + 1; s < this.#next; s++) missed.push(this.#entries[s % this.#entries.length] as LiveEntry)
    return missed
  }
}
