import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { type OverlayRow, type OverlayScan, overlayList, overlayScan } from '../shared/overlay-scan.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { WindowEntry } from '../state-store.ts'
import { indexRange, indexRowKey, parseIndexRowKey } from './time-index.ts'
import type { Segment, WindowRow } from './window-cache.ts'
import type { WindowSource } from './window-scan.ts'

/**
 * How the rows of a window store can be read by time. `segments`: each segment has one start, so that its rows stand in the order of
 * their keys. `index`: rows beside them name start and key.
 */
export type TimeOrder = 'segments' | 'index'

export type VisitWindow<K, V> = (window: WindowEntry<K, V>) => Awaitable<void>

/** Index rows that are looked up in one batched read. */
const PAGE_ROWS = 512

/** More segments than this make an index the better way. */
const MAX_SEGMENTS = 256
const LEAST_SEGMENT_MS = 1

/** `stepMs`: all windows start at multiples of it. */
export function timeOrderFor(
  stepMs: number,
  retentionMs: number,
): { readonly order: TimeOrder; readonly segmentMs: number | undefined } {
  return stepMs > LEAST_SEGMENT_MS && retentionMs / stepMs <= MAX_SEGMENTS
    ? { order: 'segments', segmentMs: stepMs }
    : { order: 'index', segmentMs: undefined }
}

/** Windows that start in [fromMs, toMs] by start, then key bytes: what of them is in memory only, and what is in the database only. */
export function visitInOrder<K, V>(
  source: WindowSource<K, V>,
  order: TimeOrder,
  storePrefix: Buffer,
  [fromMs, toMs]: readonly [number, number],
  visit: VisitWindow<K, V>,
): Awaitable<void> {
  return order === 'segments'
    ? visitSegments(source, [fromMs, toMs], visit)
    : visitIndex(source, storePrefix, [fromMs, toMs], visit)
}

function visitSegments<K, V>(
  source: WindowSource<K, V>,
  [fromMs, toMs]: readonly [number, number],
  visit: VisitWindow<K, V>,
): Awaitable<void> {
  const { memory, rows, database, clock } = source
  const [first, last] = [clock.segmentNumber(fromMs), clock.segmentNumber(toMs)]
  const segments = memory.segmentsIn(first, last)
  const isInside = (row: WindowRow<K, V>): boolean => row.windowStartMs >= fromMs && row.windowStartMs <= toMs
  return eachInOrder(segments, (number) => {
    const segment = memory.segment(number)
    if (segment?.complete) return visitMemory(source, segment, isInside, visit)
    return visitScan(
      {
        database,
        range: memory.storedSegments.has(number) ? rows.segmentRange(number, undefined, undefined) : undefined,
        overlay: () => uncommitted(source, (row) => row.owner.segment.number === number && isInside(row)),
        decode: (rowKey, rowValue) => {
          const { key, windowStartMs } = rows.parseKey(rowKey)
          if (windowStartMs < fromMs || windowStartMs > toMs) return undefined
          const { value, timestampMs } = rows.decodeValue(rowValue)
          return { key: rows.decodeKey(key), windowStartMs, value, timestampMs }
        },
      },
      visit,
    )
  })
}

/** A segment that is in memory as a whole is not read again. */
function visitMemory<K, V>(
  { rows }: WindowSource<K, V>,
  segment: Segment<K, V>,
  isInside: (row: WindowRow<K, V>) => boolean,
  visit: VisitWindow<K, V>,
): Awaitable<void> {
  const found: { readonly keyBytes: Buffer; readonly row: WindowRow<K, V> }[] = []
  for (const windows of segment.keys.values())
    for (const row of windows.rows)
      if (row.value !== null && isInside(row)) found.push({ keyBytes: rows.keyBytesOf(windows), row })
  found.sort((a, b) => a.row.windowStartMs - b.row.windowStartMs || a.keyBytes.compare(b.keyBytes))
  return eachInOrder(found, ({ row }) => visit(entryOf(row) as WindowEntry<K, V>))
}

interface Due<K, V> {
  readonly windowStartMs: number
  readonly keyBytes: Buffer
  /** Known where the row is uncommitted. */
  readonly entry: WindowEntry<K, V> | undefined
}

function visitIndex<K, V>(
  source: WindowSource<K, V>,
  storePrefix: Buffer,
  [fromMs, toMs]: readonly [number, number],
  visit: VisitWindow<K, V>,
): Awaitable<void> {
  const { memory, database, rows, clock } = source
  const [first, last] = [clock.segmentNumber(fromMs), clock.segmentNumber(toMs)]
  const hasStored = memory.storedSegmentsIn(first, last).length > 0
  const isInside = (row: WindowRow<K, V>): boolean => row.windowStartMs >= fromMs && row.windowStartMs <= toMs
  const scan: OverlayScan<Due<K, V>> = {
    database,
    range: hasStored ? indexRange(storePrefix, fromMs, toMs) : undefined,
    overlay: () => {
      const due: OverlayRow<Due<K, V>>[] = []
      for (const windows of memory.keysIn(first, last)) {
        for (const row of windows.rows) {
          if (row.state === 0 || !isInside(row)) continue
          const keyBytes = rows.keyBytesOf(windows)
          const entry = entryOf(row)
          due.push({
            rowKey: indexRowKey(storePrefix, row.windowStartMs, keyBytes),
            row: entry === null ? null : { windowStartMs: row.windowStartMs, keyBytes, entry },
          })
        }
      }
      return due
    },
    decode: (rowKey) => {
      const { timeMs, key } = parseIndexRowKey(rowKey)
      return { windowStartMs: timeMs, keyBytes: key, entry: undefined }
    },
  }
  if (scan.range !== undefined && database.scanNow === undefined) return visitIndexLater(source, scan, visit)
  return chain(overlayList(scan), (list) =>
    eachInOrder(list, (due) => {
      if (due.entry !== undefined) return visit(due.entry)
      return visitStored(source, due, database.get(rowKeyOf(source, due)), visit)
    }),
  )
}

async function visitIndexLater<K, V>(
  source: WindowSource<K, V>,
  scan: OverlayScan<Due<K, V>>,
  visit: VisitWindow<K, V>,
): Promise<void> {
  let page: Due<K, V>[] = []
  const visitPage = async (): Promise<void> => {
    const stored = page.filter((due) => due.entry === undefined)
    const read = await source.database.getMany(stored.map((due) => rowKeyOf(source, due)))
    const rowValues = new Map(stored.map((due, i) => [due, read[i]]))
    for (const due of page) {
      if (due.entry === undefined) await visitStored(source, due, rowValues.get(due), visit)
      else await visit(due.entry)
    }
    page = []
  }
  for await (const due of overlayScan(scan)) {
    page.push(due)
    if (page.length >= PAGE_ROWS) await visitPage()
  }
  if (page.length > 0) await visitPage()
}

function rowKeyOf<K, V>({ rows, clock }: WindowSource<K, V>, { keyBytes, windowStartMs }: Due<K, V>): Buffer {
  return rows.rowKey(clock.segmentNumber(windowStartMs), keyBytes, windowStartMs, 0)
}

function visitStored<K, V>(
  { rows }: WindowSource<K, V>,
  { keyBytes, windowStartMs }: Due<K, V>,
  read: Awaitable<Buffer | undefined>,
  visit: VisitWindow<K, V>,
): Awaitable<void> {
  return chain(read, (rowValue) => {
    if (rowValue === undefined) return
    const decode = (): WindowEntry<K, V> => {
      const { value, timestampMs } = rows.decodeValue(rowValue)
      return { key: rows.decodeKey(keyBytes), windowStartMs, value, timestampMs }
    }
    try {
      return visit(decode())
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError)) throw error
      return whenReady(decode).then(visit)
    }
  })
}

/** At once from a database that never waits; else row by row as they are read. */
function visitScan<K, V>(scan: OverlayScan<WindowEntry<K, V>>, visit: VisitWindow<K, V>): Awaitable<void> {
  if (scan.range === undefined || scan.database.scanNow !== undefined)
    return chain(overlayList(scan), (list) => eachInOrder(list, visit))
  return visitLater(scan, visit)
}

async function visitLater<K, V>(scan: OverlayScan<WindowEntry<K, V>>, visit: VisitWindow<K, V>): Promise<void> {
  for await (const entry of overlayScan(scan)) {
    const pending = visit(entry)
    if (pending instanceof Promise) await pending
  }
}

function uncommitted<K, V>(
  { memory, rows }: WindowSource<K, V>,
  isDue: (row: WindowRow<K, V>) => boolean,
): OverlayRow<WindowEntry<K, V>>[] {
  const overlay: OverlayRow<WindowEntry<K, V>>[] = []
  memory.uncommitted.forEach((row) => {
    if (row.owner.gone || !isDue(row)) return
    const { owner, windowStartMs, sequence } = row
    overlay.push({
      rowKey: rows.rowKey(owner.segment.number, rows.keyBytesOf(owner), windowStartMs, sequence),
      row: entryOf(row),
    })
  })
  return overlay
}

function entryOf<K, V>({ owner, windowStartMs, value, timestampMs }: WindowRow<K, V>): WindowEntry<K, V> | null {
  return value === null ? null : { key: owner.key, windowStartMs, value, timestampMs }
}
