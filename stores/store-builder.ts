import type { Serde } from '../common/serde.ts'
import type {
  DueTime,
  KeyValueStore,
  SessionStore,
  StateStore,
  StoreType,
  VersionedKeyValueStore,
  WindowStore,
} from './state-store.ts'
import type { TaskDatabase } from './task-database.ts'

/** Told of a put that came too late for the store's retention. */
export type ExpiredPut = (store: string) => void

/** What a store is built with when its task starts. */
export interface StoreContext {
  /** The task's RocksDB, or its memory database for stores that are not persistent. */
  readonly database: TaskDatabase
  /** `<applicationId>-<store>-changelog`: handed to the serdes as their topic. */
  readonly changelogTopic: string
  /** Clean entries kept decoded (default 10,000 per store); dirty ones are always kept. */
  readonly cacheEntries?: number
  readonly onExpired?: ExpiredPut
}

/**
 * The plan of a store: made by the application, built once per task. Two builders are the same store when name, type,
 * persistence, serdes and sizes agree; a name used for two different plans is a topology error.
 */
export interface StoreBuilder<S extends StateStore = StateStore> {
  readonly name: string
  readonly type: StoreType
  readonly persistent: boolean
  /** Whether changes go to a changelog topic (default yes). */
  readonly logging: boolean
  /** Extra or overriding topic configs of the changelog. */
  readonly changelogConfigs: Readonly<Record<string, string>>
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** For window and session stores: `retention.ms` of the changelog follows from it. */
  readonly retentionMs?: number
  readonly windowSizeMs?: number
  readonly retainDuplicates?: boolean
  /** For stores that forget the least recently used. */
  readonly maxEntries?: number
  /** For versioned stores. */
  readonly historyRetentionMs?: number
  /** Rows come due by this time: they have a time to live, or are timers. */
  readonly dueTime?: DueTime
  build(context: StoreContext): S
}

export type KeyValueStoreBuilder<K, V> = StoreBuilder<KeyValueStore<K, V>>
export type WindowStoreBuilder<K, V> = StoreBuilder<WindowStore<K, V>>
export type SessionStoreBuilder<K, V> = StoreBuilder<SessionStore<K, V>>
export type VersionedKeyValueStoreBuilder<K, V> = StoreBuilder<VersionedKeyValueStore<K, V>>
