import type { Serde } from '../../../common/serde.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { AggregateOptions } from '../../processors/aggregates/stream-aggregate.ts'
import type { TableSettings } from '../../processors/tables/table-forwarder.ts'
import type { TableResult } from '../../processors/tables/table-operators.ts'
import type { Materialized, TableMaterialized } from '../options.ts'
import { type BuilderContext, copyThrough, identityOf, requireSerde } from './context.ts'
import type { PlanNode, Serdes } from './plan.ts'
import { isCached, tableStore } from './table-store.ts'

export { storeOptions } from './table-store.ts'

/** True for options that on the JVM would be a `Materialized`, not a `Named` alone. */
export function isMaterialized(options: object): boolean {
  return Object.keys(options).some((key) => key !== 'name' && key !== 'dropped')
}

/** What an aggregation is told when a task starts: who downstream wants old values, and which values must be copied. */
export function aggregateSettings<A>(
  context: BuilderContext,
  store: string,
  key: Serde<unknown>,
  value: Serde<A>,
  caching: boolean | undefined,
  versioned = false,
) {
  const settings: TableSettings<A> = {
    sendOldValues: false,
    caching: caching !== false && !versioned,
    copy: undefined,
  }
  const copy = copyThrough(value)
  return {
    copy,
    enableOldValues: (): boolean => {
      settings.sendOldValues = true
      return true
    },
    /** `sharesInput`: one input may become several aggregates. */
    options: (node: PlanNode, sharesInput = false): AggregateOptions<A> => {
      if (settings.sendOldValues || context.isRetained(node)) settings.copy = copy
      const copyInput = sharesInput || context.isShared(node) ? copy : undefined
      return { store, settings, keyIdOf: identityOf(key), copyInput, copyRow: versioned ? copy : undefined }
    },
  }
}

export interface StoredTable<V> {
  readonly settings: TableSettings<V>
  /** Whether somebody reads the rows; a store is made then only. */
  readonly isKept: () => boolean
  /** Somebody reads the rows: there has to be a store. */
  keep(): void
  readonly builders: () => readonly StoreBuilder[]
  readonly result: () => TableResult<V>
}

/**
 * The store of a table, and the settings that its processor reads at the start of a task. `kept`: it is there whether its
 * rows are read by others or not. Its rows are replaced, never changed in place, so nothing is copied.
 */
export function storedTable<K, V>(
  name: string,
  store: string | undefined,
  serdes: Serdes<K, V>,
  options: Omit<Materialized<K, V>, 'store'> | Omit<TableMaterialized<K, V>, 'store'>,
  kept: boolean,
): StoredTable<V> {
  const settings: TableSettings<V> = { sendOldValues: false, caching: isCached(options), copy: undefined }
  const state = { kept: kept && store !== undefined }
  let builder: StoreBuilder | undefined
  const build = (): StoreBuilder => {
    const what = `table ${name} (store ${store})`
    builder ??= tableStore(
      store as string,
      { key: requireSerde(serdes.key, 'key', what), value: requireSerde(serdes.value, 'value', what) },
      options,
    )
    return builder
  }
  if (state.kept) build()
  return {
    settings,
    isKept: () => state.kept,
    keep: () => {
      state.kept = true
      build()
    },
    builders: () => (state.kept ? [build()] : []),
    result: () => {
      const { key } = serdes
      const keyIdOf = key === undefined ? (k: unknown) => k : identityOf(key as Serde<unknown>)
      return { store: state.kept ? store : undefined, settings, keyIdOf }
    },
  }
}
