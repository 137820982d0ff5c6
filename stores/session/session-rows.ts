import type { KeyRange } from '../../common/rocksdb.ts'
import type { Serde } from '../../common/serde.ts'
import type { SessionEntry } from '../state-store.ts'
import type { KeyWindows, WindowRow } from '../window/window-cache.ts'
import type { WindowKey } from '../window/window-keys.ts'
import { WindowRows } from '../window/window-rows.ts'
import { startAndKey } from './session-index.ts'
import {
  keySessionsRange,
  parseSessionChangelogKey,
  parseSessionRowKey,
  type SessionKey,
  segmentSessionsRange,
  sessionChangelogKey,
  sessionRowKey,
} from './session-keys.ts'

/** Rows of one session store as bytes. A session is a window row with its end for the start, and its start for the sequence number. */
export class SessionRows<K, V> extends WindowRows<K, V> {
  readonly #prefix: Buffer

  constructor(prefix: Buffer, topic: string, keySerde: Serde<K>, valueSerde: Serde<V>, isIndexed: boolean) {
    super(prefix, topic, keySerde, valueSerde, isIndexed)
    this.#prefix = prefix
  }

  override changelogKey(keyBytes: Buffer, endMs: number, startMs: number): Buffer {
    return sessionChangelogKey(keyBytes, startMs, endMs)
  }

  override rowKey(segment: number, keyBytes: Buffer, endMs: number, startMs: number): Buffer {
    return sessionRowKey(this.#prefix, segment, keyBytes, startMs, endMs)
  }

  override keyRange(segment: number, keyBytes: Buffer, fromEndMs: number, toEndMs: number): KeyRange {
    return keySessionsRange(this.#prefix, segment, keyBytes, fromEndMs, toEndMs)
  }

  override segmentRange(segment: number, from: Buffer | undefined, to: Buffer | undefined): KeyRange | undefined {
    return segmentSessionsRange(this.#prefix, segment, from, to)
  }

  override parseKey(rowKey: Buffer): WindowKey {
    return windowKeyOf(parseSessionRowKey(rowKey))
  }

  override parseChangelogKey(changelogKey: Buffer): WindowKey {
    return windowKeyOf(parseSessionChangelogKey(changelogKey))
  }

  protected override indexedKey(keyBytes: Buffer, startMs: number): Buffer {
    return startAndKey(startMs, keyBytes)
  }
}

function windowKeyOf({ key, startMs, endMs }: SessionKey): WindowKey {
  return { key, windowStartMs: endMs, sequence: startMs }
}

export function findSession<K, V>(
  windows: KeyWindows<K, V> | undefined,
  startMs: number,
  endMs: number,
): WindowRow<K, V> | undefined {
  if (windows === undefined) return undefined
  const { rows } = windows
  for (let i = windows.firstFrom(endMs); i < rows.length; i++) {
    const row = rows[i] as WindowRow<K, V>
    if (row.windowStartMs !== endMs) return undefined
    if (row.sequence === startMs) return row
  }
  return undefined
}

/** `undefined` for a session that is deleted. */
export function sessionEntry<K, V>(key: K, row: WindowRow<K, V>): SessionEntry<K, V> | undefined {
  const { windowStartMs, sequence, value, timestampMs } = row
  return value === null ? undefined : { key, startMs: sequence, endMs: windowStartMs, value, timestampMs }
}
