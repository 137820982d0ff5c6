import type { Plan } from '../plan.ts'
import { mergeRepartitionTopics } from './merge-repartition-topics.ts'
import { type OptimisedPlan, PlanGraph } from './plan-graph.ts'
import { reuseSourceTopics } from './reuse-source-topics.ts'
import { singleStoreSelfJoins } from './single-store-self-join.ts'
import type { TopologyOptimization } from './topology-optimization.ts'

/** Another plan with the same results; the one that is given stays as it is. @see InternalStreamsBuilder.optimizeTopology */
export function optimise(plan: Plan, wanted: ReadonlySet<TopologyOptimization>): OptimisedPlan {
  const graph = new PlanGraph(plan)
  if (wanted.has('reuse.ktable.source.topics')) reuseSourceTopics(graph)
  if (wanted.has('merge.repartition.topics')) mergeRepartitionTopics(graph)
  if (wanted.has('single.store.self.join')) singleStoreSelfJoins(graph)
  return graph.toPlan()
}
