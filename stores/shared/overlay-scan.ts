import type { Awaitable } from '../../common/awaitable.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { TaskDatabase } from '../task-database.ts'
import { whenReady } from './when-ready.ts'

/** An uncommitted row over the database's; `null` hides the row of this key. */
export interface OverlayRow<R> {
  readonly rowKey: Buffer
  readonly row: R | null
}

export interface OverlayScan<R> {
  readonly database: TaskDatabase
  /** `undefined` leaves the database out. */
  readonly range: KeyRange | undefined
  /** In any order. Called once, at the moment the database's snapshot is taken, so that the two fit together. */
  readonly overlay: () => OverlayRow<R>[]
  /** `undefined` leaves the row out. */
  readonly decode: (rowKey: Buffer, rowValue: Buffer) => R | undefined
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
  /** Set when `decode` leaves nothing out: the database then need not read past the limit. */
  readonly exact?: boolean
}

type Stored = readonly [rowKey: Buffer, rowValue: Buffer]

/** Rows of the database with uncommitted rows laid over them, in the order of their keys' bytes. */
export async function* overlayScan<R>(scan: OverlayScan<R>): AsyncGenerator<R, void, undefined> {
  let left = scan.limit ?? Number.POSITIVE_INFINITY
  if (left <= 0) return
  const merge = new Merge(scan)
  const rows = merge.range && scan.database.scan(merge.range)[Symbol.asyncIterator]()
  try {
    let stored: Stored | undefined = await nextOf(rows)
    while (left > 0 && merge.step(stored)) {
      let row = merge.changed
      if (merge.isStored && stored !== undefined) {
        const [rowKey, rowValue] = stored
        try {
          row = scan.decode(rowKey, rowValue)
        } catch {
          row = await whenReady(() => scan.decode(rowKey, rowValue))
        }
      }
      if (merge.isStoredDone) stored = await nextOf(rows)
      if (row === null || row === undefined) continue
      left--
      yield row
    }
  } finally {
    await rows?.return?.()
  }
}

/** The same as a list: at once when the database never waits, or is left out. */
export function overlayList<R>(scan: OverlayScan<R>): Awaitable<R[]> {
  if (scan.range === undefined || scan.database.scanNow !== undefined) {
    try {
      return listNow(scan)
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError)) throw error
    }
  }
  return listLater(scan)
}

function listNow<R>(scan: OverlayScan<R>): R[] {
  const list: R[] = []
  const limit = scan.limit ?? Number.POSITIVE_INFINITY
  if (limit <= 0) return list
  const merge = new Merge(scan)
  const rows = merge.range && scan.database.scanNow?.(merge.range)[Symbol.iterator]()
  let stored = rowOf(rows?.next())
  while (list.length < limit && merge.step(stored)) {
    const row = merge.isStored && stored !== undefined ? scan.decode(...stored) : merge.changed
    if (merge.isStoredDone) stored = rowOf(rows?.next())
    if (row !== null && row !== undefined) list.push(row)
  }
  rows?.return?.()
  return list
}

async function listLater<R>(scan: OverlayScan<R>): Promise<R[]> {
  const list: R[] = []
  for await (const row of overlayScan(scan)) list.push(row)
  return list
}

/** Decides, row by row, whether the database's or the uncommitted one is next. */
class Merge<R> {
  /** What to scan in the database. */
  readonly range: KeyRange | undefined
  /** The next row is the database's. */
  isStored = false
  /** The database's row is taken, or hidden: go on to its next one. */
  isStoredDone = false
  /** The next row, when it is not the database's; `null` for one that is deleted. */
  changed: R | null | undefined
  readonly #sign: 1 | -1
  readonly #overlay: readonly OverlayRow<R>[]
  #at = 0

  constructor(scan: OverlayScan<R>) {
    const sign = scan.reverse ? -1 : 1
    this.#sign = sign
    this.#overlay = scan.overlay().sort((a, b) => sign * a.rowKey.compare(b.rowKey))
    if (scan.range === undefined) return
    const limit = scan.limit !== undefined && scan.exact ? { limit: scan.limit + this.#overlay.length } : {}
    this.range = { ...scan.range, ...limit, ...(scan.reverse ? { reverse: true } : {}) }
  }

  /** False when there is no row any more. */
  step(stored: Stored | undefined): boolean {
    const changed = this.#overlay[this.#at]
    if (stored === undefined && changed === undefined) return false
    const order = stored === undefined ? 1 : changed === undefined ? -1 : this.#sign * stored[0].compare(changed.rowKey)
    this.isStored = order < 0
    this.isStoredDone = order <= 0
    this.changed = order < 0 ? undefined : changed?.row
    if (order >= 0) this.#at++
    return true
  }
}

async function nextOf(rows: AsyncIterator<Stored> | undefined): Promise<Stored | undefined> {
  return rowOf(await rows?.next())
}

function rowOf(result: IteratorResult<Stored> | undefined): Stored | undefined {
  return result === undefined || result.done ? undefined : result.value
}
