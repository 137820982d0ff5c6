import type { RepartitionPlan } from '../plan.ts'
import { findUpward, type GraphNode, leadsThrough, type PlanGraph } from './plan-graph.ts'

/**
 * `merge.repartition.topics`: the topics that operators below a change of the key need become one, right below that change (or below
 * the merge of streams after it), under the name of the first of them. A topic stays where it is when the values change on the way, when
 * the user asked for it with `repartition`, or when some records come to it another way.
 * @see InternalStreamsBuilder.mergeRepartitionTopics
 */
export function mergeRepartitionTopics(graph: PlanGraph): void {
  for (const [top, topics] of topicsBelow(graph)) {
    const moved = topics.filter((topic) => leadsThrough(topic, top))
    const first = moved[0]
    if (first === undefined) continue
    const merged = graph.insertBelow(top, mergedTopic(first.entry as RepartitionPlan))
    for (const topic of moved) {
      for (const child of [...top.children])
        if (child !== merged && isAtOrBelow(topic, child)) graph.move(child, top, merged)
      graph.bypass(topic, merged)
      graph.renameSource(topic.entry.name, merged.entry.name)
    }
  }
}

/** The nodes are named after the topic, even where the ones that they replace had numbers. */
function mergedTopic(first: RepartitionPlan): RepartitionPlan {
  const { topic } = first
  return { ...first, name: `${topic}-source`, filterName: `${topic}-filter`, sinkName: `${topic}-sink` }
}

/** Changes of the key, or merges after them, with the topics that could be moved up to them. */
function topicsBelow(graph: PlanGraph): ReadonlyMap<GraphNode, readonly GraphNode[]> {
  const groups = new Map<GraphNode, GraphNode[]>()
  for (const node of graph.nodes) {
    if (changesOf(node) === 'key') groups.set(node, [])
    else if (node.entry.kind === 'repartition' && node.entry.optimizable) changeAbove(node, groups)?.push(node)
  }
  const merges = graph.nodes.filter(({ entry }) => entry.kind === 'processor' && entry.merges)
  // The last merge first: what an earlier one brings together flows into it.
  for (const merge of merges.reverse()) {
    const above = [...groups].filter(
      ([top, topics]) =>
        changesOf(top) === 'key' && isAtOrBelow(merge, top) && topics.every((topic) => isAtOrBelow(topic, merge)),
    )
    if (above.length === 0) continue
    for (const [top] of above) groups.delete(top)
    groups.set(
      merge,
      above.flatMap(([, topics]) => topics),
    )
  }
  return groups
}

/** The change of the key above a topic, unless the values change in between. @see InternalStreamsBuilder.getKeyChangingParentNode */
function changeAbove(topic: GraphNode, groups: ReadonlyMap<GraphNode, GraphNode[]>): GraphNode[] | undefined {
  const nearest = findUpward(topic, (node) => changesOf(node) !== undefined)
  return nearest === undefined ? undefined : groups.get(nearest)
}

function changesOf({ entry }: GraphNode): 'key' | 'value' | undefined {
  return entry.kind === 'processor' ? entry.changes : undefined
}

function isAtOrBelow(node: GraphNode, above: GraphNode): boolean {
  return findUpward(node, (n) => n === above) !== undefined
}
