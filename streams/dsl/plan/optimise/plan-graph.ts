import type { Plan, PlanEntry, PlanNode } from '../plan.ts'

/** A node of a plan whose place can be changed. */
export interface GraphNode {
  entry: PlanNode
  readonly parents: Set<GraphNode>
  readonly children: Set<GraphNode>
}

export interface OptimisedPlan {
  readonly plan: Plan
  /** From the nodes of the plan that it was made of. */
  readonly copies: ReadonlyMap<PlanNode, PlanNode>
}

/** A copy of a plan to be rewritten: nodes in the order in which they are written, parents first. */
export class PlanGraph {
  readonly nodes: GraphNode[] = []
  readonly #source: Plan
  readonly #byEntry = new Map<PlanNode, GraphNode>()
  /** Sources that were replaced, by name. */
  readonly #renamed = new Map<string, string>()

  constructor(plan: Plan) {
    this.#source = plan
    for (const entry of plan.entries) {
      if (entry.kind === 'copartition') continue
      const node: GraphNode = { entry, parents: new Set(), children: new Set() }
      for (const parent of 'parents' in entry ? entry.parents : []) link(this.nodeOf(parent), node)
      this.nodes.push(node)
      this.#byEntry.set(entry, node)
    }
  }

  nodeOf(entry: PlanNode): GraphNode {
    return this.#byEntry.get(entry) as GraphNode
  }

  has(node: GraphNode): boolean {
    return this.nodes.includes(node)
  }

  /** A new node right after its only parent. */
  insertBelow(parent: GraphNode, entry: PlanNode): GraphNode {
    const node: GraphNode = { entry, parents: new Set(), children: new Set() }
    link(parent, node)
    this.nodes.splice(this.nodes.indexOf(parent) + 1, 0, node)
    return node
  }

  move(node: GraphNode, from: GraphNode, to: GraphNode): void {
    unlink(from, node)
    link(to, node)
  }

  /** Takes a node out; its children become its parents', and what it drops is dropped by its heir. */
  bypass(node: GraphNode, heir: GraphNode): void {
    this.#inherit(node, heir)
    for (const child of [...node.children]) for (const parent of node.parents) link(parent, child)
    this.remove(node, heir)
  }

  /** Takes a node out, with its edges; what it drops is dropped by its heir. */
  remove(node: GraphNode, heir: GraphNode): void {
    this.#inherit(node, heir)
    for (const parent of [...node.parents]) unlink(parent, node)
    for (const child of [...node.children]) unlink(node, child)
    this.nodes.splice(this.nodes.indexOf(node), 1)
  }

  #inherit(node: GraphNode, heir: GraphNode): void {
    for (const child of [...node.children])
      if (child.entry.kind === 'processor' && child.entry.takesDropped) this.move(child, node, heir)
  }

  /** What was co-partitioned with one source is so with the other. */
  renameSource(from: string, to: string): void {
    this.#renamed.set(from, to)
  }

  toPlan(): OptimisedPlan {
    const copies = new Map<PlanNode, PlanNode>()
    const plan = this.#source.emptyCopy()
    const copyOf = new Map<GraphNode, PlanNode>()
    for (const node of this.nodes) {
      const parents = [...node.parents].map((parent) => copyOf.get(parent) as PlanNode)
      const copy = 'parents' in node.entry ? { ...node.entry, parents } : { ...node.entry }
      copyOf.set(node, plan.add(copy))
    }
    for (const [entry, node] of this.#byEntry) {
      const copy = copyOf.get(node)
      if (copy !== undefined) copies.set(entry, copy)
    }
    for (const entry of this.#source.entries) if (entry.kind === 'copartition') plan.add(this.#copartition(entry))
    return { plan, copies }
  }

  #copartition(entry: PlanEntry & { kind: 'copartition' }): PlanEntry {
    return { ...entry, sources: [...new Set(entry.sources.map((name) => this.#renamed.get(name) ?? name))] }
  }
}

/**
 * The node itself, or the first above it that passes the test, looked for along the first parent before the next.
 * @see InternalStreamsBuilder.findParentNodeMatching
 */
export function findUpward(start: GraphNode, test: (node: GraphNode) => boolean): GraphNode | undefined {
  if (test(start)) return start
  for (const parent of start.parents) {
    const found = findUpward(parent, test)
    if (found !== undefined) return found
  }
}

/** Whether every way from a source to the node leads through the one above. */
export function leadsThrough(node: GraphNode, above: GraphNode): boolean {
  if (node === above) return true
  return node.parents.size > 0 && [...node.parents].every((parent) => leadsThrough(parent, above))
}

function link(parent: GraphNode, child: GraphNode): void {
  parent.children.add(child)
  child.parents.add(parent)
}

function unlink(parent: GraphNode, child: GraphNode): void {
  parent.children.delete(child)
  child.parents.delete(parent)
}
