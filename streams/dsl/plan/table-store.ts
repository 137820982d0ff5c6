import { durationMs } from '../../../common/duration.ts'
import type { Serde } from '../../../common/serde.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { Stores } from '../../../stores/stores.ts'
import { TopologyError } from '../../errors.ts'
import type { CopyOf } from '../../processors/tables/table-forwarder.ts'
import { keyValueView, type TableView, versionedView } from '../../processors/tables/table-view.ts'
import type { ExpiringMaterialized, Materialized } from '../options.ts'

/** Options as operators hand them on, where a serde may be known to be missing. */
type TableStoreOptions = Parameters<typeof storeOptions>[0] & {
  readonly versioned?: Materialized<unknown, unknown>['versioned'] | undefined
  readonly ttl?: ExpiringMaterialized<unknown, unknown>['ttl'] | undefined
  readonly lru?: Materialized<unknown, unknown>['lru'] | undefined
}

/** The options of a store, without those that name it or say what is in it. */
export function storeOptions(options: {
  readonly persistent?: boolean | undefined
  readonly logging?: boolean | undefined
  readonly changelogConfigs?: Readonly<Record<string, string>> | undefined
}) {
  const { persistent = true, logging = true, changelogConfigs = {} } = options
  return { persistent, logging, changelogConfigs }
}

/** Whether the record cache holds updates of a table back: not those of stores that answer for one point in time, or forget. */
export function isCached({
  caching,
  versioned,
  lru,
}: TableStoreOptions & { readonly caching?: boolean | undefined }): boolean {
  return caching !== false && versioned === undefined && lru === undefined
}

/** The store of a table: with a history, or with a bound, where the options ask for one. @see KeyValueStoreMaterializer */
export function tableStore<K, V>(
  name: string,
  serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
  options: TableStoreOptions,
): StoreBuilder {
  const common = { ...serdes, ...storeOptions(options) }
  const { versioned, ttl, lru } = options
  if (lru !== undefined) {
    const other = [
      versioned !== undefined && 'versioned',
      ttl !== undefined && 'ttl',
      options.persistent === true && 'persistent: true',
    ].find((what) => what !== false)
    if (other !== undefined)
      throw new TopologyError(
        `store ${name} cannot have both lru and ${other}: it keeps the rows that were used last, in memory, and no others`,
      )
    return Stores.lruMap<K, V>(name, { ...common, ...lru }) as StoreBuilder
  }
  if (versioned !== undefined && ttl !== undefined)
    throw new TopologyError(`store ${name} cannot be versioned and have a time to live: versions have their history`)
  return (
    versioned === undefined
      ? Stores.keyValueStore<K, V>(name, { ...common, ttl })
      : Stores.versionedKeyValueStore<K, V>(name, { ...common, ...versioned })
  ) as StoreBuilder
}

/** How others read the rows of {@link tableStore}. `copy` is given for aggregates, whose rows are changed in place unless they are versions. */
export function tableStoreView<K, V>(name: string, options: TableStoreOptions, copy?: CopyOf<V>): TableView<K, V> {
  const { versioned } = options
  if (versioned === undefined) return keyValueView(name, copy)
  return versionedView(name, durationMs(versioned.historyRetention, `history retention of store ${name}`))
}
