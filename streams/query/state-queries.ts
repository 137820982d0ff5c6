import type {
  KeyValueEntry,
  SessionEntry,
  ValueAndTimestamp,
  VersionedEntry,
  WindowEntry,
} from '../../stores/state-store.ts'

declare const RESULT: unique symbol

/** A question to a store, with the type of its answer. Made by the factories below. */
export interface Query<R> {
  readonly type: QueryType
  readonly [RESULT]?: R
}

export type QueryType =
  | 'key'
  | 'timestamped-key'
  | 'range'
  | 'prefix'
  | 'window-key'
  | 'window-range'
  | 'session-key'
  | 'session-range'
  | 'versioned-key'
  | 'multi-versioned-key'

/** `ANY`: whatever order the store has (ascending here). @see org.apache.kafka.streams.query.ResultOrder */
export type ResultOrder = 'ANY' | 'ASCENDING' | 'DESCENDING'

export interface OrderOptions {
  readonly order?: ResultOrder
  readonly limit?: number
}

export interface ScanQueryOptions extends OrderOptions {
  /** Leaves out what is not committed yet. @see KeyQuery#skipCache */
  readonly committedOnly?: boolean
}

/** Bounds of keys, both inclusive; an absent one is open. */
export interface KeyBounds<K> {
  readonly from?: K
  readonly to?: K
}

/** Bounds of times in ms since the epoch, both inclusive; an absent one is open. */
export interface TimeBounds {
  readonly fromMs?: number
  readonly toMs?: number
}

export interface KeyedQuery<R> extends Query<R> {
  readonly key: unknown
}
export interface RangeStateQuery<R> extends Query<R> {
  readonly keys: KeyBounds<unknown>
  readonly options: ScanQueryOptions
}
export interface PrefixStateQuery<R> extends Query<R> {
  readonly keyPrefix: Buffer
  readonly options: ScanQueryOptions
}
export interface TimedKeyQuery<R> extends KeyedQuery<R> {
  readonly times: TimeBounds
  readonly options: ScanQueryOptions
}
export interface TimedRangeQuery<R> extends RangeStateQuery<R> {
  readonly times: TimeBounds
}
export interface AsOfQuery<R> extends KeyedQuery<R> {
  readonly asOfMs: number | undefined
}

/** The value of a key, of key-value and versioned (the newest) stores. @see org.apache.kafka.streams.query.KeyQuery */
export const KeyQuery = {
  withKey: <K, V>(key: K): Query<V | undefined> => keyed<V | undefined>('key', key),
}

/** The same with its time. @see org.apache.kafka.streams.query.TimestampedKeyQuery */
export const TimestampedKeyQuery = {
  withKey: <K, V>(key: K): Query<ValueAndTimestamp<V> | undefined> =>
    keyed<ValueAndTimestamp<V> | undefined>('timestamped-key', key),
}

/** Rows in the order of key bytes, of key-value and versioned (newest versions) stores. @see RangeQuery, TimestampedRangeQuery */
export const RangeQuery = {
  withRange: <K, V>(from: K | undefined, to: K | undefined, options: ScanQueryOptions = {}): Query<Rows<K, V>> =>
    query<RangeStateQuery<Rows<K, V>>>({ type: 'range', keys: bounds(from, to), options }),
  withNoBounds: <K, V>(options: ScanQueryOptions = {}): Query<Rows<K, V>> =>
    query<RangeStateQuery<Rows<K, V>>>({ type: 'range', keys: {}, options }),
}

/** Rows of a key-value store whose key bytes begin so. Kafka Streams has `prefixScan` on the store only. */
export const PrefixQuery = {
  withPrefix: <K, V>(keyPrefix: Buffer, options: ScanQueryOptions = {}): Query<Rows<K, V>> =>
    query<PrefixStateQuery<Rows<K, V>>>({ type: 'prefix', keyPrefix, options }),
}

/** Windows of a key by their starts. @see org.apache.kafka.streams.query.WindowKeyQuery */
export const WindowKeyQuery = {
  withKeyAndWindowStartRange: <K, V>(
    key: K,
    times: TimeBounds = {},
    options: ScanQueryOptions = {},
  ): Query<readonly WindowEntry<K, V>[]> =>
    query<TimedKeyQuery<readonly WindowEntry<K, V>[]>>({ type: 'window-key', key, times, options }),
}

/**
 * Windows of all keys by their starts, and sessions of one key. @see org.apache.kafka.streams.query.WindowRangeQuery
 */
export const WindowRangeQuery = {
  withWindowStartRange: <K, V>(
    times: TimeBounds = {},
    options: ScanQueryOptions & KeyBounds<K> = {},
  ): Query<AsyncIterable<WindowEntry<K, V>>> =>
    query<TimedRangeQuery<AsyncIterable<WindowEntry<K, V>>>>({
      type: 'window-range',
      keys: bounds(options.from, options.to),
      times,
      options,
    }),
  /** Sessions of the key that overlap the times (by default all of them). */
  withKey: <K, V>(
    key: K,
    times: TimeBounds = {},
    options: ScanQueryOptions = {},
  ): Query<readonly SessionEntry<K, V>[]> =>
    query<TimedKeyQuery<readonly SessionEntry<K, V>[]>>({ type: 'session-key', key, times, options }),
}

/** Sessions of all keys that overlap the times. Brook's own. */
export const SessionRangeQuery = {
  overlapping: <K, V>(
    times: TimeBounds = {},
    options: ScanQueryOptions & KeyBounds<K> = {},
  ): Query<AsyncIterable<SessionEntry<K, V>>> =>
    query<TimedRangeQuery<AsyncIterable<SessionEntry<K, V>>>>({
      type: 'session-range',
      keys: bounds(options.from, options.to),
      times,
      options,
    }),
}

/** The version of a key that was valid at a time; without one, the newest. @see org.apache.kafka.streams.query.VersionedKeyQuery */
export const VersionedKeyQuery = {
  withKey: <K, V>(key: K, options: { readonly asOfMs?: number } = {}): Query<VersionedEntry<V> | undefined> =>
    query<AsOfQuery<VersionedEntry<V> | undefined>>({ type: 'versioned-key', key, asOfMs: options.asOfMs }),
}

/** Versions of a key that were valid at some time between. @see org.apache.kafka.streams.query.MultiVersionedKeyQuery */
export const MultiVersionedKeyQuery = {
  withKey: <K, V>(key: K, times: TimeBounds = {}, options: OrderOptions = {}): Query<readonly VersionedEntry<V>[]> =>
    query<TimedKeyQuery<readonly VersionedEntry<V>[]>>({ type: 'multi-versioned-key', key, times, options }),
}

type Rows<K, V> = AsyncIterable<KeyValueEntry<K, V>>

function keyed<R>(type: QueryType, key: unknown): Query<R> {
  return query<KeyedQuery<R>>({ type, key })
}

function query<Q extends Query<unknown>>(made: Q): Q {
  return made
}

function bounds<K>(from: K | undefined, to: K | undefined): KeyBounds<K> {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}
