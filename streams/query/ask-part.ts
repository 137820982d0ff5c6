import { chain } from '../../common/awaitable.ts'
import type {
  KeyValueStore,
  ScanOptions,
  SessionStore,
  StoreType,
  VersionedKeyValueStore,
  WindowStore,
} from '../../stores/state-store.ts'
import { guardedScan } from './guarded.ts'
import type { StorePart } from './query-host.ts'
import type {
  AsOfQuery,
  KeyedQuery,
  PrefixStateQuery,
  Query,
  QueryType,
  RangeStateQuery,
  ScanQueryOptions,
  TimeBounds,
  TimedKeyQuery,
  TimedRangeQuery,
} from './state-queries.ts'

/** Which stores answer which question. @see StoreQueryUtils */
const ANSWERED_BY: { readonly [T in QueryType]: readonly StoreType[] } = {
  key: ['key-value', 'versioned'],
  'timestamped-key': ['key-value', 'versioned'],
  range: ['key-value', 'versioned'],
  prefix: ['key-value'],
  'window-key': ['window'],
  'window-range': ['window'],
  'session-key': ['session'],
  'session-range': ['session'],
  'versioned-key': ['versioned'],
  'multi-versioned-key': ['versioned'],
}

export function canAnswer(type: StoreType, query: Query<unknown>): boolean {
  return ANSWERED_BY[query.type].includes(type)
}

type KeyValue = KeyValueStore<unknown, unknown>
type Versioned = VersionedKeyValueStore<unknown, unknown>

/** Whether the question asks for committed rows alone. */
export function isCommittedOnly(query: Query<unknown>): boolean {
  return 'options' in query && (query.options as ScanQueryOptions).committedOnly === true
}

/** Asks a part a question that it can answer. Scans come back before their first row is read. */
export function ask(part: StorePart, query: Query<unknown>): unknown {
  switch (query.type) {
    case 'key':
      return (part.store as KeyValue | Versioned).get((query as KeyedQuery<unknown>).key)
    case 'timestamped-key':
      return timestamped(part, (query as KeyedQuery<unknown>).key)
    case 'range': {
      const { keys, options } = query as RangeStateQuery<unknown>
      return guardedScan(part, (part.store as KeyValue | Versioned).range(keys.from, keys.to, scanOptions(options)))
    }
    case 'prefix': {
      const { keyPrefix, options } = query as PrefixStateQuery<unknown>
      return guardedScan(part, (part.store as KeyValue).prefix(keyPrefix, scanOptions(options)))
    }
    case 'window-key': {
      const { key, times, options } = query as TimedKeyQuery<unknown>
      return (part.store as WindowStore<unknown, unknown>).fetch(key, ...timesOf(times), scanOptions(options))
    }
    case 'window-range': {
      const { keys, times, options } = query as TimedRangeQuery<unknown>
      const store = part.store as WindowStore<unknown, unknown>
      return guardedScan(part, store.fetchRange(keys.from, keys.to, ...timesOf(times), scanOptions(options)))
    }
    case 'session-key': {
      const { key, times, options } = query as TimedKeyQuery<unknown>
      return (part.store as SessionStore<unknown, unknown>).findSessions(key, ...timesOf(times), scanOptions(options))
    }
    case 'session-range': {
      const { keys, times, options } = query as TimedRangeQuery<unknown>
      const store = part.store as SessionStore<unknown, unknown>
      return guardedScan(part, store.fetchRange(keys.from, keys.to, ...timesOf(times), scanOptions(options)))
    }
    case 'versioned-key': {
      const { key, asOfMs } = query as AsOfQuery<unknown>
      return (part.store as Versioned).getEntry(key, asOfMs)
    }
    case 'multi-versioned-key': {
      const { key, times, options } = query as TimedKeyQuery<unknown>
      return (part.store as Versioned).history(key, ...timesOf(times), scanOptions(options))
    }
  }
}

/** Copied: entries live in the cache and change. */
function timestamped({ store }: StorePart, key: unknown): unknown {
  return chain((store as KeyValue | Versioned).getEntry(key), (entry) =>
    entry === undefined ? undefined : { value: entry.value, timestampMs: entry.timestampMs },
  )
}

function timesOf({ fromMs, toMs }: TimeBounds): [fromMs: number, toMs: number] {
  return [fromMs ?? 0, toMs ?? Number.MAX_SAFE_INTEGER]
}

function scanOptions({ order, limit, committedOnly }: ScanQueryOptions): ScanOptions {
  return {
    reverse: order === 'DESCENDING',
    ...(limit === undefined ? {} : { limit }),
    ...(committedOnly === undefined ? {} : { committedOnly }),
  }
}
