import type { Subtopology } from '../../subtopologies.ts'
import { parentsOf } from '../../topology-nodes.ts'
import { type NodeHost, ProcessorTaskNode, SinkTaskNode, type TaskNode } from './task-nodes.ts'

/** The nodes of a sub-topology in one task. */
export interface TaskGraph {
  /** What each source hands its records to. */
  readonly sources: ReadonlyMap<string, readonly TaskNode[]>
  /** What takes the records that a source drops. */
  readonly takersOfSource: ReadonlyMap<string, readonly TaskNode[]>
  /** Parents first. */
  readonly processors: readonly ProcessorTaskNode[]
}

export function buildNodes(subtopology: Subtopology, host: NodeHost): TaskGraph {
  const children = new Map<string, TaskNode[]>(subtopology.nodes.map((n) => [n.name, []]))
  const processors: ProcessorTaskNode[] = []
  const sinks: SinkTaskNode[] = []
  for (const node of subtopology.nodes) {
    if (node.kind === 'source') continue
    const taskNode = node.kind === 'sink' ? new SinkTaskNode(node, host) : new ProcessorTaskNode(node, host)
    if (taskNode instanceof ProcessorTaskNode) processors.push(taskNode)
    else sinks.push(taskNode)
    for (const parent of parentsOf(node)) children.get(parent)?.push(taskNode)
  }
  for (const node of [...processors, ...sinks]) node.setChildren(children.get(node.name) ?? [])
  const sources = new Map<string, readonly TaskNode[]>()
  const takersOfSource = new Map<string, readonly TaskNode[]>()
  for (const { kind, name } of subtopology.nodes) {
    if (kind !== 'source') continue
    const all = children.get(name) ?? []
    sources.set(
      name,
      all.filter((child) => !child.takesDropped),
    )
    const takers = all.filter((child) => child.takesDropped)
    if (takers.length > 0) takersOfSource.set(name, takers)
  }
  return { sources, takersOfSource, processors }
}
