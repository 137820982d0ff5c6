/** A source that sends far more than devices do. */
export interface Flood {
  /** The device, or the topic where a message names none. */
  readonly source: string
  /** Messages in the last whole second. */
  readonly perSecond: number
  readonly sinceMs: number
}

export interface FloodWatchOptions {
  /** More messages of one source than this within a second are a flood. */
  readonly perSecond: number
  /** Told when one begins. */
  readonly onFlood: (flood: Flood) => void
}

const SECOND_MS = 1_000
/** Sources that are counted within a second; what comes past that is not a flood of one. */
const MAX_SOURCES = 10_000

/** Counts the messages of each source by the second and names those that flood. It keeps nothing from anybody. */
export class FloodWatch {
  readonly #options: FloodWatchOptions
  #counts = new Map<string, number>()
  #floods = new Map<string, Flood>()
  #secondMs = 0

  constructor(options: FloodWatchOptions) {
    this.#options = options
  }

  /** A message of this source came now. */
  seen(source: string, nowMs: number): void {
    this.#turn(nowMs)
    const count = this.#counts.get(source)
    if (count !== undefined) this.#counts.set(source, count + 1)
    else if (this.#counts.size < MAX_SOURCES) this.#counts.set(source, 1)
  }

  /** Those that go on: their last whole second was one. */
  floods(nowMs: number): readonly Flood[] {
    this.#turn(nowMs)
    return [...this.#floods.values()]
  }

  #turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#secondMs
    if (elapsedMs >= 0 && elapsedMs < SECOND_MS) return
    const isNext = elapsedMs > 0 && elapsedMs < 2 * SECOND_MS
    const before = this.#floods
    this.#floods = new Map()
    if (isNext) {
      for (const [source, perSecond] of this.#counts) {
        if (perSecond <= this.#options.perSecond) continue
        const flood = { source, perSecond, sinceMs: before.get(source)?.sinceMs ?? this.#secondMs }
        this.#floods.set(source, flood)
        if (!before.has(source)) this.#options.onFlood(flood)
      }
    }
    this.#counts = new Map()
    this.#secondMs = nowMs - (nowMs % SECOND_MS)
  }
}
