import type { Materialized } from './options.ts'
import type { BuilderContext } from './plan/context.ts'
import { isMaterialized } from './plan/materialize.ts'
import type { PlanNode, RepartitionPlan, Serdes } from './plan/plan.ts'

export interface GroupedStreamNode<K, V> {
  readonly context: BuilderContext
  readonly node: PlanNode
  readonly serdes: Serdes<K, V>
  readonly sources: ReadonlySet<string>
  readonly repartitionRequired: boolean
  /** The user's name for the repartition topic. */
  readonly name: string | undefined
}

/** A count whose options name no store takes a number that it does not use. @see KGroupedStreamImpl.count, TimeWindowedKStreamImpl.count */
export function burnForCount(context: BuilderContext, options: Materialized<never, never> | object): void {
  const { store } = options as { readonly store?: string }
  if (store === undefined && isMaterialized(options)) context.names.store('KSTREAM-AGGREGATE-')
}

/** @see GroupedStreamAggregateBuilder.build */
export function repartitionBefore<K, V>(
  grouped: GroupedStreamNode<K, V>,
  store: string,
  shared: { node: RepartitionPlan | undefined },
): { readonly parent: PlanNode; readonly sources: ReadonlySet<string> } {
  const { context, node, serdes, name } = grouped
  if (!grouped.repartitionRequired) return { parent: node, sources: grouped.sources }
  if (name !== undefined && shared.node !== undefined) {
    context.burnRepartition()
    return { parent: shared.node, sources: new Set([shared.node.name]) }
  }
  shared.node = context.repartition(node, name ?? store, serdes as Serdes)
  return { parent: shared.node, sources: new Set([shared.node.name]) }
}
