import { asError } from '../../common/errors.ts'
import { EmbeddedLogFailedError } from './errors.ts'
import type { LogStore } from './log-store.ts'

type Put = readonly [key: Buffer, value: Buffer | null]

/** Changes that become durable together; `done` is called once, with the error if they never will. */
export interface Mutation {
  readonly puts: readonly Put[]
  /** [from, to); they come before the puts of the same mutation. */
  readonly rangeDeletes?: readonly (readonly [from: Buffer, to: Buffer])[]
  readonly sizeBytes?: number
  done?(error: Error | undefined): void
}

/** More waits for the next write. */
const MAX_WRITE_BYTES = 8 * 1024 * 1024

/**
 * The one way into the database: mutations in the order they came, one write at a time, and whatever comes during a write
 * goes into the next one (group commit). After a failed write nothing more is written, so that no later record can be there
 * without an earlier one.
 */
export class LogWriter {
  readonly #store: LogStore
  readonly #where: string
  #queue: Mutation[] = []
  #scheduled = false
  #writing: Promise<void> | undefined
  #failure: EmbeddedLogFailedError | undefined

  constructor(store: LogStore, where: string) {
    this.#store = store
    this.#where = where
  }

  enqueue(mutation: Mutation): void {
    if (this.#failure) {
      const failure = this.#failure
      queueMicrotask(() => mutation.done?.(failure))
      return
    }
    this.#queue.push(mutation)
    if (this.#scheduled || this.#writing) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#writing ??= this.#writeAll()
    })
  }

  /** As `enqueue`; resolves when it is durable. */
  write(puts: readonly Put[], rangeDeletes?: Mutation['rangeDeletes']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.enqueue({
        puts,
        ...(rangeDeletes ? { rangeDeletes } : {}),
        done: (error) => (error ? reject(error) : resolve()),
      })
    })
  }

  /** Resolves when everything enqueued so far is durable, or has failed. */
  async idle(): Promise<void> {
    while (this.#writing || this.#queue.length > 0) await (this.#writing ?? Promise.resolve())
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup()
      try {
        await this.#store.write({
          puts: group.length === 1 ? group[0]!.puts : group.flatMap((one) => one.puts),
          rangeDeletes: group[0]!.rangeDeletes ?? [],
        })
      } catch (thrown) {
        this.#fail(asError(thrown), group)
        break
      }
      for (const one of group) one.done?.(undefined)
    }
    this.#writing = undefined
  }

  /** Mutations for one write. One that deletes a range begins a new write, as a write deletes first. */
  #nextGroup(): Mutation[] {
    let sizeBytes = 0
    let count = 0
    for (const one of this.#queue) {
      if (count > 0 && (one.rangeDeletes || sizeBytes > MAX_WRITE_BYTES)) break
      sizeBytes += one.sizeBytes ?? 0
      count++
    }
    return count === this.#queue.length ? this.#takeAll() : this.#queue.splice(0, count)
  }

  #takeAll(): Mutation[] {
    const all = this.#queue
    this.#queue = []
    return all
  }

  #fail(cause: Error, group: readonly Mutation[]): void {
    this.#failure = new EmbeddedLogFailedError(
      `the embedded log ${this.#where} could not be written and takes nothing more: ${cause.message}`,
      { cause },
    )
    for (const one of [...group, ...this.#takeAll()]) one.done?.(this.#failure)
  }
}
