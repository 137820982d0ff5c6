import type { TopologyProblem } from './errors.ts'
import { type Subtopology, sourcesOf, subtopologiesOf } from './subtopologies.ts'
import type { Topology } from './topology.ts'
import { parentsOf, type SinkNode, type TopologyNode } from './topology-nodes.ts'
import { TopologyProblems } from './topology-problems.ts'

/** @throws {TopologyError} with all that can be known before anything is asked of Kafka. */
export function validateTopology(topology: Topology): void {
  const problems = new TopologyProblems()
  if (topology.nodes.size === 0)
    problems.add({
      code: 'no-source',
      message: 'the topology has no source: nothing would ever happen. Add a stream, a table or a global store',
      nodes: [],
    })
  for (const found of [
    ...subtopologiesOf(topology).flatMap(unfed),
    ...unconnectedStores(topology),
    ...storesOfOtherTopics(topology),
    ...unequalPartitions(topology),
    ...endlessLoops(topology),
  ])
    problems.add(found)
  problems.throwIfAny()
}

function unfed(subtopology: Subtopology): readonly TopologyProblem[] {
  if (sourcesOf(subtopology).length > 0) return []
  const nodes = subtopology.nodes.map((n) => n.name)
  return [{ code: 'not-fed', message: `nothing feeds ${nodes.join(', ')}: give them a source`, nodes }]
}

function unconnectedStores(topology: Topology): readonly TopologyProblem[] {
  const connected = new Set([...topology.nodes.values()].flatMap((n) => (n.kind === 'processor' ? [...n.stores] : [])))
  return [...topology.stores.keys()]
    .filter((store) => !connected.has(store))
    .map((store) => ({
      code: 'unconnected-store',
      message: `store ${store} is connected to no processor: name it in the stores of the one that uses it, or leave it out`,
      nodes: [store],
    }))
}

/** A store that stands for a topic must be there, and with those who read the topic. */
function storesOfOtherTopics(topology: Topology): readonly TopologyProblem[] {
  return [...topology.sourceTopicsOfStores].flatMap(([store, topic]): readonly TopologyProblem[] => {
    const reader = [...topology.nodes.values()].find((n) => n.kind === 'source' && n.topics.includes(topic))
    const home = subtopologiesOf(topology).find((s) => s.stores.includes(store))
    if (reader !== undefined && home?.nodes.includes(reader)) return []
    const message = !topology.stores.has(store)
      ? `store ${store}, which is to be restored from ${topic}, is not in the topology: add it`
      : `store ${store} is to be restored from ${topic}, which its sub-topology does not read: add a source for it there`
    return [{ code: 'unknown-store', message, nodes: [store, topic] }]
  })
}

/** Of topics that must have the same number of partitions, those whose number the user has said. @see InternalTopologyBuilder.validateCopartition */
function unequalPartitions(topology: Topology): readonly TopologyProblem[] {
  return topology.copartitionedSources.flatMap((sources): readonly TopologyProblem[] => {
    const fixed = sources.flatMap((name) => {
      const node = topology.nodes.get(name)
      const topics = node?.kind === 'source' ? node.topics : []
      return topics.flatMap((topic) => {
        const partitions = topology.repartitionTopics.get(topic)?.partitions
        return partitions === undefined ? [] : [{ topic, partitions }]
      })
    })
    if (new Set(fixed.map((f) => f.partitions)).size < 2) return []
    const list = fixed.map((f) => `${f.topic} is to have ${f.partitions}`).join(', ')
    return [
      {
        code: 'not-copartitioned',
        message: `${sources.join(' and ')} are joined and must have the same number of partitions: ${list}. Say the same number for both`,
        nodes: [...sources, ...fixed.map((f) => f.topic)],
      },
    ]
  })
}

/** A sink that gives a source its own records back, each time as they are, never ends. With a step in between it may. */
function endlessLoops(topology: Topology): readonly TopologyProblem[] {
  return [...topology.nodes.values()].filter(isFixedSink).flatMap((sink) =>
    parentsOf(sink)
      .map((name) => topology.nodes.get(name) as TopologyNode)
      .flatMap((parent): readonly TopologyProblem[] =>
        parent.kind === 'source' && parent.topics.includes(sink.topic)
          ? [
              {
                code: 'endless-loop',
                message: `sink ${sink.name} writes every record of ${sink.topic} back to ${sink.topic}, where source ${parent.name} reads it again, without end: write to another topic, or put a step between them that ends it`,
                nodes: [parent.name, sink.name, sink.topic],
              },
            ]
          : [],
      ),
  )
}

function isFixedSink(node: TopologyNode): node is SinkNode & { readonly topic: string } {
  return node.kind === 'sink' && typeof node.topic === 'string'
}
