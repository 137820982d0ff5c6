import { type Awaitable, chain } from '../common/awaitable.ts'
import { SerdeNotReadyError } from '../common/errors.ts'
import { readInt64, writeInt64 } from './bytes.ts'
import { CorruptStateError } from './errors.ts'
import { type OverlayRow, overlayList } from './overlay-scan.ts'
import { parseSessionChangelogKey, type SessionKey } from './session-keys.ts'
import { sessionEntry } from './session-rows.ts'
import { isTraceless } from './session-scan.ts'
import type { ChangedRow, SessionEntry, StoreChanges } from './state-store.ts'
import { INDEX_VALUE, indexRange, indexRowKey, indexStart, parseIndexRowKey } from './time-index.ts'
import { whenReady } from './when-ready.ts'
import type { WindowSource } from './window-scan.ts'

/** Sessions stand in the index by their end, then start, then key bytes. */
function endIndexKey(storePrefix: Buffer, { key, startMs, endMs }: SessionKey): Buffer {
  const startAndKey = Buffer.allocUnsafe(8 + key.length)
  startAndKey.set(key, writeInt64(startAndKey, startMs, 0))
  return indexRowKey(storePrefix, endMs, startAndKey)
}

function parseEndIndexKey(row: Buffer): SessionKey {
  const { timeMs, key } = parseIndexRowKey(row)
  if (key.length < 8) throw new CorruptStateError(`an index row key of ${row.length} bytes`)
  return { key: key.subarray(8), startMs: readInt64(key, 0), endMs: timeMs }
}

/** The changes of a store whose rows are found by their end, with those of the index. */
export function withEndIndex(
  storePrefix: Buffer,
  rows: readonly ChangedRow[],
  expired: StoreChanges['expired'],
): StoreChanges {
  const puts: (readonly [Buffer, Buffer | null])[] = []
  for (const { changelogKey, rowKey, rowValue } of rows) {
    const indexKey = endIndexKey(storePrefix, parseSessionChangelogKey(changelogKey))
    puts.push([rowKey, rowValue], [indexKey, rowValue === null ? null : INDEX_VALUE])
  }
  return { rows: [], apart: { records: rows, puts }, expired }
}

/** What the index has of a segment, as [from, to). */
export function segmentOfEndIndex(
  storePrefix: Buffer,
  segment: number,
  intervalMs: number,
): readonly [from: Buffer, to: Buffer] {
  return [indexStart(storePrefix, segment * intervalMs), indexStart(storePrefix, (segment + 1) * intervalMs)]
}

interface Ended<K, V> {
  readonly session: SessionKey
  /** Known where the session is uncommitted. */
  readonly entry: SessionEntry<K, V> | undefined
}

/** Sessions of one end: which comes first? By their keys, as in Kafka Streams' memory, or by their starts, as on its disk. */
export type EndOrder = 'start-then-key' | 'key-then-start'

/** Sessions that end in [fromMs, toMs], by their end first: at once where the database never waits, or has none of them. */
export function listEnded<K, V>(
  source: WindowSource<K, V>,
  storePrefix: Buffer,
  order: EndOrder,
  fromMs: number,
  toMs: number,
): Awaitable<readonly SessionEntry<K, V>[]> {
  const { memory, clock, database, rows } = source
  const hasStored = memory.storedSegmentsIn(clock.segmentNumber(fromMs), clock.segmentNumber(toMs)).length > 0
  const ended = overlayList<Ended<K, V>>({
    database,
    range: hasStored ? indexRange(storePrefix, fromMs, toMs) : undefined,
    overlay: () => {
      const overlay: OverlayRow<Ended<K, V>>[] = []
      memory.uncommitted.forEach((row) => {
        const { owner, windowStartMs: endMs, sequence: startMs } = row
        if (owner.gone || isTraceless(row) || endMs < fromMs || endMs > toMs) return
        const session = { key: rows.keyBytesOf(owner), startMs, endMs }
        const entry = sessionEntry(owner.key, row)
        overlay.push({
          rowKey: endIndexKey(storePrefix, session),
          row: entry === undefined ? null : { session, entry },
        })
      })
      return overlay
    },
    decode: (rowKey) => ({ session: parseEndIndexKey(rowKey), entry: undefined }),
  })
  return chain(ended, (list) => {
    if (order === 'key-then-start')
      list.sort(({ session: a }, { session: b }) => a.endMs - b.endMs || a.key.compare(b.key) || a.startMs - b.startMs)
    return withValues(source, list)
  })
}

function withValues<K, V>(
  source: WindowSource<K, V>,
  ended: readonly Ended<K, V>[],
): Awaitable<readonly SessionEntry<K, V>[]> {
  const { database, rows, clock } = source
  const stored = ended.filter(({ entry }) => entry === undefined)
  if (stored.length === 0) return ended.map(({ entry }) => entry as SessionEntry<K, V>)
  const rowKeys = stored.map(({ session: { key, startMs, endMs } }) =>
    rows.rowKey(clock.segmentNumber(endMs), key, endMs, startMs),
  )
  const join = (values: readonly (Buffer | undefined)[]): SessionEntry<K, V>[] => {
    const rowValues = new Map(stored.map((each, i) => [each, values[i]]))
    return ended
      .map((each) => each.entry ?? decode(source, each.session, rowValues.get(each)))
      .filter((entry) => entry !== undefined)
  }
  if (database.scanNow === undefined) return database.getMany(rowKeys).then((values) => whenReady(() => join(values)))
  const values = rowKeys.map((rowKey) => database.get(rowKey) as Buffer | undefined)
  try {
    return join(values)
  } catch (error) {
    if (!(error instanceof SerdeNotReadyError)) throw error
    return whenReady(() => join(values))
  }
}

function decode<K, V>(
  { rows }: WindowSource<K, V>,
  { key, startMs, endMs }: SessionKey,
  rowValue: Buffer | undefined,
): SessionEntry<K, V> | undefined {
  if (rowValue === undefined) return undefined
  const { value, timestampMs } = rows.decodeValue(rowValue)
  return { key: rows.decodeKey(key), startMs, endMs, value, timestampMs }
}
