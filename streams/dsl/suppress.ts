import type { Serde } from '../../common/serde.ts'
import { changeBuffer } from '../../stores/buffers/change-buffer-builder.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { TopologyError } from '../errors.ts'
import { Suppress, suppressedView } from '../processors/tables/suppress.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import type { Named } from './options.ts'
import { requireSerde } from './plan/context.ts'
import type { TableNode } from './plan/nodes.ts'
import type { PlanNode } from './plan/plan.ts'
import { type Suppressed, suppressSettings } from './suppressed.ts'

export interface SuppressOptions<K, V> extends Named, DroppedOptions<K, V> {
  /** Where they are not known from upstream. */
  readonly key?: Serde<K>
  readonly value?: Serde<V>
}

/** A table whose updates wait in a buffer. @see KTableImpl.suppress */
export function suppressTable<K, V>(
  table: TableNode<K, V>,
  suppressed: Suppressed<K>,
  options: SuppressOptions<K, V>,
): TableNode<K, V> {
  const { context } = table
  if (table.versioned === true)
    throw new TopologyError(`${table.node.name} is a versioned table: suppress() is for tables without a history`)
  const name = options.name ?? context.names.node('KTABLE-SUPPRESS-')
  const settings = suppressSettings(suppressed, () => graceAbove(table.node))
  const store = options.name === undefined ? context.names.store('KTABLE-SUPPRESS-') : `${options.name}-store`
  const { changelogConfigs, maxBytes } = suppressed.buffer
  const what = `the buffer ${store} of ${name}`
  const serdes = {
    key: requireSerde(options.key ?? table.serdes.key, 'key', what),
    value: requireSerde(options.value ?? table.serdes.value, 'value', what),
  }
  const builder = changeBuffer(store, {
    ...serdes,
    logging: changelogConfigs !== undefined,
    changelogConfigs: changelogConfigs ?? {},
    countBytes: maxBytes !== Number.POSITIVE_INFINITY,
  })
  // What was there before the first update that waits is what others know until the last one is sent.
  table.enableOldValues(true)
  const node = context.processor(name, [table.node], () => new Suppress<K, V>(store, settings), {
    stores: () => [builder as StoreBuilder],
    retains: true,
  })
  const { sources } = table
  handDropped({ context, serdes, sources, repartitionRequired: false }, [node], options)
  return {
    context,
    node,
    serdes,
    sources,
    store: undefined,
    view: () => suppressedView(store, table.view()),
    enableOldValues: (force) => table.enableOldValues(force),
  }
}

/**
 * How long after its end a window of this table can still change: the longest of the windowed aggregations above.
 * @see GraphGraceSearchUtil
 * @throws {TopologyError} when some way up meets no windowed aggregation.
 */
export function graceAbove(node: PlanNode, below: readonly string[] = []): number {
  if (node.kind === 'processor' && node.graceMs !== undefined) return node.graceMs
  const way = [node.name, ...below]
  const parents = 'parents' in node ? node.parents : []
  if (parents.length === 0)
    throw new TopologyError(
      `untilWindowCloses needs a windowed aggregation above, which says when a window closes; this is ${way.join(' → ')}`,
    )
  return Math.max(...parents.map((parent) => graceAbove(parent, way)))
}
