import type { DatabaseWrite, KeyRange } from '../../common/rocksdb.ts'
import type { LogStore } from './log-store.ts'

type Row = readonly [key: Buffer, value: Buffer]

/** First index whose key is at or after `key` (after it, when `beyond`). */
function indexOf(rows: readonly Row[], key: Buffer, beyond = false): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = Buffer.compare(rows[middle]![0], key)
    if (order < 0 || (beyond && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}

/** The log's database for tests: sorted rows, gone with the process. Rows are grouped by the start of their key, so that appending to a partition is a push. */
export class MemoryStore implements LogStore {
  readonly #groupBytes: number
  readonly #groups = new Map<string, Row[]>()

  /** `groupBytes`: how many bytes of a key name its group. */
  constructor(groupBytes: number) {
    this.#groupBytes = groupBytes
  }

  async write({ puts, rangeDeletes = [] }: DatabaseWrite): Promise<void> {
    for (const [from, to] of rangeDeletes) {
      for (const [name, rows] of this.#groups) {
        rows.splice(indexOf(rows, from), Math.max(0, indexOf(rows, to) - indexOf(rows, from)))
        if (rows.length === 0) this.#groups.delete(name)
      }
    }
    for (const [key, value] of puts) this.#put(key, value)
  }

  async *scan(range: KeyRange): AsyncGenerator<Row> {
    const { gte, gt, lt, lte, reverse = false, limit = Number.POSITIVE_INFINITY } = range
    const found: Row[] = []
    for (const name of this.#groupsBetween(gte ?? gt, lt ?? lte)) {
      const rows = this.#groups.get(name) ?? []
      const from = gte ? indexOf(rows, gte) : gt ? indexOf(rows, gt, true) : 0
      const to = lt ? indexOf(rows, lt) : lte ? indexOf(rows, lte, true) : rows.length
      for (let i = from; i < to && (reverse || found.length < limit); i++) found.push(rows[i]!)
    }
    if (reverse) found.reverse()
    yield* found.length > limit ? found.slice(0, limit) : found
  }

  async close(): Promise<void> {
    this.#groups.clear()
  }

  #groupsBetween(low: Buffer | undefined, high: Buffer | undefined): string[] {
    const first = low?.toString('latin1', 0, this.#groupBytes)
    const last = high?.toString('latin1', 0, this.#groupBytes)
    if (first !== undefined && first === last) return [first]
    const names = [...this.#groups.keys()].filter(
      (name) => (first === undefined || name >= first) && (last === undefined || name <= last),
    )
    return names.sort()
  }

  #put(key: Buffer, value: Buffer | null): void {
    const name = key.toString('latin1', 0, this.#groupBytes)
    let rows = this.#groups.get(name)
    if (!rows) {
      rows = []
      this.#groups.set(name, rows)
    }
    const last = rows.at(-1)
    if (value !== null && (!last || Buffer.compare(last[0], key) < 0)) {
      rows.push([key, value])
      return
    }
    const at = indexOf(rows, key)
    const exists = rows[at] !== undefined && Buffer.compare(rows[at][0], key) === 0
    if (value !== null) rows.splice(at, exists ? 1 : 0, [key, value])
    else if (exists) rows.splice(at, 1)
  }
}
