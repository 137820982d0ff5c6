import type { Subtopology } from '../../subtopologies.ts'
import { parentsOf } from '../../topology-nodes.ts'

/** Per input topic of a task, the offset after the last record that something has taken in. */
export type Reached = ReadonlyMap<string, number>

/**
 * How far the stores of a task have got. A store has what is processed, except below an operator that holds results back until the
 * commit, or beside asynchronous work: there it is sure to have what is committed.
 */
export class TaskPosition {
  readonly #subtopology: Subtopology
  readonly #holding = new Set<string>()
  readonly #isHeldBack = new Map<string, boolean>()

  constructor(subtopology: Subtopology) {
    this.#subtopology = subtopology
  }

  /** This node may keep results until the commit. */
  holdsBack(node: string): void {
    this.#holding.add(node)
    this.#isHeldBack.clear()
  }

  /** Whether something above a node that works with the store holds results back. */
  isHeldBack(store: string): boolean {
    let isHeldBack = this.#isHeldBack.get(store)
    if (isHeldBack === undefined) {
      const above = this.#above(store)
      isHeldBack = [...this.#holding].some((node) => above.has(node))
      this.#isHeldBack.set(store, isHeldBack)
    }
    return isHeldBack
  }

  #above(store: string): ReadonlySet<string> {
    const above = new Set<string>()
    for (const node of [...this.#subtopology.nodes].reverse()) {
      const isOfStore = node.kind === 'processor' && node.stores.has(store)
      if (isOfStore || above.has(node.name)) for (const parent of parentsOf(node)) above.add(parent)
    }
    return above
  }
}
