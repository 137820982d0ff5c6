import type { KeyIdentity } from '../shared/key-identity.ts'

/** Something that comes due: a row's key with the time. */
export interface Due<K> {
  readonly dueMs: number
  readonly key: K
  readonly id: KeyIdentity
  readonly keyBytes: Buffer
}

/** Entries by time, then by the bytes of their keys: the order they have in the database. */
export class DueHeap<K> {
  #items: Due<K>[] = []

  get size(): number {
    return this.#items.length
  }

  /** Infinity when there is nothing. */
  get nextMs(): number {
    return this.#items[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  push(due: Due<K>): void {
    const items = this.#items
    let at = items.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above] as Due<K>
      if (!isBefore(due, parent)) break
      items[at] = parent
      at = above
    }
    items[at] = due
  }

  pop(): Due<K> | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      const right = items[below + 1]
      if (right !== undefined && isBefore(right, items[below] as Due<K>)) below++
      const child = items[below] as Due<K>
      if (!isBefore(child, last)) break
      items[at] = child
      at = below
    }
    items[at] = last
    return first
  }

  /** Keys of the first entries that are due, which stay. */
  first(nowMs: number, limit: number): K[] {
    const first: Due<K>[] = []
    while (first.length < limit && this.nextMs <= nowMs) first.push(this.pop() as Due<K>)
    for (const due of first) this.push(due)
    return first.map(({ key }) => key)
  }

  /** Keeps the first so many, with all that are due as early as the last of them; gives when the first one left out is due. */
  keepFirst(count: number): number {
    const sorted = this.#items.sort((a, b) => a.dueMs - b.dueMs || a.keyBytes.compare(b.keyBytes))
    const lastMs = sorted[count - 1]?.dueMs ?? Number.NEGATIVE_INFINITY
    let end = count
    while (end < sorted.length && sorted[end]?.dueMs === lastMs) end++
    const next = sorted[end]?.dueMs ?? Number.POSITIVE_INFINITY
    this.#items = sorted.slice(0, end)
    return next
  }

  clear(): void {
    this.#items = []
  }
}

function isBefore<K>(a: Due<K>, b: Due<K>): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.keyBytes.compare(b.keyBytes) < 0)
}
