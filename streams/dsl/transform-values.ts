import { TopologyError } from '../errors.ts'
import { TableTransformValues, transformedView } from '../processors/tables/table-transform-values.ts'
import type { ValueTransformerFactory } from '../processors/value-transformer.ts'
import type { ProcessOptions, TableMaterialized } from './options.ts'
import { storedTable } from './plan/materialize.ts'
import type { TableNode } from './plan/nodes.ts'
import { tableStoreView } from './plan/table-store.ts'

export interface TransformValuesOptions<K, V> extends TableMaterialized<K, V>, Pick<ProcessOptions, 'stores'> {}

/** Keeps its result only in a store that is named; no number is taken for one that is not. @see KTableImpl.doTransformValues */
export function transformTableValues<K, V, V2>(
  table: TableNode<K, V>,
  make: ValueTransformerFactory<K, V, V2>,
  options: TransformValuesOptions<K, V2>,
): TableNode<K, V2> {
  const { context, sources } = table
  const { store, stores = [] } = options
  const name = context.names.orElse(options.name, 'KTABLE-TRANSFORMVALUES-')
  if (store === undefined && options.versioned !== undefined)
    throw new TopologyError(`${name} cannot keep versions without a store: name it (store: …)`, { nodes: [name] })
  if (store === undefined && options.lru !== undefined)
    throw new TopologyError(`${name} cannot keep the rows used last without a store: name it (store: …)`, {
      nodes: [name],
    })
  const serdes = { key: options.key ?? table.serdes.key, value: options.value }
  const stored = storedTable(name, store, serdes, options, true)
  const node = context.processor(
    name,
    [table.node],
    () => new TableTransformValues<K, V, V2>(make(), stored.result()),
    { stores: stored.builders, connects: () => stores, retains: true },
  )
  return {
    context,
    node,
    serdes,
    sources,
    store,
    versioned: store === undefined ? (table.versioned ?? false) : options.versioned !== undefined,
    view: () =>
      store === undefined ? transformedView(table.view(), make, () => stores) : tableStoreView(store, options),
    enableOldValues: (force) => {
      if (store !== undefined || table.enableOldValues(force)) stored.settings.sendOldValues = true
      return stored.settings.sendOldValues
    },
  }
}
