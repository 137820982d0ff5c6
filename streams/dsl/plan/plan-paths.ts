import type { Plan, PlanNode } from './plan.ts'

/** Whether a value forwarded from this node may still be in somebody's hands after the call. */
export function isRetainedDownstream(plan: Plan, node: PlanNode): boolean {
  return isBelow(plan, node, (child) => (child.kind === 'processor' && child.retains ? 'yes' : stopAtTopics(child)))
}

/**
 * Whether what this node is given may be in the hands of another: something above it keeps what it forwards, or another branch
 * keeps what both are given.
 */
export function isSharedUpstream(plan: Plan, node: PlanNode): boolean {
  const seen = new Set<PlanNode>([node])
  const above: PlanNode[] = [node]
  for (let at = above.pop(); at !== undefined; at = above.pop()) {
    if (!('parents' in at) || (at.kind === 'repartition' && at !== node)) continue
    for (const parent of at.parents) {
      if (parent.kind === 'processor' && parent.retains) return true
      if (hasOtherKeeper(plan, parent, seen)) return true
      if (seen.has(parent)) continue
      seen.add(parent)
      above.push(parent)
    }
  }
  return false
}

/** Whether a join that has results for null keys comes after this node, over repartition topics too. @see NodesWithRelaxedNullKeyJoinDownstream */
export function leadsToNullKeyJoin(plan: Plan, node: PlanNode): boolean {
  return isBelow(plan, node, (child) => (child.kind === 'processor' && child.takesNullKeys ? 'yes' : 'further'))
}

type Answer = 'yes' | 'further' | 'stop'

/** A topic holds bytes: what comes out of it is nobody else's. */
function stopAtTopics(node: PlanNode): Answer {
  return node.kind === 'processor' ? 'further' : 'stop'
}

function isBelow(plan: Plan, top: PlanNode, ask: (node: PlanNode) => Answer): boolean {
  const seen = new Set<PlanNode>()
  const left = [top]
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    for (const child of plan.childrenOf(node)) {
      if (seen.has(child)) continue
      seen.add(child)
      const answer = ask(child)
      if (answer === 'yes') return true
      if (answer === 'further') left.push(child)
    }
  }
  return false
}

function hasOtherKeeper(plan: Plan, parent: PlanNode, own: ReadonlySet<PlanNode>): boolean {
  return plan
    .childrenOf(parent)
    .some(
      (child) => !own.has(child) && child.kind === 'processor' && (child.retains || isRetainedDownstream(plan, child)),
    )
}
