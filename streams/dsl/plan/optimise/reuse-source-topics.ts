import type { PlanGraph } from './plan-graph.ts'

/** `reuse.ktable.source.topics`: the stores of tables that are read from a topic have that topic as their changelog. @see TableSourceNode */
export function reuseSourceTopics(graph: PlanGraph): void {
  for (const node of graph.nodes)
    if (node.entry.kind === 'processor' && node.entry.tableOf !== undefined)
      node.entry = { ...node.entry, reusesTopic: true }
}
