import type { KeyRange } from '../../common/rocksdb.ts'

interface Row<V> {
  /** The key's bytes as latin1: compares as the bytes do, and faster. */
  readonly id: string
  readonly key: Buffer
  readonly value: V
}

interface Chunk<V> {
  rows: Row<V>[]
  /** A scan may be reading it: changes go to a copy. */
  shared: boolean
}

const CHUNK_ROWS = 512

/** Rows in the order of their keys' bytes, in chunks that a scan shares until they change: a scan is a snapshot and copies nothing. */
export class SortedRows<V = Buffer> {
  #chunks: Chunk<V>[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: Buffer): V | undefined {
    const id = key.toString('latin1')
    const chunk = this.#chunks[this.#chunkOf(id)]
    if (chunk === undefined) return undefined
    const row = chunk.rows[lowerBound(chunk.rows, id)]
    return row?.id === id ? row.value : undefined
  }

  set(key: Buffer, value: V): void {
    const id = key.toString('latin1')
    const row = { id, key, value }
    if (this.#chunks.length === 0) {
      this.#chunks.push({ rows: [row], shared: false })
      this.#size++
      return
    }
    const at = Math.min(this.#chunkOf(id), this.#chunks.length - 1)
    const chunk = this.#writable(at)
    const i = lowerBound(chunk.rows, id)
    if (chunk.rows[i]?.id === id) {
      chunk.rows[i] = row
      return
    }
    chunk.rows.splice(i, 0, row)
    this.#size++
    if (chunk.rows.length > CHUNK_ROWS) {
      const half = i === chunk.rows.length - 1 ? i : chunk.rows.length >> 1
      this.#chunks.splice(at + 1, 0, { rows: chunk.rows.splice(half), shared: false })
    }
  }

  delete(key: Buffer): void {
    const id = key.toString('latin1')
    const at = this.#chunkOf(id)
    const found = this.#chunks[at]
    if (found === undefined) return
    const i = lowerBound(found.rows, id)
    if (found.rows[i]?.id !== id) return
    const chunk = this.#writable(at)
    chunk.rows.splice(i, 1)
    this.#size--
    if (chunk.rows.length === 0) this.#chunks.splice(at, 1)
  }

  /** Deletes [from, to). */
  deleteRange(from: Buffer, to: Buffer): void {
    const kept: Chunk<V>[] = []
    const [first, last] = [from.toString('latin1'), to.toString('latin1')]
    for (const chunk of this.#chunks) {
      const [start, end] = [lowerBound(chunk.rows, first), lowerBound(chunk.rows, last)]
      if (start >= end) {
        kept.push(chunk)
        continue
      }
      const rows = [...chunk.rows.slice(0, start), ...chunk.rows.slice(end)]
      this.#size -= end - start
      if (rows.length > 0) kept.push({ rows, shared: false })
    }
    this.#chunks = kept
  }

  /** Rows in [from, to). */
  count(from: Buffer, to: Buffer): number {
    const [first, last] = [from.toString('latin1'), to.toString('latin1')]
    let count = 0
    for (let i = this.#chunkOf(first); i < this.#chunks.length; i++) {
      const rows = this.#chunks[i]?.rows ?? []
      const end = lowerBound(rows, last)
      count += Math.max(0, end - lowerBound(rows, first))
      if (end < rows.length) break
    }
    return count
  }

  /** The rows as they are now, whatever is written while they are read. */
  *scan(range: KeyRange): Generator<readonly [key: Buffer, value: V], void, undefined> {
    const lower = range.gte ?? range.gt
    const upper = range.lte ?? range.lt
    const from = lower?.toString('latin1')
    const to = upper?.toString('latin1')
    const first = from === undefined ? 0 : this.#chunkOf(from)
    const last = to === undefined ? this.#chunks.length : this.#chunkOf(to) + 1
    const chunks = this.#chunks.slice(first, last).map((chunk) => {
      chunk.shared = true
      return chunk.rows
    })
    if (range.reverse) chunks.reverse()
    let left = range.limit ?? Number.POSITIVE_INFINITY
    for (const rows of chunks) {
      const start = from === undefined ? 0 : lowerBound(rows, from, range.gt !== undefined)
      const end = to === undefined ? rows.length : lowerBound(rows, to, range.lte !== undefined)
      for (let i = 0; i < end - start; i++) {
        if (left-- <= 0) return
        const row = rows[range.reverse ? end - 1 - i : start + i] as Row<V>
        yield [row.key, row.value]
      }
    }
  }

  /** Index of the first chunk whose last row is not before `id`. */
  #chunkOf(id: string): number {
    let [low, high] = [0, this.#chunks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const rows = this.#chunks[middle]?.rows as Row<V>[]
      if ((rows[rows.length - 1] as Row<V>).id < id) low = middle + 1
      else high = middle
    }
    return low
  }

  #writable(at: number): Chunk<V> {
    const chunk = this.#chunks[at] as Chunk<V>
    if (!chunk.shared) return chunk
    const copy = { rows: chunk.rows.slice(), shared: false }
    this.#chunks[at] = copy
    return copy
  }
}

/** Index of the first row that is not before `id`; with `after` of the first one behind it. */
function lowerBound(rows: readonly Row<unknown>[], id: string, after = false): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const found = (rows[middle] as Row<unknown>).id
    if (found < id || (after && found === id)) low = middle + 1
    else high = middle
  }
  return low
}
