/** What a member tells the leader about itself. */
export interface MemberFacts {
  readonly memberId: string
  /** Members of one process have one disk. */
  readonly processId: string
  /** `host:port` of its queries, if it serves any. */
  readonly endpoint: string | undefined
  /** Where it stands, such as its zone: standbys keep away from the tags of other copies. */
  readonly tags: Readonly<Record<string, string>>
  /** Tasks that it runs. */
  readonly active: readonly string[]
  /** Sum of the changelog offsets that its state of a task stands at, for tasks that it does not run. */
  readonly offsetSums: ReadonlyMap<string, number>
  /** Of copies that it follows: how far they were behind when it joined. The log has gone on since, while the others came. */
  readonly lags: ReadonlyMap<string, number>
}

/** What the decision goes by besides the members. */
export interface AssignmentRules {
  /** Tasks with stores, and the sum of the end offsets of their changelogs; `undefined`: could not be asked. */
  readonly endOffsetSums: ReadonlyMap<string, number | undefined>
  readonly numStandbyReplicas: number
  /** Records that a member's state of a task may be behind, and still take it over at once. */
  readonly acceptableRecoveryLag: number
  /** Copies, over all members, that may be built beside the ones that are wanted. */
  readonly maxWarmupReplicas: number
  /** Tags that the copies of a task should differ in, where there are enough members. */
  readonly rackAwareAssignmentTags: readonly string[]
}

/** Who has what, by member. */
export interface TaskPlacement {
  readonly active: ReadonlyMap<string, readonly string[]>
  /** Standbys, warm-ups included. */
  readonly standby: ReadonlyMap<string, readonly string[]>
  /** Standbys that are to take the place of a copy elsewhere, active or standby, when they have caught up. */
  readonly warmup: ReadonlyMap<string, readonly string[]>
  /** Tasks are not where they belong yet: to be looked at again. */
  readonly isInterim: boolean
}

/** Behind by nothing: it runs the task. */
const RUNNING_LAG = -1

/** A member while tasks are dealt out. */
export class Candidate {
  readonly memberId: string
  readonly processId: string
  readonly tags: Readonly<Record<string, string>>
  readonly active = new Set<string>()
  readonly standby = new Set<string>()
  readonly warmup = new Set<string>()
  readonly #runs: ReadonlySet<string>

  constructor({ memberId, processId, tags, active }: MemberFacts) {
    this.memberId = memberId
    this.processId = processId
    this.tags = tags
    this.#runs = new Set(active)
  }

  /** Copies that it is given. */
  get load(): number {
    return this.active.size + this.standby.size
  }

  runs(task: string): boolean {
    return this.#runs.has(task)
  }

  has(task: string): boolean {
    return this.active.has(task) || this.standby.has(task)
  }
}

/** How far each member's state of each task is. */
export class StateView {
  readonly #rules: AssignmentRules
  readonly #lags = new Map<string, Map<string, number>>()

  constructor(members: readonly MemberFacts[], rules: AssignmentRules) {
    this.#rules = rules
    for (const { processId, active, offsetSums, lags: told } of members) {
      const lags = this.#lags.get(processId) ?? new Map<string, number>()
      this.#lags.set(processId, lags)
      for (const [task, offsetSum] of offsetSums) {
        const end = rules.endOffsetSums.get(task)
        const behind = end === undefined ? Number.MAX_SAFE_INTEGER : Math.max(0, end - offsetSum)
        const lag = Math.min(behind, told.get(task) ?? behind)
        lags.set(task, Math.min(lags.get(task) ?? Number.POSITIVE_INFINITY, lag))
      }
      for (const task of active) lags.set(task, RUNNING_LAG)
    }
  }

  isStateful(task: string): boolean {
    return this.#rules.endOffsetSums.has(task)
  }

  /** Records to restore before the member can run the task. */
  lag(member: Candidate, task: string): number {
    return this.#lagOfState(member, task) ?? this.#rules.endOffsetSums.get(task) ?? Number.POSITIVE_INFINITY
  }

  hasState(member: Candidate, task: string): boolean {
    return this.#lagOfState(member, task) !== undefined
  }

  isCaughtUp(member: Candidate, task: string): boolean {
    return !this.isStateful(task) || this.lag(member, task) <= this.#rules.acceptableRecoveryLag
  }

  #lagOfState({ processId }: Candidate, task: string): number | undefined {
    return this.#lags.get(processId)?.get(task)
  }
}

/** The one that comes first by these numbers, least first; the order of the list decides between equals. */
export function least<T>(list: readonly T[], ...by: readonly ((item: T) => number)[]): T | undefined {
  let best: T | undefined
  for (const item of list) {
    if (best === undefined) best = item
    else {
      for (const rank of by) {
        const difference = rank(item) - rank(best)
        if (difference < 0) best = item
        if (difference !== 0) break
      }
    }
  }
  return best
}
