import type { Topology } from './topology.ts'
import { parentsOf, type SinkNode, type SourceNode, type TopologyNode } from './topology-nodes.ts'

/** Nodes that hang together by edges or shared stores: one task per partition of its sources runs them. */
export interface Subtopology {
  readonly id: number
  /** In the order in which they were added (parents before children). */
  readonly nodes: readonly TopologyNode[]
  readonly stores: readonly string[]
  /** Fed by a global store: it makes no tasks. */
  readonly global: boolean
}

/**
 * Groups the nodes. Numbers follow the order in which nodes were added, so that upstream sub-topologies come first; global
 * stores take numbers too.
 * @see InternalTopologyBuilder.makeNodeGroups
 */
export function subtopologiesOf(topology: Topology): readonly Subtopology[] {
  const root = groupRoots(topology)
  const groups = new Map<string, TopologyNode[]>()
  for (const node of topology.nodes.values()) {
    const key = root(node.name)
    const group = groups.get(key)
    if (group) group.push(node)
    else groups.set(key, [node])
  }
  const globalSources = new Set([...topology.globalStores.values()].map((g) => g.source.name))
  return [...groups.values()].map((nodes, id) => ({
    id,
    nodes,
    stores: [...new Set(nodes.flatMap((n) => (n.kind === 'processor' ? [...n.stores] : [])))],
    global: nodes.some((n) => globalSources.has(n.name)),
  }))
}

export function sourcesOf(subtopology: Subtopology): readonly SourceNode[] {
  return subtopology.nodes.filter((n): n is SourceNode => n.kind === 'source')
}

export function sinksOf(subtopology: Subtopology): readonly SinkNode[] {
  return subtopology.nodes.filter((n): n is SinkNode => n.kind === 'sink')
}

function groupRoots(topology: Topology): (name: string) => string {
  const parent = new Map<string, string>()
  const root = (name: string): string => {
    let at = name
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up
    return at
  }
  const unite = (a: string, b: string): void => {
    const rootA = root(a)
    const rootB = root(b)
    if (rootA !== rootB) parent.set(rootB, rootA)
  }
  const firstOfStore = new Map<string, string>()
  for (const node of topology.nodes.values()) {
    parent.set(node.name, node.name)
    for (const up of parentsOf(node)) unite(up, node.name)
    if (node.kind !== 'processor') continue
    for (const store of node.stores) {
      if (topology.globalStores.has(store) && topology.globalStores.get(store)?.processor.name !== node.name) continue
      const first = firstOfStore.get(store)
      if (first === undefined) firstOfStore.set(store, node.name)
      else unite(first, node.name)
    }
  }
  for (const group of topology.copartitionedSources)
    for (const source of group) if (group[0] !== undefined) unite(group[0], source)
  return root
}
