import { mergeProcessorMetadata, type ProcessorMetadata } from './partition-metadata.ts'

/** The numbers that the processors of a task keep beside the committed offsets. */
export class KeptMetadata {
  readonly #values = new Map<string, number>()
  readonly #sources = new Map<string, () => number>()

  get(key: string): number | undefined {
    return this.#values.get(key)
  }

  /** A function is asked at each commit; what is negative is not kept. */
  keep(key: string, value: number | (() => number)): void {
    if (typeof value === 'number') this.#values.set(key, value)
    else this.#sources.set(key, value)
  }

  /** Takes in what an input had from the last commit. */
  resume(committed: ProcessorMetadata): void {
    mergeProcessorMetadata(this.#values, committed)
  }

  /** As of now, for a commit. */
  toCommit(): ProcessorMetadata {
    for (const [key, read] of this.#sources) {
      const value = read()
      if (value >= 0) this.#values.set(key, value)
    }
    return this.#values
  }
}
