import type { Awaitable } from '../../common/awaitable.ts'
import type {
  KeyValueEntry,
  KeyValueStore,
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
  ScanOptions,
  SessionEntry,
  SessionStore,
  ValueAndTimestamp,
  VersionedEntry,
  VersionedKeyValueStore,
  WindowEntry,
  WindowStore,
} from '../../stores/state-store.ts'
import { guardedRead, guardedScan } from './guarded.ts'
import type { StorePart } from './query-host.ts'

/** Asks each partition's store of this instance in turn until one has an answer. */
async function first<S, R>(
  parts: readonly StorePart[],
  ask: (store: S) => Awaitable<R | undefined>,
): Promise<R | undefined> {
  for (const part of parts) {
    const answer = await guardedRead(part, () => ask(part.store as S))
    if (answer !== undefined) return answer
  }
  return undefined
}

/** As {@link first}, of lists: the first that is not empty. */
async function firstSome<S, R>(
  parts: readonly StorePart[],
  ask: (store: S) => Awaitable<readonly R[]>,
): Promise<readonly R[]> {
  for (const part of parts) {
    const answer = await guardedRead(part, () => ask(part.store as S))
    if (answer.length > 0) return answer
  }
  return []
}

/** Rows of all partitions, one partition after the other, up to the limit. */
async function* all<S, R>(
  parts: readonly StorePart[],
  scan: (store: S, limit: number | undefined) => AsyncIterable<R>,
  limit: number | undefined,
): AsyncGenerator<R> {
  let left = limit ?? Number.POSITIVE_INFINITY
  for (const part of parts) {
    if (left <= 0) return
    for await (const row of guardedScan(part, scan(part.store as S, limit === undefined ? undefined : left))) {
      yield row
      if (--left <= 0) return
    }
  }
}

function limited(options: ScanOptions | undefined, limit: number | undefined): ScanOptions {
  return limit === undefined ? { ...options } : { ...options, limit }
}

/** A key-value store over the partitions that this instance has. Ranges are in key order within a partition. */
export function localKeyValueStore<K, V>(parts: () => readonly StorePart[]): ReadOnlyKeyValueStore<K, V> {
  return {
    get: (key: K) => first<KeyValueStore<K, V>, V>(parts(), (s) => s.get(key)),
    getEntry: (key: K) => first<KeyValueStore<K, V>, ValueAndTimestamp<V>>(parts(), (s) => s.getEntry(key)),
    range: (from, to, options) =>
      all<KeyValueStore<K, V>, KeyValueEntry<K, V>>(
        parts(),
        (s, limit) => s.range(from, to, limited(options, limit)),
        options?.limit,
      ),
    prefix: (prefix, options) =>
      all<KeyValueStore<K, V>, KeyValueEntry<K, V>>(
        parts(),
        (s, limit) => s.prefix(prefix, limited(options, limit)),
        options?.limit,
      ),
    approximateEntries: async () => {
      let sum = 0
      for (const part of parts())
        sum += await guardedRead(part, () => (part.store as KeyValueStore<K, V>).approximateEntries())
      return sum
    },
  }
}

/** A window store over the partitions that this instance has. */
export function localWindowStore<K, V>(parts: () => readonly StorePart[]): ReadOnlyWindowStore<K, V> {
  return {
    get: (key, startMs) => first<WindowStore<K, V>, V>(parts(), (s) => s.get(key, startMs)),
    getEntry: (key, startMs) =>
      first<WindowStore<K, V>, ValueAndTimestamp<V>>(parts(), (s) => s.getEntry(key, startMs)),
    fetch: (key, fromMs, toMs, options) =>
      firstSome<WindowStore<K, V>, WindowEntry<K, V>>(parts(), (s) => s.fetch(key, fromMs, toMs, options)),
    fetchRange: (fromKey, toKey, fromMs, toMs, options) =>
      all<WindowStore<K, V>, WindowEntry<K, V>>(
        parts(),
        (s, limit) => s.fetchRange(fromKey, toKey, fromMs, toMs, limited(options, limit)),
        options?.limit,
      ),
  }
}

/** A session store over the partitions that this instance has. */
export function localSessionStore<K, V>(parts: () => readonly StorePart[]): ReadOnlySessionStore<K, V> {
  return {
    fetchSession: (key, startMs, endMs) =>
      first<SessionStore<K, V>, V>(parts(), (s) => s.fetchSession(key, startMs, endMs)),
    fetch: (key, options) => firstSome<SessionStore<K, V>, SessionEntry<K, V>>(parts(), (s) => s.fetch(key, options)),
    findSessions: (key, earliestEndMs, latestStartMs, options) =>
      firstSome<SessionStore<K, V>, SessionEntry<K, V>>(parts(), (s) =>
        s.findSessions(key, earliestEndMs, latestStartMs, options),
      ),
    fetchRange: (fromKey, toKey, earliestEndMs, latestStartMs, options) =>
      all<SessionStore<K, V>, SessionEntry<K, V>>(
        parts(),
        (s, limit) => s.fetchRange(fromKey, toKey, earliestEndMs, latestStartMs, limited(options, limit)),
        options?.limit,
      ),
  }
}

/** A versioned store over the partitions that this instance has. */
export function localVersionedStore<K, V>(parts: () => readonly StorePart[]): ReadOnlyVersionedKeyValueStore<K, V> {
  return {
    get: (key, asOfMs) => first<VersionedKeyValueStore<K, V>, V>(parts(), (s) => s.get(key, asOfMs)),
    getEntry: (key, asOfMs) =>
      first<VersionedKeyValueStore<K, V>, VersionedEntry<V>>(parts(), (s) => s.getEntry(key, asOfMs)),
    history: (key, fromMs, toMs, options) =>
      firstSome<VersionedKeyValueStore<K, V>, VersionedEntry<V>>(parts(), (s) => s.history(key, fromMs, toMs, options)),
    range: (from, to, options) =>
      all<VersionedKeyValueStore<K, V>, KeyValueEntry<K, V>>(
        parts(),
        (s, limit) => s.range(from, to, limited(options, limit)),
        options?.limit,
      ),
  }
}
