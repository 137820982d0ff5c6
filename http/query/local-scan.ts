import type { KeyValueEntry, ReadOnlyKeyValueStore, StoreInfo } from '../../streams/index.ts'
import { type Json, toJson } from '../json.ts'
import type { QueriesView } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import type { View } from '../views.ts'
import { checkDeadline } from './deadline.ts'
import type { StoreKeys } from './keys.ts'

/** A row of an answer, with the bytes of its key, by which rows are ordered over partitions and instances. */
export interface ScanRow {
  readonly keyBytes: Buffer
  readonly json: { readonly [name: string]: Json }
}

type Store = ReadOnlyKeyValueStore<unknown, unknown>
export type ScanOnePartition = (store: Store) => AsyncIterable<KeyValueEntry<unknown, unknown>>

export interface ScanBounds {
  readonly limit: number
  readonly reverse: boolean
  /** Rows that do not pass are not counted. */
  readonly accepts: (row: { key: unknown; keyBytes: Buffer }) => boolean
}

/** Rows of all partitions that this instance has, in the order of their key bytes. @throws {StoreNotAvailableError} */
export async function scanLocal(
  queries: QueriesView,
  info: StoreInfo,
  keys: StoreKeys,
  scan: ScanOnePartition,
  bounds: ScanBounds,
  view: View,
  signal: AbortSignal,
): Promise<readonly ScanRow[]> {
  const toRow = ({ key, value, timestampMs }: KeyValueEntry<unknown, unknown>): ScanRow | undefined => {
    checkDeadline(signal)
    const keyBytes = Buffer.from(keys.serde.serialize(key, keys.topic))
    if (!bounds.accepts({ key, keyBytes })) return undefined
    return { keyBytes, json: { key: toJson(key), value: view(value), timestamp: isoTime(timestampMs), timestampMs } }
  }
  const rows: ScanRow[] = []
  const cursors = partitionStores(queries, info).map((store) => new Cursor(scan(store)[Symbol.asyncIterator](), toRow))
  try {
    await Promise.all(cursors.map((cursor) => cursor.advance()))
    while (rows.length < bounds.limit) {
      const next = firstCursor(cursors, bounds.reverse)
      if (next?.head === undefined) break
      rows.push(next.head)
      await next.advance()
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()))
  }
  return rows
}

/** One store per partition: each is in key order by itself. */
function partitionStores(queries: QueriesView, info: StoreInfo): readonly Store[] {
  const partitions = info.tasks.map((task) => Number(task.slice(task.indexOf('_') + 1)))
  if (info.global || partitions.length === 0) return [queries.keyValueStore(info.name)]
  return partitions.map((partition) => queries.keyValueStore(info.name, { partition }))
}

/** Stands on one row of a partition. A row is turned to JSON as soon as it is read: its value may change afterwards. */
class Cursor {
  readonly #rows: AsyncIterator<KeyValueEntry<unknown, unknown>>
  readonly #toRow: (row: KeyValueEntry<unknown, unknown>) => ScanRow | undefined
  head: ScanRow | undefined

  constructor(
    rows: AsyncIterator<KeyValueEntry<unknown, unknown>>,
    toRow: (row: KeyValueEntry<unknown, unknown>) => ScanRow | undefined,
  ) {
    this.#rows = rows
    this.#toRow = toRow
  }

  async advance(): Promise<void> {
    this.head = undefined
    while (this.head === undefined) {
      const next = await this.#rows.next()
      if (next.done) return
      this.head = this.#toRow(next.value)
    }
  }

  async close(): Promise<void> {
    await this.#rows.return?.()
  }
}

function firstCursor(cursors: readonly Cursor[], reverse: boolean): Cursor | undefined {
  let first: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor.head === undefined) continue
    const order = first?.head === undefined ? 0 : Buffer.compare(cursor.head.keyBytes, first.head.keyBytes)
    if (first === undefined || (reverse ? order > 0 : order < 0)) first = cursor
  }
  return first
}
