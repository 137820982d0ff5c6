import type { Awaitable } from '../../common/awaitable.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import { keyAfterPrefix, readInt64, writeInt64 } from '../shared/bytes.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import { PREFIX_BYTES } from '../shared/key-value-keys.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { type Due, DueHeap } from './due-heap.ts'

const HEAD_BYTES = PREFIX_BYTES + 8
const NOTHING = Buffer.alloc(0)
/** Entries read from the database at a time, and kept in memory after a commit at most twice. */
const PAGE_ENTRIES = 10_000
/** Keys of which the time of their entry is remembered. */
const REMEMBERED_KEYS = 100_000

interface Change<K> {
  readonly due: Due<K>
  readonly isAdded: boolean
}

/**
 * Which rows of a store come due when: rows of the task's database under a prefix of their own, in the order of time.
 *
 *     store prefix (2) | due time (int64) | key bytes → nothing
 *
 * An entry says only that its row may be due from then on: a row that was put off or deleted keeps its entry, and whoever takes it looks.
 * So a row that is put again and again has one entry. In memory are the entries before a horizon, and the uncommitted ones.
 */
export class DueIndex<K> {
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #decode: (keyBytes: Buffer) => { readonly key: K; readonly id: KeyIdentity }
  readonly #heap = new DueHeap<K>()
  /** Entries that are due earlier are all in the heap; Infinity: all there are. */
  #horizonMs: number
  /** Uncommitted entries from the horizon on. */
  #beyond: Due<K>[] = []
  #changes: Change<K>[] = []
  readonly #earliest = new Map<KeyIdentity, number>()
  #pageReads = 0

  constructor(
    database: TaskDatabase,
    prefix: Buffer,
    hasEntries: boolean,
    decode: (keyBytes: Buffer) => { readonly key: K; readonly id: KeyIdentity },
  ) {
    this.#database = database
    this.#prefix = prefix
    this.#decode = decode
    this.#horizonMs = hasEntries ? 0 : Number.POSITIVE_INFINITY
  }

  /** No entry is due before; Infinity when there is none. */
  get nextMs(): number {
    return Math.min(this.#heap.nextMs, this.#horizonMs)
  }

  get uncommitted(): number {
    return this.#changes.length
  }

  /** How often the database was read. */
  get pageReads(): number {
    return this.#pageReads
  }

  /** Nothing to do when the row has an entry that is not later. */
  add(key: K, id: KeyIdentity, dueMs: number, keyBytesOf: () => Buffer): void {
    const known = this.#earliest.get(id)
    if (known !== undefined && known <= dueMs) return
    if (this.#earliest.size >= REMEMBERED_KEYS) this.#earliest.clear()
    this.#earliest.set(id, dueMs)
    const due = { dueMs, key, id, keyBytes: keyBytesOf() }
    this.#changes.push({ due, isAdded: true })
    if (dueMs < this.#horizonMs) this.#heap.push(due)
    else this.#beyond.push(due)
  }

  /** The first keys that are due, up to `limit` of them, read into memory if need be; none when there are none. */
  peek(nowMs: number, limit: number): Awaitable<readonly K[]> {
    if (this.#heap.nextMs <= nowMs || this.#horizonMs > nowMs) return this.#heap.first(nowMs, limit)
    const read = this.#readPage()
    if (read instanceof Promise) return read.then(() => this.peek(nowMs, limit))
    return this.peek(nowMs, limit)
  }

  /** Takes out the first entry that is due, of those that are in memory. */
  take(nowMs: number): Due<K> | undefined {
    if (this.#heap.nextMs > nowMs) return undefined
    const due = this.#heap.pop() as Due<K>
    this.#changes.push({ due, isAdded: false })
    if (this.#earliest.get(due.id) === due.dueMs) this.#earliest.delete(due.id)
    return due
  }

  drain(): readonly RowPut[] {
    const puts = this.#changes.map(({ due, isAdded }): RowPut => {
      return [this.rowKey(due.dueMs, due.keyBytes), isAdded ? NOTHING : null]
    })
    this.#changes = []
    return puts
  }

  /** All changes are in the database. */
  committed(): void {
    if (this.#changes.length > 0) return
    this.#beyond = []
    if (this.#heap.size > 2 * PAGE_ENTRIES)
      this.#horizonMs = Math.min(this.#horizonMs, this.#heap.keepFirst(PAGE_ENTRIES))
  }

  /** Forgets what is not in the database, or what is known of it. */
  reset(hasEntries: boolean): void {
    this.#heap.clear()
    this.#beyond = []
    this.#changes = []
    this.#earliest.clear()
    this.#horizonMs = hasEntries ? 0 : Number.POSITIVE_INFINITY
  }

  rowKey(dueMs: number, keyBytes: Buffer): Buffer {
    const row = Buffer.allocUnsafe(HEAD_BYTES + keyBytes.length)
    row.set(this.#prefix, 0)
    row.set(keyBytes, writeInt64(row, dueMs, PREFIX_BYTES))
    return row
  }

  /** Every entry there can be, as [from, to). */
  get allRows(): readonly [from: Buffer, to: Buffer] {
    return [this.#prefix, keyAfterPrefix(this.#prefix) ?? this.#prefix]
  }

  /** What is due at one time comes into memory together. */
  #readPage(): Awaitable<void> {
    this.#pageReads++
    const range: KeyRange = { gte: this.rowKey(this.#horizonMs, NOTHING), lt: this.allRows[1] }
    const page = new Page()
    if (this.#database.scanNow !== undefined) {
      for (const [rowKey] of this.#database.scanNow(range)) if (page.isFull(rowKey)) break
      this.#adopt(page)
      return
    }
    return this.#readLater(range, page)
  }

  async #readLater(range: KeyRange, page: Page): Promise<void> {
    for await (const [rowKey] of this.#database.scan(range)) if (page.isFull(rowKey)) break
    this.#adopt(page)
  }

  #adopt({ rowKeys, nextMs }: Page): void {
    for (const rowKey of rowKeys) {
      const keyBytes = Buffer.from(rowKey.subarray(HEAD_BYTES))
      const dueMs = readInt64(rowKey, PREFIX_BYTES)
      const { key, id } = this.#decode(keyBytes)
      const known = this.#earliest.get(id)
      if (known === undefined || known > dueMs) this.#earliest.set(id, dueMs)
      this.#heap.push({ dueMs, key, id, keyBytes })
    }
    this.#horizonMs = nextMs
    const beyond = this.#beyond
    this.#beyond = []
    for (const due of beyond) {
      if (due.dueMs < nextMs) this.#heap.push(due)
      else this.#beyond.push(due)
    }
  }
}

/** Rows that are read together: so many, and those that are due at the time of the last. */
class Page {
  readonly rowKeys: Buffer[] = []
  /** When the first row beyond the page is due. */
  nextMs = Number.POSITIVE_INFINITY
  #lastMs = -1

  /** Takes a row, or says that it is one too many. */
  isFull(rowKey: Buffer): boolean {
    const dueMs = readInt64(rowKey, PREFIX_BYTES)
    if (this.rowKeys.length >= PAGE_ENTRIES && dueMs !== this.#lastMs) {
      this.nextMs = dueMs
      return true
    }
    this.#lastMs = dueMs
    this.rowKeys.push(rowKey)
    return false
  }
}
