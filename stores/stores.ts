import { type Duration, durationMs } from '../common/duration.ts'
import { InvalidArgumentError } from '../common/errors.ts'
import { type Serde, serdes } from '../common/serde.ts'
import { CachedKeyValueStore } from './key-value/cached-key-value-store.ts'
import { DueKeyValueStore } from './key-value/due-key-value-store.ts'
import { type TimeToLive, timerRule, timeToLiveRule } from './key-value/due-rules.ts'
import { LruKeyValueStore } from './key-value/lru-key-value-store.ts'
import { CachedSessionStore } from './session/cached-session-store.ts'
import type { DueStore, DueTime } from './state-store.ts'
import type {
  KeyValueStoreBuilder,
  SessionStoreBuilder,
  StoreBuilder,
  StoreContext,
  VersionedKeyValueStoreBuilder,
  WindowStoreBuilder,
} from './store-builder.ts'
import { CachedVersionedStore } from './versioned/cached-versioned-store.ts'
import { defaultSegmentIntervalMs } from './versioned/versioned-clock.ts'
import { CachedWindowStore } from './window/cached-window-store.ts'

/** What every store is planned with. */
export interface StoreOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** In RocksDB, survives the process (default). If false: in memory, restored from the start of the changelog. */
  readonly persistent?: boolean
  /** Changes go to a changelog topic (default). Without it a lost local state stays lost. */
  readonly logging?: boolean
  /** Topic configs that override those the changelog gets anyway. */
  readonly changelogConfigs?: Readonly<Record<string, string>>
}

export interface KeyValueStoreOptions<K, V> extends StoreOptions<K, V> {
  /** Rows leave the store, and its changelog, so long after their last change (default: never). */
  readonly ttl?: TimeToLive | undefined
}

export interface LruMapOptions<K, V> extends Omit<StoreOptions<K, V>, 'persistent'> {
  /** Most rows that are kept; a whole number of at least 1. */
  readonly maxEntries: number
}

export interface TimerStoreOptions<K> extends Omit<StoreOptions<K, number>, 'value'> {
  /** What timers go by: stream time (default) or the wall clock. */
  readonly time?: DueTime
}

export interface WindowStoreOptions<K, V> extends StoreOptions<K, V> {
  /** How long a window stays after its start, in stream time; at least the window size. */
  readonly retention: Duration
  /** From the start of a window to its end. */
  readonly windowSize: Duration
  /** Keep every put of the same key and start (stream joins) instead of the last one. */
  readonly retainDuplicates?: boolean
  /** How long reads show a row after its start, in stream time (default: the retention); the changelog goes by the retention. */
  readonly shown?: Duration
  /** How much time rows of a key stand together for (default: half the retention, at least a minute): about as much as is read at once. */
  readonly segment?: Duration
  /** The store can be visited in the order of time and keeps rows until they are released ({@link ClosingWindowStore}); all windows start at multiples of `step`. */
  readonly timeOrdered?: { readonly step: Duration }
}

export interface SessionStoreOptions<K, V> extends StoreOptions<K, V> {
  /** How long a session stays after its end, in stream time. */
  readonly retention: Duration
  /** Sessions can be found by their end and stay until they are released ({@link ClosingSessionStore}). */
  readonly timeOrdered?: boolean
}

export interface VersionedKeyValueStoreOptions<K, V> extends StoreOptions<K, V> {
  /**
   * How long a version can be read after the next one has taken its place, in stream time. It doubles as grace: what is older than
   * stream time by more is not put any more.
   */
  readonly historyRetention: Duration
  /** How much time old versions of a key share a row (default: by the retention, as in Kafka Streams). Changes no result. */
  readonly segmentInterval?: Duration
}

/**
 * Plans of state stores.
 * @see org.apache.kafka.streams.state.Stores
 */
export const Stores = {
  /** @throws {InvalidArgumentError} when the name cannot be part of a topic name. */
  keyValueStore<K, V>(name: string, options: KeyValueStoreOptions<K, V>): KeyValueStoreBuilder<K, V> {
    if (options.ttl !== undefined) {
      const rule = timeToLiveRule(options.ttl, name)
      return {
        ...common(name, options),
        type: 'key-value',
        dueTime: rule.time,
        build: (context: StoreContext) => new DueKeyValueStore<K, V>(name, options.key, options.value, rule, context),
      }
    }
    return {
      ...common(name, options),
      type: 'key-value',
      build: (context: StoreContext) => new CachedKeyValueStore(name, options.key, options.value, context),
    }
  },

  /**
   * A store in memory, restored from the start of its changelog, that keeps at most `maxEntries` rows of a task: when one more is put, the
   * one that was got or put longest ago is deleted. The deletion goes to the changelog, with the time of that put, and nowhere else: what
   * was computed from the row stays. Scans do not count as use. @throws {InvalidArgumentError} as for others, and for a bound that is no
   * whole number of at least 1. @see Stores#lruMap
   */
  lruMap<K, V>(name: string, options: LruMapOptions<K, V>): KeyValueStoreBuilder<K, V> {
    const { key, value, maxEntries } = options
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1)
      throw new InvalidArgumentError(
        `maxEntries of store ${name} must be a whole number of at least 1, got ${maxEntries}`,
      )
    return {
      ...common(name, { ...options, persistent: false }),
      maxEntries,
      type: 'key-value',
      build: (context: StoreContext) => new LruKeyValueStore(name, key, value, maxEntries, context),
    }
  },

  /**
   * A store that keeps the versions of each key with the times they are valid from. Its changelog is compacted, but not before the
   * history and a day are over. @throws {InvalidArgumentError} as for others, and when the history is negative or the interval not positive.
   * @see Stores#persistentVersionedKeyValueStore (KIP-889)
   */
  versionedKeyValueStore<K, V>(
    name: string,
    options: VersionedKeyValueStoreOptions<K, V>,
  ): VersionedKeyValueStoreBuilder<K, V> {
    const historyRetentionMs = size(options.historyRetention, `history retention of store ${name}`)
    const segmentIntervalMs =
      options.segmentInterval === undefined
        ? defaultSegmentIntervalMs(historyRetentionMs)
        : size(options.segmentInterval, `segment interval of store ${name}`)
    if (segmentIntervalMs < 1) throw new InvalidArgumentError(`segment interval of store ${name} must be positive`)
    const sizes = { historyRetentionMs, segmentIntervalMs }
    return {
      ...common(name, options),
      historyRetentionMs,
      type: 'versioned',
      build: (context: StoreContext) => new CachedVersionedStore(name, options.key, options.value, sizes, context),
    }
  },

  /**
   * Timers of a processor (`context.timers`): a row per key, whose value is when it is due, in ms since the epoch.
   * @throws {InvalidArgumentError} when the name cannot be part of a topic name.
   */
  timerStore<K>(name: string, options: TimerStoreOptions<K>): StoreBuilder<DueStore<K, number>> {
    const rule = timerRule(options.time ?? 'stream-time')
    return {
      ...common(name, { ...options, value: serdes.long }),
      type: 'key-value',
      dueTime: rule.time,
      build: (context: StoreContext) => new DueKeyValueStore(name, options.key, serdes.long, rule, context),
    }
  },

  /** @throws {InvalidArgumentError} when the name cannot be part of a topic name, a size is negative, or retention is less than the window size. */
  windowStore<K, V>(name: string, options: WindowStoreOptions<K, V>): WindowStoreBuilder<K, V> {
    const retentionMs = size(options.retention, `retention of store ${name}`)
    const sizes = {
      retentionMs,
      windowSizeMs: size(options.windowSize, `window size of store ${name}`),
      retainDuplicates: options.retainDuplicates ?? false,
      segmentMs: options.segment === undefined ? undefined : size(options.segment, `segment of store ${name}`),
      stepMs: options.timeOrdered && size(options.timeOrdered.step, `step of store ${name}`),
      shownMs: options.shown === undefined ? retentionMs : size(options.shown, `shown time of store ${name}`),
    }
    if (sizes.retentionMs < sizes.windowSizeMs)
      throw new InvalidArgumentError(
        `retention of store ${name} (${sizes.retentionMs} ms) must not be less than its window size (${sizes.windowSizeMs} ms)`,
      )
    return {
      ...common(name, options),
      ...sizes,
      type: 'window',
      build: (context: StoreContext) => new CachedWindowStore(name, options.key, options.value, sizes, context),
    }
  },

  /** @throws {InvalidArgumentError} when the name cannot be part of a topic name, or retention is negative. */
  sessionStore<K, V>(name: string, options: SessionStoreOptions<K, V>): SessionStoreBuilder<K, V> {
    const { key, value, timeOrdered = false, persistent = true } = options
    const retentionMs = size(options.retention, `retention of store ${name}`)
    const endOrder = persistent ? 'start-then-key' : 'key-then-start'
    const plan = { retentionMs, endOrder: timeOrdered ? endOrder : undefined } as const
    return {
      ...common(name, options),
      retentionMs,
      type: 'session',
      build: (context: StoreContext) => new CachedSessionStore(name, key, value, plan, context),
    }
  },
}

function common<K, V>(name: string, options: StoreOptions<K, V>) {
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..')
    throw new InvalidArgumentError(
      `${JSON.stringify(name)} is no store name: 1 to 249 letters, digits, dots, underscores and hyphens`,
    )
  return {
    name,
    persistent: options.persistent ?? true,
    logging: options.logging ?? true,
    changelogConfigs: options.changelogConfigs ?? {},
    keySerde: options.key as Serde<unknown>,
    valueSerde: options.value as Serde<unknown>,
  }
}

function size(duration: Duration, what: string): number {
  const ms = durationMs(duration, what)
  if (ms < 0) throw new InvalidArgumentError(`${what} must not be negative, got ${ms} ms`)
  return ms
}
