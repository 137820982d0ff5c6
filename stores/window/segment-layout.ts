import { CorruptStateError } from '../errors.ts'
import type { TaskDatabase } from '../task-database.ts'
import type { TimeOrder } from './window-visit.ts'

/** Where the rows of a window store stand follows from the length of its segments, and how it is read by time: kept beside them. */
export class SegmentLayout {
  readonly #store: string
  readonly #name: string
  readonly #database: TaskDatabase
  readonly #order: TimeOrder | undefined
  readonly #text: Buffer
  #isKept = false

  constructor(store: string, database: TaskDatabase, intervalMs: number, order: TimeOrder | undefined) {
    this.#store = store
    this.#name = `${store}@layout`
    this.#database = database
    this.#order = order
    this.#text = Buffer.from(`${intervalMs} ms${order === undefined ? '' : `, ${order}`}`)
  }

  /** @throws {CorruptStateError} when the rows were written for another retention, or another way to emit. */
  load(hasRows: boolean): void {
    const stored = this.#database.storeState(this.#name)
    // What wrote no layout had no order by time.
    const fits = stored === undefined ? this.#order === undefined : stored.equals(this.#text)
    if (hasRows && !fits)
      throw new CorruptStateError(
        `the rows of store ${this.#store} stand in segments (${stored?.toString() ?? 'of another layout'}) and are looked for in (${this.#text})`,
      )
    this.#isKept = stored !== undefined
  }

  keep(): void {
    if (this.#isKept) return
    this.#isKept = true
    this.#database.keepStoreState(this.#name, this.#text)
  }
}
