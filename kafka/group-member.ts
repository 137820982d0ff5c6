import { setTimeout as sleep } from 'node:timers/promises'
import { asError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { Cluster } from './cluster.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import { KafkaProtocolError, KafkaUnavailableError } from './errors.ts'
import { ForeignMembers } from './foreign-members.ts'
import { describeGroup } from './group-admin.ts'
import { afterEvent, beats, type MembershipEvent, type Phase } from './membership.ts'
import type { GroupMetadata, MemberAssignment, PartitionAssignor } from './port.ts'
import { errorName, isMembershipLost, isRetriable, isStaleCoordinator, kafkaError } from './protocol/codes.ts'
import {
  heartbeatRequest,
  type JoinResponse,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from './protocol/group.ts'
import { Backoff } from './retry.ts'

export interface GroupMemberOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly assignor: PartitionAssignor
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly logger: Logger
  /** Something happened that the poll loop should look at. */
  readonly onChange: () => void
}

/** How often the leader looks whether topics have more partitions, or missing ones have appeared. */
const METADATA_CHECK_MS = 30_000
const MISSING_TOPIC_CHECK_MS = 3_000
/** How long closing waits for the coordinator to hear that the member leaves. */
const LEAVE_TIMEOUT_MS = 1_000

/**
 * The member's side of Kafka's classic group protocol, with the eager way of rebalancing. Joins run in the background and
 * heartbeats by a timer; `phase` says what the owner, who calls the listener, has to do next.
 */
export class GroupMember {
  readonly #cluster: Cluster
  readonly #options: GroupMemberOptions
  readonly #logger: Logger
  readonly #foreign: ForeignMembers
  #phase: Phase = 'outside'
  #memberId = ''
  #generationId = -1
  #assignment: MemberAssignment = { partitions: [] }
  #failure: Error | undefined
  #heartbeatTimer: NodeJS.Timeout | undefined
  #lastPollMs = performance.now()
  /** Set on the leader: the partition counts that the plan was made for. */
  #planned: ReadonlyMap<string, number> | undefined
  #plannedTopics: readonly string[] = []
  #metadataCheckedMs = 0

  constructor(cluster: Cluster, options: GroupMemberOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#logger = options.logger
    this.#foreign = new ForeignMembers({
      ...options,
      protocol: options.assignor.name,
      describe: () => describeGroup(cluster, options.groupId),
    })
  }

  get phase(): Phase {
    return this.#phase
  }

  get assignment(): MemberAssignment {
    return this.#assignment
  }

  /** Why the member cannot go on, in phase `failed`. */
  get failure(): Error | undefined {
    return this.#failure
  }

  metadata(): GroupMetadata {
    return { groupId: this.#options.groupId, memberId: this.#memberId, generationId: this.#generationId }
  }

  /** The owner enters or leaves `poll`. A member that does not poll for as long as a rebalance may take leaves the group, as in Java. */
  polled(inside: boolean): void {
    this.#lastPollMs = inside ? Number.POSITIVE_INFINITY : performance.now()
  }

  join(): void {
    if (this.#phase !== 'outside') return
    this.#move('join')
    this.#joinUntilIn().catch((error: unknown) => this.#fail(asError(error)))
  }

  told(): void {
    this.#move('told')
  }

  givenUp(): void {
    this.#move('given-up')
  }

  requestRejoin(): void {
    this.#move('rebalance')
  }

  /** The coordinator has said, by this code, that the member is none any more, or that a rebalance is on. */
  refused(code: string): void {
    if (code === 'REBALANCE_IN_PROGRESS') {
      this.#move('rebalance')
      return
    }
    if (code === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    this.#generationId = -1
    this.#logger.warn({ groupId: this.#options.groupId, code }, 'the group went on without this member')
    this.#move('lose')
  }

  /** Stops heartbeats; tells the group unless `leave` is false. Never rejects. */
  async close(leave: boolean): Promise<void> {
    const wasJoining = this.#phase === 'joining'
    if (this.#phase === 'closed') return
    this.#move('close')
    clearTimeout(this.#heartbeatTimer)
    if (leave && this.#memberId !== '') await this.#leave(wasJoining)
    this.#generationId = -1
  }

  #move(event: MembershipEvent): void {
    const next = afterEvent(this.#phase, event)
    if (next === this.#phase) return
    this.#phase = next
    this.#options.onChange()
  }

  #fail(error: Error): void {
    if (this.#phase === 'closed') return
    this.#failure = error
    this.#move('fail')
  }

  async #leave(wasJoining: boolean): Promise<void> {
    const { groupId } = this.#options
    // A join in flight keeps its connection busy until the rebalance ends: the farewell takes a new one.
    if (wasJoining) this.#cluster.dropLinks()
    const left = this.#cluster
      .coordinator('group', groupId)
      .then((link) => link.request(leaveGroupRequest(groupId, this.#memberId)))
      .catch((error: unknown) => this.#logger.debug({ groupId, err: error }, 'leaving the group failed'))
    const giveUp = new AbortController()
    await Promise.race([left, sleep(LEAVE_TIMEOUT_MS, undefined, { signal: giveUp.signal }).catch(() => {})])
    giveUp.abort()
  }

  async #joinUntilIn(): Promise<void> {
    const backoff = new Backoff(20, 1_000)
    while (this.#phase === 'joining') {
      try {
        if (await this.#tryJoin()) return
      } catch (error) {
        if (!(error instanceof KafkaUnavailableError)) throw error
        this.#cluster.forgetCoordinator('group', this.#options.groupId)
        this.#logger.debug({ groupId: this.#options.groupId, err: error }, 'joining failed; trying on')
      }
      if (this.#phase === 'joining') await sleep(backoff.next())
    }
  }

  /** One JoinGroup and SyncGroup; false when it has to be done again. */
  async #tryJoin(): Promise<boolean> {
    const { groupId, assignor, topics, rebalanceTimeoutMs, sessionTimeoutMs } = this.#options
    const subscription = encodeSubscription({ topics, userData: assignor.subscriptionUserData() })
    const link = await this.#cluster.coordinator('group', groupId)
    const ask = (): Promise<JoinResponse> =>
      link.request(
        joinGroupRequest({
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId: this.#memberId,
          protocol: assignor.name,
          subscription,
        }),
      )
    let joined = await ask()
    if (errorName(joined.errorCode) === 'MEMBER_ID_REQUIRED') {
      this.#memberId = joined.memberId
      joined = await ask()
    }
    if (errorName(joined.errorCode) === 'INCONSISTENT_GROUP_PROTOCOL') {
      await this.#foreign.met()
      return false
    }
    if (!this.#accepted(errorName(joined.errorCode), 'join')) return false
    this.#foreign.gone()
    if (this.#phase !== 'joining') return true
    this.#memberId = joined.memberId
    this.#generationId = joined.generationId

    const assignments = joined.leaderId === joined.memberId ? await this.#plan(joined) : []
    if (joined.leaderId !== joined.memberId) this.#planned = undefined
    const synced = await link.request(syncGroupRequest(this.metadata(), assignments, rebalanceTimeoutMs))
    if (!this.#accepted(errorName(synced.errorCode), 'sync')) return false
    if (this.#phase !== 'joining') return true
    this.#assignment = decodeAssignment(synced.assignment)
    this.#move('answered')
    this.#scheduleHeartbeat(this.#options.heartbeatIntervalMs)
    return true
  }

  #accepted(code: string | undefined, step: string): boolean {
    if (code === undefined) return true
    const { groupId } = this.#options
    this.#logger.debug({ groupId, code, step }, 'the coordinator wants the join again')
    if (code === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    if (isStaleCoordinator(code)) this.#cluster.forgetCoordinator('group', groupId)
    if (isRetriable(code) || isMembershipLost(code)) return false
    throw kafkaError(code, `${step} of group ${groupId}`)
  }

  /** As the leader: asks the assignor who gets what. */
  async #plan(joined: JoinResponse): Promise<(readonly [string, Buffer])[]> {
    const members = joined.members.map(({ memberId, subscription }) => ({
      memberId,
      ...decodeSubscription(subscription),
    }))
    const topics = [...new Set(members.flatMap((member) => member.topics))].sort()
    await this.#cluster.refresh(topics)
    const counts = this.#partitionCounts(topics)
    const plan = await this.#options.assignor.assign(counts, members)
    this.#planned = counts
    this.#plannedTopics = topics
    this.#metadataCheckedMs = performance.now()
    return [...plan].map(([memberId, assignment]) => [memberId, encodeAssignment(assignment)] as const)
  }

  #partitionCounts(topics: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>()
    for (const topic of topics) {
      const count = this.#cluster.partitionCount(topic)
      if (count !== undefined) counts.set(topic, count)
    }
    return counts
  }

  #scheduleHeartbeat(delayMs: number): void {
    clearTimeout(this.#heartbeatTimer)
    this.#heartbeatTimer = setTimeout(() => {
      this.#beat()
        .catch((error: unknown) => this.#fail(asError(error)))
        .finally(() => {
          if (beats(this.#phase)) this.#scheduleHeartbeat(this.#options.heartbeatIntervalMs)
        })
    }, delayMs)
  }

  async #beat(): Promise<void> {
    if (!beats(this.#phase)) return
    const { groupId, rebalanceTimeoutMs } = this.#options
    if (performance.now() - this.#lastPollMs > rebalanceTimeoutMs) {
      this.#logger.warn({ groupId, rebalanceTimeoutMs }, 'poll was not called for too long: leaving the group')
      await this.#leave(false)
      this.refused('UNKNOWN_MEMBER_ID')
      return
    }
    const generationId = this.#generationId
    let code: string | undefined
    try {
      const link = await this.#cluster.coordinator('group', groupId)
      code = errorName(await link.request(heartbeatRequest(this.metadata())))
    } catch (error) {
      if (!(error instanceof KafkaUnavailableError) && !(error instanceof KafkaProtocolError)) throw error
      this.#cluster.forgetCoordinator('group', groupId)
      return
    }
    if (generationId !== this.#generationId || !beats(this.#phase)) return
    if (code === undefined) await this.#watchTopics()
    else if (isStaleCoordinator(code)) this.#cluster.forgetCoordinator('group', groupId)
    else if (isMembershipLost(code)) this.refused(code)
    else if (!isRetriable(code)) throw kafkaError(code, `heartbeat of group ${groupId}`)
  }

  /** As the leader: a topic that has grown or appeared makes a new plan necessary. */
  async #watchTopics(): Promise<void> {
    const planned = this.#planned
    if (!planned) return
    const isMissing = planned.size < this.#plannedTopics.length
    const dueMs = isMissing ? MISSING_TOPIC_CHECK_MS : METADATA_CHECK_MS
    if (performance.now() - this.#metadataCheckedMs < dueMs) return
    this.#metadataCheckedMs = performance.now()
    await this.#cluster.refresh(this.#plannedTopics).catch(() => {})
    const counts = this.#partitionCounts(this.#plannedTopics)
    if (this.#plannedTopics.some((topic) => counts.get(topic) !== planned.get(topic))) this.requestRejoin()
  }
}
