import { type Awaitable, chain } from '../../common/awaitable.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { type OverlayRow, overlayList } from '../shared/overlay-scan.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { SessionEntry } from '../state-store.ts'
import { indexRange } from '../window/time-index.ts'
import type { WindowSource } from '../window/window-scan.ts'
import { endIndexKey, parseEndIndexKey } from './session-index.ts'
import type { SessionKey } from './session-keys.ts'
import { sessionEntry } from './session-rows.ts'
import { isTraceless } from './session-scan.ts'

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
