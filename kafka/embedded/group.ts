import { asError } from '../../common/errors.ts'
import { KafkaProtocolError } from '../errors.ts'
import type { GroupDescription, MemberAssignment, PartitionAssignor } from '../port.ts'
import type { Catalogue } from './catalogue.ts'

/** A consumer's place in its group, as the coordinator keeps it. */
export interface Membership {
  readonly memberId: string
  /** As its consumer was called; its group where it was not. */
  readonly clientId: string
  readonly topics: readonly string[]
  readonly assignor: PartitionAssignor
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Something has changed for the member: it should look, inside `poll`. */
  notify(): void
  /** Its user data once it has joined the rebalance that is under way. */
  joined: Buffer | undefined
  /** What the last rebalance that it took part in has given it, and that rebalance's generation. */
  assignment: MemberAssignment | undefined
  generationId: number
  /** The leader's assignor has thrown. */
  failure: Error | undefined
  /** Thrown out, or left: nothing that it says counts any more. */
  removed: boolean
}

/** `joining`: a rebalance waits until every member has come to it. */
type GroupState = 'empty' | 'joining' | 'stable'

/**
 * The coordinator of one group, in the way of Kafka's classic protocol: a change of members starts a rebalance; each member
 * joins it from inside its `poll`; when all have, the first member's assignor decides and a new generation begins. Who does
 * not come in time is thrown out.
 */
export class Group {
  readonly id: string
  readonly #catalogue: Catalogue
  readonly #members = new Map<string, Membership>()
  readonly #sessions = new Map<string, NodeJS.Timeout>()
  #state: GroupState = 'empty'
  #generation = 0
  /** Counts the plans that were asked for: only the last one counts. */
  #planning = 0
  #deadline: NodeJS.Timeout | undefined
  #completion: NodeJS.Immediate | undefined

  constructor(id: string, catalogue: Catalogue) {
    this.id = id
    this.#catalogue = catalogue
  }

  get size(): number {
    return this.#members.size
  }

  get joining(): boolean {
    return this.#state === 'joining'
  }

  /** The member with this id, if what it knows is still so. */
  current(memberId: string, generationId: number): Membership | undefined {
    const member = this.#members.get(memberId)
    return member?.generationId === generationId ? member : undefined
  }

  describe(): GroupDescription {
    const isStable = this.#state === 'stable'
    const members = [...this.#members.values()].map((member) => ({
      memberId: member.memberId,
      clientId: member.clientId,
      host: 'this process',
      userData: member.joined ?? Buffer.alloc(0),
      assignment: (isStable && member.assignment) || { partitions: [] },
    }))
    return { groupId: this.id, state: isStable ? 'Stable' : 'PreparingRebalance', members }
  }

  /** The member has given up what it had and takes part in the rebalance; its joining starts one if there is none. */
  join(member: Membership, userData: Buffer): void {
    const first = this.#members.values().next().value
    if (first && first !== member && first.assignor.name !== member.assignor.name) {
      throw new KafkaProtocolError(
        'INCONSISTENT_GROUP_PROTOCOL',
        `group ${this.id} uses the assignor ${first.assignor.name}, this member ${member.assignor.name}`,
      )
    }
    this.#members.set(member.memberId, member)
    this.rebalance()
    member.joined = userData
    this.#completeWhenAllJoined()
  }

  /** Starts a rebalance unless one is under way. */
  rebalance(): void {
    if (this.#state === 'joining' || this.#members.size === 0) return
    this.#state = 'joining'
    const timeoutMs = Math.max(...[...this.#members.values()].map((one) => one.rebalanceTimeoutMs))
    this.#deadline = setTimeout(() => this.#dropLaggards(), timeoutMs)
    this.#deadline.unref()
    for (const member of this.#members.values()) {
      member.joined = undefined
      member.notify()
    }
  }

  leave(member: Membership): void {
    member.removed = true
    clearTimeout(this.#sessions.get(member.memberId))
    this.#sessions.delete(member.memberId)
    if (this.#members.get(member.memberId) !== member) return
    this.#members.delete(member.memberId)
    if (this.#members.size === 0) this.#becomeEmpty()
    else if (this.#state === 'joining') this.#completeWhenAllJoined()
    else this.rebalance()
  }

  /** The member is gone without a word: the group finds out after the session timeout. */
  vanish(member: Membership): void {
    const timer = setTimeout(() => this.leave(member), member.sessionTimeoutMs)
    timer.unref()
    this.#sessions.set(member.memberId, timer)
  }

  /** A topic came, went or changed. */
  topicChanged(topic: string): void {
    if ([...this.#members.values()].some((one) => one.topics.includes(topic))) this.rebalance()
  }

  close(): void {
    for (const timer of this.#sessions.values()) clearTimeout(timer)
    this.#sessions.clear()
    this.#members.clear()
    this.#becomeEmpty()
  }

  #becomeEmpty(): void {
    this.#state = 'empty'
    this.#planning++
    this.#generation++
    this.#stopWaiting()
  }

  #stopWaiting(): void {
    clearTimeout(this.#deadline)
    clearImmediate(this.#completion)
    this.#completion = undefined
  }

  #dropLaggards(): void {
    const laggards = [...this.#members.values()].filter((one) => one.joined === undefined)
    for (const member of laggards) {
      this.leave(member)
      member.notify()
    }
  }

  /** A turn of the event loop later, so that members that start together come into one generation. */
  #completeWhenAllJoined(): void {
    this.#completion ??= setImmediate(() => {
      this.#completion = undefined
      if (this.#state !== 'joining') return
      if ([...this.#members.values()].every((one) => one.joined !== undefined)) this.#complete()
    })
  }

  #complete(): void {
    this.#stopWaiting()
    const members = [...this.#members.values()]
    const planning = ++this.#planning
    const decide = (plan: ReadonlyMap<string, MemberAssignment>, failure?: Error): void => {
      // Whoever came or left meanwhile has had it begun anew.
      if (planning === this.#planning && this.#state === 'joining') this.#settle(members, plan, failure)
    }
    try {
      const plan = members[0]!.assignor.assign(
        this.#partitionCounts(members),
        members.map(({ memberId, topics, joined }) => ({ memberId, topics, userData: joined ?? Buffer.alloc(0) })),
      )
      if (plan instanceof Promise)
        plan.then(decide, (thrown: unknown) => {
          decide(new Map(), asError(thrown))
        })
      else decide(plan)
    } catch (thrown) {
      decide(new Map(), asError(thrown))
    }
  }

  #settle(members: readonly Membership[], plan: ReadonlyMap<string, MemberAssignment>, failure?: Error): void {
    this.#state = 'stable'
    this.#generation++
    for (const member of members) {
      member.assignment = plan.get(member.memberId) ?? { partitions: [] }
      member.generationId = this.#generation
      member.failure = failure
      member.notify()
    }
  }

  /** Topics that do not exist are left out. */
  #partitionCounts(members: readonly Membership[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const name of members.flatMap((one) => one.topics)) {
      const topic = this.#catalogue.find(name)
      if (topic) counts.set(name, topic.partitions.length)
    }
    return counts
  }
}

/** The groups that have, or had, members in this process. */
export class Groups {
  readonly #catalogue: Catalogue
  readonly #groups = new Map<string, Group>()

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  get(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (!group) {
      group = new Group(groupId, this.#catalogue)
      this.#groups.set(groupId, group)
    }
    return group
  }

  find(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  topicChanged(topic: string): void {
    for (const group of this.#groups.values()) group.topicChanged(topic)
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
  }
}
