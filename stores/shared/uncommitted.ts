/** Changed since the last drain. */
export const CHANGED = 1
/** Encoded by a drain whose commit is not known to have succeeded. */
export const DRAINED = 2

/** A cached row on its way to the database: 0 is clean; both flags are set when it changed again after its drain. */
export interface Tracked {
  state: number
}

/** The changes of a store that wait for a commit, in the order of their first put. */
export class Uncommitted<E extends Tracked> {
  #changed: E[] = []
  #drained: E[] = []

  get size(): number {
    return this.#changed.length + this.#drained.length
  }

  /** Only for a row without the flag CHANGED: the caller has looked, so that the hot path makes no call. */
  mark(row: E): void {
    row.state |= CHANGED
    this.#changed.push(row)
  }

  /** Encodes what changed. When one row cannot be encoded nothing has happened. `undefined` leaves a row out for good. */
  drain<R>(encode: (row: E) => R | undefined): R[] {
    const changed = this.#changed
    const encoded: (R | undefined)[] = []
    for (let i = 0; i < changed.length; i++) encoded.push(encode(changed[i] as E))
    let kept = 0
    for (let i = 0; i < changed.length; i++) {
      const row = changed[i] as E
      const result = encoded[i]
      if (result === undefined) {
        row.state &= ~CHANGED
        continue
      }
      encoded[kept++] = result
      if ((row.state & DRAINED) === 0) this.#drained.push(row)
      row.state = DRAINED
    }
    encoded.length = kept
    changed.length = 0
    return encoded as R[]
  }

  /** The drained rows are committed; `onClean` gets those that did not change again meanwhile. */
  settle(onClean: (row: E) => void): void {
    const drained = this.#drained
    for (let i = 0; i < drained.length; i++) {
      const row = drained[i] as E
      row.state &= ~DRAINED
      if (row.state === 0) onClean(row)
    }
    drained.length = 0
  }

  forEach(visit: (row: E) => void): void {
    for (const row of this.#drained) if ((row.state & CHANGED) === 0) visit(row)
    for (const row of this.#changed) visit(row)
  }

  clear(): void {
    this.#changed = []
    this.#drained = []
  }
}
