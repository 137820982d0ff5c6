import type { KeyIdentity } from '../shared/key-identity.ts'
import { type OverlayRow, overlayScan } from '../shared/overlay-scan.ts'
import type { ScanOptions, WindowEntry } from '../state-store.ts'
import type { TaskDatabase } from '../task-database.ts'
import type { WindowRow } from './window-cache.ts'
import type { WindowClock } from './window-clock.ts'
import type { WindowMemory } from './window-memory.ts'
import type { WindowRows } from './window-rows.ts'

/** Where a scan of windows finds its rows. */
export interface WindowSource<K, V> {
  readonly database: TaskDatabase
  readonly rows: WindowRows<K, V>
  readonly memory: WindowMemory<K, V>
  readonly clock: WindowClock
}

/** Windows of one key, read from the database, with its uncommitted ones laid over. */
export async function scanKeyWindows<K, V>(
  source: WindowSource<K, V>,
  key: K,
  id: KeyIdentity,
  [fromMs, toMs]: readonly [number, number],
  options: ScanOptions,
): Promise<WindowEntry<K, V>[]> {
  const { database, rows, memory } = source
  const keyBytes = rows.keyBytes(key, id)
  const entries: WindowEntry<K, V>[] = []
  for (const segment of segmentsOf(source, fromMs, toMs, options)) {
    const scan = overlayScan<WindowEntry<K, V>>({
      database,
      range: memory.storedSegments.has(segment) ? rows.keyRange(segment, keyBytes, fromMs, toMs) : undefined,
      overlay: () => {
        const cached = options.committedOnly ? [] : (memory.windows(segment, id)?.rows ?? [])
        return cached
          .filter((row) => row.state !== 0 && row.windowStartMs >= fromMs && row.windowStartMs <= toMs)
          .map((row) => overlayRow(source, keyBytes, row))
      },
      decode: (rowKey, rowValue) => {
        const { windowStartMs } = rows.parseKey(rowKey)
        const { value, timestampMs } = rows.decodeValue(rowValue)
        return { key, windowStartMs, value, timestampMs }
      },
      reverse: options.reverse,
      limit: options.limit === undefined ? undefined : options.limit - entries.length,
      exact: true,
    })
    for await (const entry of scan) entries.push(entry)
  }
  return entries
}

export interface WindowRange {
  readonly fromKey: Buffer | undefined
  readonly toKey: Buffer | undefined
  readonly fromMs: number
  readonly toMs: number
}

/** Windows of a range of keys, segment by segment. */
export async function* scanWindows<K, V>(
  source: WindowSource<K, V>,
  { fromKey, toKey, fromMs, toMs }: WindowRange,
  options: ScanOptions,
): AsyncGenerator<WindowEntry<K, V>, void, undefined> {
  const { database, rows, memory, clock } = source
  const visible = clock.visiblePart(fromMs, toMs)
  if (visible === undefined) return
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (const segment of segmentsOf(source, ...visible, options)) {
    if (left <= 0) return
    const isInside = (windowStartMs: number): boolean => windowStartMs >= visible[0] && windowStartMs <= visible[1]
    const scan = overlayScan<WindowEntry<K, V>>({
      database,
      range: memory.storedSegments.has(segment) ? rows.segmentRange(segment, fromKey, toKey) : undefined,
      overlay: () => {
        const overlay: OverlayRow<WindowEntry<K, V>>[] = []
        if (options.committedOnly) return overlay
        memory.uncommitted.forEach((row) => {
          if (row.owner.segment.number !== segment || row.owner.gone || !isInside(row.windowStartMs)) return
          const keyBytes = rows.keyBytesOf(row.owner)
          if (fromKey !== undefined && keyBytes.compare(fromKey) < 0) return
          if (toKey !== undefined && keyBytes.compare(toKey) > 0) return
          overlay.push(overlayRow(source, keyBytes, row))
        })
        return overlay
      },
      decode: (rowKey, rowValue) => {
        const windowKey = rows.parseKey(rowKey)
        if (!isInside(windowKey.windowStartMs)) return undefined
        const { value, timestampMs } = rows.decodeValue(rowValue)
        return { key: rows.decodeKey(windowKey.key), windowStartMs: windowKey.windowStartMs, value, timestampMs }
      },
      reverse: options.reverse,
      limit: left,
    })
    for await (const entry of scan) {
      left--
      yield entry
    }
  }
}

/** The segments that may have rows of these times, in the order of the scan. */
export function segmentsOf<K, V>(
  { memory, clock }: WindowSource<K, V>,
  fromMs: number,
  toMs: number,
  { reverse }: ScanOptions,
): readonly number[] {
  return memory.segmentsIn(clock.segmentNumber(fromMs), clock.segmentNumber(toMs), reverse)
}

function overlayRow<K, V>(
  { rows }: WindowSource<K, V>,
  keyBytes: Buffer,
  row: WindowRow<K, V>,
): OverlayRow<WindowEntry<K, V>> {
  const { owner, windowStartMs, sequence, value, timestampMs } = row
  return {
    rowKey: rows.rowKey(owner.segment.number, keyBytes, windowStartMs, sequence),
    row: value === null ? null : { key: owner.key, windowStartMs, value, timestampMs },
  }
}
