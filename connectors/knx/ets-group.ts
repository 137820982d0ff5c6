/** One group address of an ETS export, as it stands there. */
export interface EtsGroup {
  /** In the file, from 1. */
  readonly line: number
  readonly address: number
  readonly name: string
  /** The names of the main and middle group that it is in, as far as they are known. */
  readonly path: readonly string[]
  /** As written: `DPST-9-1`, `DPT-9`, `9.001`. */
  readonly dpt: string | undefined
  readonly description: string
  /** A central function, such as "all off". */
  readonly central: boolean
  readonly unfiltered: boolean
}

/** Why a line of a file cannot be used, as a sentence. */
export interface LineProblem {
  readonly line: number
  readonly reason: string
}

/** The group addresses of one file; lines that cannot be used keep no other from being used. */
export interface EtsExport {
  readonly format: 'CSV' | 'XML'
  readonly groups: readonly EtsGroup[]
  readonly problems: readonly LineProblem[]
}

/** Takes each address once; a second one is a problem. */
export class GroupCollector {
  readonly groups: EtsGroup[] = []
  readonly problems: LineProblem[] = []
  readonly #lines = new Map<number, number>()

  add(group: EtsGroup): void {
    const before = this.#lines.get(group.address)
    if (before !== undefined) {
      this.problem(group.line, `the group address is on line ${before} already`)
      return
    }
    this.#lines.set(group.address, group.line)
    this.groups.push(group)
  }

  problem(line: number, reason: string): void {
    this.problems.push({ line, reason })
  }
}
