/**
 * Things by the time that they are due, in the order of Java's PriorityQueue: those of the same time too come out as they do there,
 * which is not that of their coming in.
 */
export class PunctuationHeap<T extends { readonly dueMs: number }> {
  readonly #items: T[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  get all(): readonly T[] {
    return this.#items
  }

  add(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >>> 1
      const parent = items[above] as T
      if (item.dueMs >= parent.dueMs) break
      items[at] = parent
      at = above
    }
    items[at] = item
  }

  take(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    const half = items.length >>> 1
    let at = 0
    while (at < half) {
      let below = 2 * at + 1
      const right = below + 1
      if (right < items.length && (items[below] as T).dueMs > (items[right] as T).dueMs) below = right
      const child = items[below] as T
      if (last.dueMs <= child.dueMs) break
      items[at] = child
      at = below
    }
    items[at] = last
    return first
  }
}
