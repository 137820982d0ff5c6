import type { PlanGraph } from './plan-graph.ts'

/**
 * `single.store.self.join`: a stream that is joined with itself is kept in one window store, and one node joins it.
 * @see InternalStreamsBuilder.rewriteSingleStoreSelfJoin, KStreamKStreamSelfJoin
 */
export function singleStoreSelfJoins(graph: PlanGraph): void {
  for (const node of [...graph.nodes]) {
    const join = node.entry.kind === 'processor' ? node.entry.streamJoin : undefined
    if (join?.self === undefined) continue
    const [thisWindow, otherWindow] = join.windows.map((window) => graph.nodeOf(window))
    if (thisWindow === undefined || otherWindow === undefined) continue
    const parents = new Set([...thisWindow.parents, ...otherWindow.parents])
    if (parents.size !== 1) continue
    for (const removed of [...join.sides.map((side) => graph.nodeOf(side)), otherWindow]) graph.remove(removed, node)
    const { supplier, store } = join.self
    node.entry = {
      ...node.entry,
      kind: 'processor',
      parents: [],
      supplier,
      stores: () => [],
      connects: () => [store],
      retains: false,
    } as typeof node.entry
    thisWindow.children.add(node)
    node.parents.add(thisWindow)
  }
}
