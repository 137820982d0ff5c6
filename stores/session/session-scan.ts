import type { KeyIdentity } from '../shared/key-identity.ts'
import { type OverlayRow, type OverlayScan, overlayScan } from '../shared/overlay-scan.ts'
import type { ScanOptions, SessionEntry } from '../state-store.ts'
import type { WindowRow } from '../window/window-cache.ts'
import { segmentsOf, type WindowSource } from '../window/window-scan.ts'
import { sessionEntry } from './session-rows.ts'

/** Which sessions: by the bytes of their key, their end, and their start. Bounds are inclusive; absent ones are open. */
export interface SessionRange {
  readonly fromKey?: Buffer | undefined
  readonly toKey?: Buffer | undefined
  readonly fromEndMs: number
  readonly toEndMs: number
  readonly latestStartMs: number
}

/** Sessions of one key, read from the database, with its uncommitted ones laid over. */
export async function scanKeySessions<K, V>(
  source: WindowSource<K, V>,
  key: K,
  id: KeyIdentity,
  range: SessionRange,
  options: ScanOptions,
): Promise<SessionEntry<K, V>[]> {
  const { rows, memory } = source
  const keyBytes = rows.keyBytes(key, id)
  const { fromEndMs, toEndMs } = range
  const entries: SessionEntry<K, V>[] = []
  for (const segment of segmentsOf(source, range.fromEndMs, range.toEndMs, options)) {
    const scan = overlayScan<SessionEntry<K, V>>({
      database: source.database,
      range: memory.storedSegments.has(segment)
        ? rows.keyRange(segment, keyBytes, Math.max(fromEndMs, 0), toEndMs)
        : undefined,
      overlay: () => {
        const cached = options.committedOnly ? [] : (memory.windows(segment, id)?.rows ?? [])
        return cached
          .filter((row) => row.state !== 0 && isInside(row.sequence, row.windowStartMs, range))
          .map((row) => overlayRow(source, keyBytes, row))
      },
      decode: (rowKey, rowValue) => decode(source, rowKey, rowValue, range, key),
      reverse: options.reverse,
      limit: options.limit === undefined ? undefined : options.limit - entries.length,
    })
    for await (const entry of scan) entries.push(entry)
  }
  return entries
}

/** Sessions of a range of keys, segment by segment. */
export async function* scanSessions<K, V>(
  source: WindowSource<K, V>,
  range: SessionRange,
  options: ScanOptions,
): AsyncGenerator<SessionEntry<K, V>, void, undefined> {
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (const segment of segmentsOf(source, range.fromEndMs, range.toEndMs, options)) {
    if (left <= 0) return
    for await (const entry of overlayScan({ ...segmentScan(source, segment, range, options), limit: left })) {
      left--
      yield entry
    }
  }
}

function segmentScan<K, V>(
  source: WindowSource<K, V>,
  segment: number,
  range: SessionRange,
  options: ScanOptions,
): OverlayScan<SessionEntry<K, V>> {
  const { rows, memory } = source
  const { fromKey, toKey } = range
  return {
    database: source.database,
    range: memory.storedSegments.has(segment) ? rows.segmentRange(segment, fromKey, toKey) : undefined,
    overlay: () => {
      const overlay: OverlayRow<SessionEntry<K, V>>[] = []
      if (options.committedOnly) return overlay
      memory.uncommitted.forEach((row) => {
        if (row.owner.segment.number !== segment || row.owner.gone) return
        if (isTraceless(row) || !isInside(row.sequence, row.windowStartMs, range)) return
        const keyBytes = rows.keyBytesOf(row.owner)
        if (fromKey !== undefined && keyBytes.compare(fromKey) < 0) return
        if (toKey !== undefined && keyBytes.compare(toKey) > 0) return
        overlay.push(overlayRow(source, keyBytes, row))
      })
      return overlay
    },
    decode: (rowKey, rowValue) => decode(source, rowKey, rowValue, range),
    reverse: options.reverse,
  }
}

/** It came and went, and nobody but the cache has heard of it. */
export function isTraceless<K, V>(row: WindowRow<K, V>): boolean {
  return row.isNew && row.value === null
}

function isInside(startMs: number, endMs: number, { fromEndMs, toEndMs, latestStartMs }: SessionRange): boolean {
  return endMs >= fromEndMs && endMs <= toEndMs && startMs <= latestStartMs
}

function decode<K, V>(
  { rows }: WindowSource<K, V>,
  rowKey: Buffer,
  rowValue: Buffer,
  range: SessionRange,
  known?: K,
): SessionEntry<K, V> | undefined {
  const { key: keyBytes, windowStartMs: endMs, sequence: startMs } = rows.parseKey(rowKey)
  if (!isInside(startMs, endMs, range)) return undefined
  const key = known === undefined ? rows.decodeKey(keyBytes) : known
  const { value, timestampMs } = rows.decodeValue(rowValue)
  return { key, startMs, endMs, value, timestampMs }
}

function overlayRow<K, V>(
  { rows }: WindowSource<K, V>,
  keyBytes: Buffer,
  row: WindowRow<K, V>,
): OverlayRow<SessionEntry<K, V>> {
  const { owner, windowStartMs, sequence } = row
  return {
    rowKey: rows.rowKey(owner.segment.number, keyBytes, windowStartMs, sequence),
    row: sessionEntry(owner.key, row) ?? null,
  }
}
