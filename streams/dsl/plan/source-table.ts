import { TableSource } from '../../processors/tables/table-source.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import type { ExpiringMaterialized } from '../options.ts'
import type { BuilderContext } from './context.ts'
import { storedTable } from './materialize.ts'
import type { TableNode } from './nodes.ts'
import type { PlanNode, Serdes } from './plan.ts'
import { tableStoreView } from './table-store.ts'

/** A table of the records of a node. Its store is there when the user named it, or somebody reads its rows or old values. @see KTableSource */
export function sourceTable<K, V>(
  context: BuilderContext,
  table: {
    readonly name: string
    readonly store: string
    readonly parent: PlanNode
    readonly serdes: Serdes<K, V>
    readonly sources: ReadonlySet<string>
    readonly options: Omit<ExpiringMaterialized<K, V>, 'key' | 'value' | 'name'> & DroppedOptions<K, V>
    /** The topic that it is read from, where it is not made of a stream. */
    readonly topic?: string
  },
): TableNode<K, V> {
  const { name, store, parent, serdes, sources, options } = table
  const { ttl, lru } = options
  const isKept =
    options.store !== undefined || options.versioned !== undefined || ttl !== undefined || lru !== undefined
  const stored = storedTable(name, store, serdes, options, isKept)
  const node = context.processor(
    name,
    [parent],
    () => {
      const result = stored.result()
      return new TableSource<K, V>(result.store, result.settings, result.keyIdOf)
    },
    { stores: stored.builders, retains: true, tableOf: ttl === undefined ? table.topic : undefined },
  )
  handDropped({ context, serdes, sources, repartitionRequired: false }, [node], options)
  return {
    context,
    node,
    serdes,
    sources,
    store: options.store,
    versioned: options.versioned !== undefined,
    view: () => {
      stored.keep()
      return tableStoreView(store, options)
    },
    enableOldValues: (force) => {
      if (!force && !stored.isKept()) return false
      stored.keep()
      stored.settings.sendOldValues = true
      return true
    },
  }
}
