import type { TableView } from '../../processors/tables/table-view.ts'
import type { BuilderContext } from './context.ts'
import type { PlanNode, RepartitionPlan, Serdes } from './plan.ts'

/** A stream inside the plan. */
export interface StreamNode<K, V> {
  readonly context: BuilderContext
  readonly node: PlanNode
  readonly serdes: Serdes<K, V>
  /** Sources of its sub-topology. */
  readonly sources: ReadonlySet<string>
  /** The key was changed: what needs records of one key in one place repartitions first. */
  readonly repartitionRequired: boolean
  /** The repartition topic that joins of this very stream share. */
  joinRepartition?: RepartitionPlan
}

/** A table inside the plan. */
export interface TableNode<K, V> {
  readonly context: BuilderContext
  readonly node: PlanNode
  readonly serdes: Serdes<K, V>
  /** Sources of its sub-topology: what co-partitioning is about. */
  readonly sources: ReadonlySet<string>
  /** How others read its rows; asking for it may materialise the table. */
  readonly view: () => TableView<K, V>
  /** Makes its updates carry old values; with `force` a source table is materialised for that. False when it cannot. */
  readonly enableOldValues: (force: boolean) => boolean
  /** The name under which its store can be queried; a store that the user has not named cannot. */
  readonly store: string | undefined
  /** Updates may be out of order and say so (`Change.isLatest`), and its view reads rows as of a time (absent: no). @see GraphNode.isOutputVersioned */
  readonly versioned?: boolean
}
