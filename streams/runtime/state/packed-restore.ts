import type { RowBatch } from '../../../common/row-batch.ts'
import type { PackedRows } from '../../../stores/state-store.ts'
import type { RowBatches } from '../../../stores/task-database.ts'

/** Batches that go around: one is filled while the ones before it are written. */
const BATCHES = 3

/**
 * Writes packed rows into a database, in the order in which they are given: rows of a later call never come before those of an earlier one, and when
 * a write fails, so does all that comes after it.
 */
export class PackedRestore {
  readonly #database: RowBatches
  readonly #batches: { readonly rows: RowBatch; written: Promise<void> }[] = []
  #turn = 0
  #last: Promise<void> = Promise.resolve()

  constructor(database: RowBatches) {
    this.#database = database
  }

  write(rows: PackedRows): Promise<void> {
    this.#last = this.#last.then(() => this.#write(rows))
    return this.#last
  }

  async #write(packed: PackedRows): Promise<void> {
    for (let more = true; more; ) {
      const batch = this.#next()
      await batch.written
      batch.rows.clear()
      more = packed.fill(batch.rows)
      batch.written = this.#database.write(batch.rows)
      batch.written.catch(() => {})
    }
    for (const { written } of this.#batches) await written
  }

  #next(): { readonly rows: RowBatch; written: Promise<void> } {
    const turn = this.#turn++ % BATCHES
    const batch = this.#batches[turn] ?? { rows: this.#database.create(), written: Promise.resolve() }
    this.#batches[turn] = batch
    return batch
  }
}
