/** A place in a buffer: by time, then by the bytes of the key. */
export interface BufferPlace {
  readonly timeMs: number
  readonly keyBytes: Buffer
}

/** The places of a buffer, the earliest first: a binary heap. @see org.apache.kafka.streams.state.internals.BufferKey */
export class BufferOrder<P extends BufferPlace> {
  #heap: P[] = []

  get first(): P | undefined {
    return this.#heap[0]
  }

  clear(): void {
    this.#heap = []
  }

  add(place: P): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(place)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as P
      if (isBefore(parent, place)) break
      heap[at] = parent
      at = above
    }
    heap[at] = place
  }

  removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as P, heap[below] as P)) below++
      const child = heap[below] as P
      if (isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

function isBefore(a: BufferPlace, b: BufferPlace): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.keyBytes.compare(b.keyBytes) < 0)
}
