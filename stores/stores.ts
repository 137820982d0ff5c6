import { type Duration, durationMs } from '../common/duration.ts'
import { InvalidArgumentError } from '../common/errors.ts'
import type { Serde } from '../common/serde.ts'
import { CachedKeyValueStore } from './cached-key-value-store.ts'
import { CachedWindowStore } from './cached-window-store.ts'
import type { KeyValueStoreBuilder, StoreContext, WindowStoreBuilder } from './store-builder.ts'

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

export interface WindowStoreOptions<K, V> extends StoreOptions<K, V> {
  /** How long a window stays after its start, in stream time; at least the window size. */
  readonly retention: Duration
  readonly windowSize: Duration
  /** Keep every put of the same key and start (stream joins) instead of the last one. */
  readonly retainDuplicates?: boolean
}

/**
 * Plans of state stores.
 * @see org.apache.kafka.streams.state.Stores
 */
export const Stores = {
  /** @throws {InvalidArgumentError} when the name cannot be part of a topic name. */
  keyValueStore<K, V>(name: string, options: StoreOptions<K, V>): KeyValueStoreBuilder<K, V> {
    return {
      ...common(name, options),
      type: 'key-value',
      build: (context: StoreContext) => new CachedKeyValueStore(name, options.key, options.value, context),
    }
  },

  /** @throws {InvalidArgumentError} when the name cannot be part of a topic name, a size is negative, or retention is less than the window size. */
  windowStore<K, V>(name: string, options: WindowStoreOptions<K, V>): WindowStoreBuilder<K, V> {
    const sizes = {
      retentionMs: size(options.retention, `retention of store ${name}`),
      windowSizeMs: size(options.windowSize, `window size of store ${name}`),
      retainDuplicates: options.retainDuplicates ?? false,
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
