/** How long a sample is gathered. Averages, extremes and rates are over the running sample and the one before it, as in Kafka. */
export const SAMPLE_MS = 30_000

/** Something that is gathered in samples. */
export interface Sampled {
  /** The running sample becomes the one before. */
  roll(nowMs: number): void
}

/** Values that are recorded: how many ever, and average, smallest and largest of the last samples. Recording is a few plain fields. */
export class Stat implements Sampled {
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #countBefore = 0
  #sumBefore = 0
  #minBefore = Number.POSITIVE_INFINITY
  #maxBefore = Number.NEGATIVE_INFINITY
  #countOfEarlier = 0

  record(value: number): void {
    this.#count++
    this.#sum += value
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  roll(): void {
    this.#countOfEarlier += this.#count
    this.#countBefore = this.#count
    this.#sumBefore = this.#sum
    this.#minBefore = this.#min
    this.#maxBefore = this.#max
    this.#count = 0
    this.#sum = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = Number.NEGATIVE_INFINITY
  }

  /** How many were recorded since the beginning. */
  get total(): number {
    return this.#countOfEarlier + this.#count
  }

  /** Sum of the last samples. */
  get sum(): number {
    return this.#sum + this.#sumBefore
  }

  /** NaN when nothing was recorded; so are the others. */
  get avg(): number {
    return this.sum / (this.#count + this.#countBefore)
  }

  get min(): number {
    const min = Math.min(this.#min, this.#minBefore)
    return min === Number.POSITIVE_INFINITY ? Number.NaN : min
  }

  get max(): number {
    const max = Math.max(this.#max, this.#maxBefore)
    return max === Number.NEGATIVE_INFINITY ? Number.NaN : max
  }
}

/** By how much a total grows in a second, over the last samples; the first of them counts as a whole one, as in Kafka. */
export class Rate implements Sampled {
  readonly #total: () => number
  #startMs: number
  #atStart: number
  #startBeforeMs: number
  #atStartBefore: number

  constructor(total: () => number, nowMs: number) {
    this.#total = total
    this.#startMs = nowMs
    this.#startBeforeMs = nowMs
    this.#atStart = total()
    this.#atStartBefore = this.#atStart
  }

  roll(nowMs: number): void {
    this.#startBeforeMs = this.#startMs
    this.#atStartBefore = this.#atStart
    this.#startMs = nowMs
    this.#atStart = this.#total()
  }

  perSecond(nowMs: number): number {
    const elapsedMs = Math.max(nowMs - this.#startBeforeMs, SAMPLE_MS)
    return ((this.#total() - this.#atStartBefore) * 1_000) / elapsedMs
  }
}
