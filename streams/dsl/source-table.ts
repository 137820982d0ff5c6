import { TableSource } from '../processors/table-source.ts'
import { keyValueView } from '../processors/table-view.ts'
import type { BuilderContext } from './context.ts'
import { storedTable } from './materialize.ts'
import type { TableNode } from './nodes.ts'
import type { Materialized } from './options.ts'
import type { PlanNode, Serdes } from './plan.ts'

/** A table of the records of a node. Its store is there when the user named it, or somebody reads its rows or old values. @see KTableSource */
export function sourceTable<K, V>(
  context: BuilderContext,
  table: {
    readonly name: string
    readonly store: string
    readonly parent: PlanNode
    readonly serdes: Serdes<K, V>
    readonly sources: ReadonlySet<string>
    readonly options: Omit<Materialized<K, V>, 'key' | 'value' | 'name'>
  },
): TableNode<K, V> {
  const { name, store, parent, serdes, sources, options } = table
  const stored = storedTable(name, store, serdes, options, options.store !== undefined)
  const node = context.processor(
    name,
    [parent],
    () => {
      const result = stored.result()
      return new TableSource<K, V>(result.store, result.settings, result.keyIdOf)
    },
    { stores: stored.builders, retains: true },
  )
  return {
    context,
    node,
    serdes,
    sources,
    store: options.store,
    view: () => {
      stored.keep()
      return keyValueView(store)
    },
    enableOldValues: (force) => {
      if (!force && !stored.isKept()) return false
      stored.keep()
      stored.settings.sendOldValues = true
      return true
    },
  }
}
