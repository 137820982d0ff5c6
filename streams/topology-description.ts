import { type Subtopology, subtopologiesOf } from './subtopologies.ts'
import type { Topology } from './topology.ts'
import { parentsOf, type TopologyNode } from './topology-nodes.ts'

export interface NodeDescription {
  readonly kind: TopologyNode['kind']
  readonly name: string
  readonly predecessors: readonly string[]
  readonly successors: readonly string[]
  /** Of a source or sink; `undefined` for a sink that names its topic per record. */
  readonly topics?: readonly string[]
  readonly stores?: readonly string[]
}

export interface SubtopologyDescription {
  readonly id: number
  readonly global: boolean
  readonly nodes: readonly NodeDescription[]
}

/** A topology as data. `toString()` gives Kafka Streams' text, which tools such as kafka-streams-viz read. */
export class TopologyDescription {
  readonly subtopologies: readonly SubtopologyDescription[]

  constructor(subtopologies: readonly SubtopologyDescription[]) {
    this.subtopologies = subtopologies
  }

  toString(): string {
    return `Topologies:\n ${this.subtopologies.map((s) => `  ${subtopologyText(s)}`).join('')}`
  }
}

/** @see InternalTopologyBuilder.describe */
export function describeTopology(topology: Topology): TopologyDescription {
  return new TopologyDescription(subtopologiesOf(topology).map(describeSubtopology))
}

function describeSubtopology(subtopology: Subtopology): SubtopologyDescription {
  const { sizes, predecessors, successors } = linkNodes(subtopology.nodes)
  const bySize = compareBySize(sizes)
  const nodes = subtopology.nodes
    .map(
      (node): NodeDescription => ({
        kind: node.kind,
        name: node.name,
        predecessors: predecessors.get(node.name) ?? [],
        successors: successors.get(node.name) ?? [],
        ...(node.kind === 'source' ? { topics: hashOrder(node.topics) } : {}),
        ...(node.kind === 'sink' && typeof node.topic === 'string' ? { topics: [node.topic] } : {}),
        ...(node.kind === 'processor' ? { stores: hashOrder([...node.stores]) } : {}),
      }),
    )
    .sort((a, b) => bySize(a.name, b.name))
  return { id: subtopology.id, global: subtopology.global, nodes }
}

/**
 * Neighbours, largest subtree first, then by name. Kafka Streams sorts them while it still counts the subtrees, so its order
 * depends on the order in which it meets the nodes: that of a hash map. The text is the same only when this is done alike.
 * @see InternalTopologyBuilder.describeSubtopology
 */
function linkNodes(nodes: readonly TopologyNode[]) {
  const sizes = new Map(nodes.map((n) => [n.name, 1]))
  const predecessors = new Map<string, string[]>()
  const successors = new Map<string, string[]>()
  const bySize = compareBySize(sizes)
  const grow = (name: string, by: number): void => {
    sizes.set(name, (sizes.get(name) ?? 1) + by)
    for (const above of predecessors.get(name) ?? []) grow(above, by)
  }
  const parents = new Map(nodes.map((n) => [n.name, parentsOf(n)]))
  for (const name of hashOrder([...parents.keys()])) {
    for (const parent of parents.get(name) ?? []) {
      insertSorted(predecessors, name, parent, bySize)
      insertSorted(successors, parent, name, bySize)
      grow(parent, sizes.get(name) ?? 1)
    }
  }
  return { sizes, predecessors, successors }
}

function insertSorted(
  lists: Map<string, string[]>,
  of: string,
  name: string,
  compare: (a: string, b: string) => number,
): void {
  const list = lists.get(of) ?? []
  const at = list.findIndex((other) => compare(name, other) < 0)
  list.splice(at < 0 ? list.length : at, 0, name)
  lists.set(of, list)
}

function compareBySize(sizes: ReadonlyMap<string, number>): (a: string, b: string) => number {
  return (a, b) => (sizes.get(b) ?? 1) - (sizes.get(a) ?? 1) || (a < b ? -1 : a > b ? 1 : 0)
}

/** The order in which Java's HashSet and HashMap go through these strings. */
function hashOrder(texts: readonly string[]): readonly string[] {
  let capacity = 16
  while (texts.length > capacity * 0.75) capacity *= 2
  const bucket = (text: string): number => {
    let hash = 0
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
    return (hash ^ (hash >>> 16)) & (capacity - 1)
  }
  return texts
    .map((text) => ({ text, at: bucket(text) }))
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
}

function subtopologyText(subtopology: SubtopologyDescription): string {
  const title = `Sub-topology: ${subtopology.id}${subtopology.global ? ' for global store (will not generate tasks)' : ''}`
  const lines = subtopology.nodes.map((node) => `    ${nodeText(node)}\n`).join('')
  return `${title}\n${lines}${subtopology.global ? '' : '\n'}`
}

function nodeText(node: NodeDescription): string {
  const next = `      --> ${names(node.successors)}`
  const before = `      <-- ${names(node.predecessors)}`
  switch (node.kind) {
    case 'source':
      return `Source: ${node.name} (topics: [${(node.topics ?? []).join(', ')}])\n${next}`
    case 'processor':
      return `Processor: ${node.name} (stores: [${(node.stores ?? []).join(', ')}])\n${next}\n${before}`
    case 'sink':
      return `Sink: ${node.name} (${node.topics ? `topic: ${node.topics[0]}` : 'extractor class: TopicNameExtractor'})\n${before}`
  }
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ')
}
