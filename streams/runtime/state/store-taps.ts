import type { ChangelogRecord, StoreChanges } from '../../../stores/state-store.ts'

/** Takes what commits change in a store. Called between two records of the task: what takes long has to wait elsewhere. */
export interface StoreTap {
  /** First of all: where the store stands in its changelog (`undefined` without one). What is told later comes after it. */
  began?(offset: number | undefined): void
  /** Changed rows as changelog records, and where the store then stands in its changelog (`undefined` without one). */
  committed(records: readonly ChangelogRecord[], offset: number | undefined): void
  /** The task ends here: nothing more comes. */
  closed(): void
}

/** Who follows the stores of a task. */
export class StoreTaps {
  readonly #taps = new Map<string, Set<StoreTap>>()
  readonly #closeListeners = new Set<() => void>()
  #isClosed = false

  add(store: string, tap: StoreTap): () => void {
    if (this.#isClosed) {
      tap.closed()
      return () => {}
    }
    const taps = this.#taps.get(store) ?? new Set()
    this.#taps.set(store, taps.add(tap))
    return () => {
      taps.delete(tap)
      if (taps.size === 0 && this.#taps.get(store) === taps) this.#taps.delete(store)
    }
  }

  /** Somebody follows some store. */
  get any(): boolean {
    return this.#taps.size > 0
  }

  committed(store: string, changes: StoreChanges, offset: () => number | undefined): void {
    const taps = this.#taps.get(store)
    const { records } = changes
    if (taps === undefined || records.length === 0) return
    const at = offset()
    for (const tap of [...taps]) tap.committed(records, at)
  }

  onClose(listener: () => void): () => void {
    if (this.#isClosed) listener()
    else this.#closeListeners.add(listener)
    return () => void this.#closeListeners.delete(listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const taps of this.#taps.values()) for (const tap of [...taps]) tap.closed()
    this.#taps.clear()
    for (const listener of [...this.#closeListeners]) listener()
    this.#closeListeners.clear()
  }
}
