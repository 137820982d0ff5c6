import type { Awaitable } from '../../common/awaitable.ts'
import type {
  KeyValueEntry,
  KeyValueStore,
  ReadOnlyKeyValueStore,
  ReadOnlyWindowStore,
  ScanOptions,
  StateStore,
  ValueAndTimestamp,
  WindowEntry,
  WindowStore,
} from '../../stores/state-store.ts'

/** Asks each partition's store of this instance in turn until one has an answer. */
async function first<S, R>(stores: readonly S[], ask: (store: S) => Awaitable<R | undefined>): Promise<R | undefined> {
  for (const store of stores) {
    const answer = await ask(store)
    if (answer !== undefined) return answer
  }
  return undefined
}

/** Rows of all partitions, one partition after the other, up to the limit. */
async function* all<S, R>(
  stores: readonly S[],
  scan: (store: S, limit: number | undefined) => AsyncIterable<R>,
  limit: number | undefined,
): AsyncGenerator<R> {
  let left = limit ?? Number.POSITIVE_INFINITY
  for (const store of stores) {
    if (left <= 0) return
    for await (const row of scan(store, limit === undefined ? undefined : left)) {
      yield row
      if (--left <= 0) return
    }
  }
}

function limited(options: ScanOptions | undefined, limit: number | undefined): ScanOptions {
  return limit === undefined ? { ...options } : { ...options, limit }
}

/** A key-value store over the partitions that this instance has. Ranges are in key order within a partition. */
export function localKeyValueStore<K, V>(stores: () => readonly StateStore[]): ReadOnlyKeyValueStore<K, V> {
  const parts = () => stores() as readonly KeyValueStore<K, V>[]
  return {
    get: (key: K) => first(parts(), (s) => s.get(key)),
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
      for (const store of parts()) sum += await store.approximateEntries()
      return sum
    },
  }
}

/** A window store over the partitions that this instance has. */
export function localWindowStore<K, V>(stores: () => readonly StateStore[]): ReadOnlyWindowStore<K, V> {
  const parts = () => stores() as readonly WindowStore<K, V>[]
  return {
    get: (key, startMs) => first(parts(), (s) => s.get(key, startMs)),
    getEntry: (key, startMs) =>
      first<WindowStore<K, V>, ValueAndTimestamp<V>>(parts(), (s) => s.getEntry(key, startMs)),
    fetch: async (key, fromMs, toMs, options) => {
      for (const store of parts()) {
        const windows = await store.fetch(key, fromMs, toMs, options)
        if (windows.length > 0) return windows
      }
      return []
    },
    fetchRange: (fromKey, toKey, fromMs, toMs, options) =>
      all<WindowStore<K, V>, WindowEntry<K, V>>(
        parts(),
        (s, limit) => s.fetchRange(fromKey, toKey, fromMs, toMs, limited(options, limit)),
        options?.limit,
      ),
  }
}
