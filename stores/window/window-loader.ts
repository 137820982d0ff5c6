import type { Awaitable } from '../../common/awaitable.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import type { StoredValue } from '../shared/stored-value.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { TaskDatabase } from '../task-database.ts'
import { WindowRow } from './window-cache.ts'
import type { WindowClock } from './window-clock.ts'
import type { WindowMemory } from './window-memory.ts'
import type { WindowRows } from './window-rows.ts'

/** A window to read. */
export interface WantedWindow<K> {
  readonly key: K
  readonly id: KeyIdentity
  readonly windowStartMs: number
}

interface ReadWindow<V> {
  readonly windowStartMs: number
  readonly sequence: number
  readonly stored: StoredValue<V>
}

/**
 * Reads rows of a window store from the database into memory. Rows that are in memory by the time a read arrives are newer and
 * stay; a read that may have missed a commit is made again. Equal reads under way are shared.
 */
export class WindowLoader<K, V> {
  readonly #database: TaskDatabase
  readonly #rows: WindowRows<K, V>
  readonly #memory: WindowMemory<K, V>
  readonly #clock: WindowClock
  /** Throws when the store is closed. */
  readonly #checkOpen: () => void
  readonly #loading = new Map<string, Promise<unknown>>()

  constructor(
    database: TaskDatabase,
    rows: WindowRows<K, V>,
    memory: WindowMemory<K, V>,
    clock: WindowClock,
    checkOpen: () => void,
  ) {
    this.#database = database
    this.#rows = rows
    this.#memory = memory
    this.#clock = clock
    this.#checkOpen = checkOpen
  }

  /** Whether the row is in memory, or known to be absent. */
  isKnown(id: KeyIdentity, windowStartMs: number): boolean {
    if (!this.#clock.isVisible(windowStartMs)) return true
    const segment = this.#clock.segmentNumber(windowStartMs)
    return this.#cached(id, windowStartMs) !== undefined || this.#memory.knows(segment, id)
  }

  load(wanted: WantedWindow<K>): Awaitable<WindowRow<K, V> | undefined> {
    const { key, id, windowStartMs } = wanted
    this.#checkOpen()
    if (this.isKnown(id, windowStartMs)) return this.#cached(id, windowStartMs)
    const segment = this.#clock.segmentNumber(windowStartMs)
    const rowKey = this.#rows.rowKey(segment, this.#rows.keyBytes(key, id), windowStartMs, 0)
    return this.#share(readName(windowStartMs, id), () => {
      const read = this.#database.get(rowKey)
      if (read instanceof Promise) return this.#loadLater(wanted, rowKey, read)
      try {
        return this.#adopt(wanted, read && this.#rows.decodeValue(read))
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
        return this.#loadLater(wanted, rowKey, read)
      }
    })
  }

  /** One batched read. */
  async loadMany(wanted: readonly WantedWindow<K>[]): Promise<void> {
    const memory = this.#memory
    const staleReads = memory.staleReads
    const rowKeys = wanted.map(({ key, id, windowStartMs }) =>
      this.#rows.rowKey(this.#clock.segmentNumber(windowStartMs), this.#rows.keyBytes(key, id), windowStartMs, 0),
    )
    const read = await this.#database.getMany(rowKeys)
    this.#checkOpen()
    for (const [i, window] of wanted.entries()) {
      const rowValue = read[i]
      const adopt = (): void => {
        if (staleReads !== memory.staleReads || this.isKnown(window.id, window.windowStartMs)) return
        this.#adopt(window, rowValue && this.#rows.decodeValue(rowValue))
      }
      try {
        adopt()
      } catch {
        await whenReady(adopt)
      }
    }
  }

  /** All windows of a key in a segment; `knows` says afterwards whether they could be kept. */
  loadKey(segment: number, key: K, id: KeyIdentity): Awaitable<void> {
    return this.#share(readName(`segment ${segment}`, id), () => {
      const range = this.#rows.keyRange(segment, this.#rows.keyBytes(key, id), 0, Number.MAX_SAFE_INTEGER)
      if (this.#database.scanNow === undefined) return this.#loadKeyLater(segment, key, id, range)
      try {
        const read = Array.from(this.#database.scanNow(range), ([rowKey, rowValue]) => this.#read(rowKey, rowValue))
        this.#complete(segment, key, id, read)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
        return this.#loadKeyLater(segment, key, id, range)
      }
    })
  }

  async #loadKeyLater(segment: number, key: K, id: KeyIdentity, range: KeyRange): Promise<void> {
    const memory = this.#memory
    const staleReads = memory.staleReads
    const read: ReadWindow<V>[] = []
    for await (const [rowKey, rowValue] of this.#database.scan(range))
      read.push(await whenReady(() => this.#read(rowKey, rowValue)))
    this.#checkOpen()
    if (staleReads === memory.staleReads && !memory.restoring) this.#complete(segment, key, id, read)
  }

  #read(rowKey: Buffer, rowValue: Buffer): ReadWindow<V> {
    const { windowStartMs, sequence } = this.#rows.parseKey(rowKey)
    return { windowStartMs, sequence, stored: this.#rows.decodeValue(rowValue) }
  }

  #complete(segment: number, key: K, id: KeyIdentity, read: readonly ReadWindow<V>[]): void {
    const windows = this.#memory.open(segment, key, id)
    const rows = read.map(({ windowStartMs, sequence, stored }) =>
      fill(new WindowRow<K, V>(windows, windowStartMs, sequence), stored),
    )
    this.#memory.complete(windows, rows)
  }

  async #loadLater(
    wanted: WantedWindow<K>,
    rowKey: Buffer,
    first: Awaitable<Buffer | undefined>,
  ): Promise<WindowRow<K, V> | undefined> {
    const { id, windowStartMs } = wanted
    let read = first
    for (;;) {
      const staleReads = this.#memory.staleReads
      const rowValue = await read
      const stored = rowValue === undefined ? undefined : await whenReady(() => this.#rows.decodeValue(rowValue))
      this.#checkOpen()
      if (this.isKnown(id, windowStartMs)) return this.#cached(id, windowStartMs)
      if (staleReads === this.#memory.staleReads) return this.#adopt(wanted, stored)
      read = this.#database.get(rowKey)
    }
  }

  /** Makes a row of what was read, and keeps it unless the database is being restored. */
  #adopt({ key, id, windowStartMs }: WantedWindow<K>, stored: StoredValue<V> | undefined): WindowRow<K, V> {
    const memory = this.#memory
    const segment = this.#clock.segmentNumber(windowStartMs)
    if (memory.restoring) {
      return fill(memory.detached(segment, key, id).insert(windowStartMs, 0), stored)
    }
    const windows = memory.open(segment, key, id)
    const row = fill(memory.insert(windows, windowStartMs, 0), stored)
    memory.release(windows)
    memory.evict()
    return row
  }

  #cached(id: KeyIdentity, windowStartMs: number): WindowRow<K, V> | undefined {
    return this.#memory.windows(this.#clock.segmentNumber(windowStartMs), id)?.find(windowStartMs)
  }

  #share<T>(name: string, read: () => Awaitable<T>): Awaitable<T> {
    const running = this.#loading.get(name) as Promise<T> | undefined
    if (running !== undefined) return running
    const result = read()
    if (!(result instanceof Promise)) return result
    const loading = result.finally(() => this.#loading.delete(name))
    this.#loading.set(name, loading)
    return loading
  }
}

/** Names a read, or a window among others; made on the way to the database only. */
export function readName(place: number | string, id: KeyIdentity): string {
  return `${place} ${typeof id} ${id}`
}

function fill<K, V>(row: WindowRow<K, V>, stored: StoredValue<V> | undefined): WindowRow<K, V> {
  if (stored !== undefined) {
    row.value = stored.value
    row.timestampMs = stored.timestampMs
    row.headers = stored.headers
  }
  return row
}
