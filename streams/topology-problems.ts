import { TopologyError, type TopologyProblem } from './errors.ts'

/** Collects what is wrong with a topology, so that it can be mended in one go. */
export class TopologyProblems {
  readonly #found: TopologyProblem[] = []
  /** Nodes that could not be added: that others miss them is no news. */
  readonly #missing = new Set<string>()

  /** Runs a step that adds these nodes, and keeps what it finds. */
  of(nodes: readonly string[], step: () => void): void {
    try {
      step()
    } catch (error) {
      if (!(error instanceof TopologyError)) throw error
      const news = error.problems.filter((problem) => !this.#follows(problem))
      this.#found.push(...news)
      const duplicates = new Set(error.problems.filter((p) => p.code === 'duplicate-node').flatMap((p) => p.nodes))
      for (const node of nodes) if (!duplicates.has(node)) this.#missing.add(node)
    }
  }

  add(problem: TopologyProblem): void {
    this.#found.push(problem)
  }

  get all(): readonly TopologyProblem[] {
    return this.#found
  }

  /** @throws {TopologyError} */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new TopologyError(this.#found)
  }

  #follows({ code, nodes }: TopologyProblem): boolean {
    return FOLLOWING.has(code) && nodes.some((node) => this.#missing.has(node))
  }
}

const FOLLOWING: ReadonlySet<TopologyProblem['code']> = new Set([
  'unknown-parent',
  'store-not-of-a-processor',
  'not-copartitioned',
])
