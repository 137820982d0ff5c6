export interface StickWatchdogOptions {
  /** Asks the stick something that costs no radio time; rejects when it does not answer. */
  readonly probe: () => Promise<unknown>
  readonly onSilent: (error: Error) => void
  readonly intervalMs: number
  /** How long one answer may take. */
  readonly timeoutMs: number
  /** Unanswered probes in a row until the stick is given up (default 2: one may be lost in traffic). */
  readonly tolerated?: number
}

/**
 * Notices a stick that is still plugged in and no longer answers; neither the port nor the driver tells. One that has reports to
 * pass on is busy and not dead: its answer may stand behind thousands of them.
 */
export class StickWatchdog {
  readonly #options: StickWatchdogOptions
  readonly #tolerated: number
  #timer: NodeJS.Timeout | undefined
  #missed = 0
  #stopped = true
  #heard = false

  constructor(options: StickWatchdogOptions) {
    this.#options = options
    this.#tolerated = options.tolerated ?? 2
  }

  /** Something came from the stick by itself. */
  heard(): void {
    this.#heard = true
  }

  start(): void {
    this.#stopped = false
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#check(), this.#options.intervalMs)
  }

  async #check(): Promise<void> {
    const { probe, timeoutMs, onSilent } = this.#options
    let timer: NodeJS.Timeout | undefined
    this.#heard = false
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    })
    try {
      await Promise.race([probe(), late])
      this.#missed = 0
    } catch (cause) {
      this.#missed = this.#heard ? 0 : this.#missed + 1
      if (this.#missed >= this.#tolerated && !this.#stopped) {
        this.#stopped = true
        onSilent(new Error(`the stick has not answered ${this.#missed} times in a row`, { cause }))
      }
    } finally {
      clearTimeout(timer)
      this.#schedule()
    }
  }
}
