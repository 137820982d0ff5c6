import type { TopicPartition } from '../../common/record.ts'
import type {
  AssignorMember,
  ConsumerOptions,
  GroupConsumer,
  MemberAssignment,
  PartitionAssignor,
  RebalanceListener,
} from '../port.ts'
import { type Harness, names, type SeenRecord, seen } from './harness.ts'

/** Deals partitions out in turn to the members in the order of their user data, and remembers what it was asked. */
export class DealingAssignor implements PartitionAssignor {
  readonly name = 'contract-dealing'
  readonly version = 0
  readonly asked: { readonly counts: ReadonlyMap<string, number>; readonly members: readonly AssignorMember[] }[] = []
  readonly told: { readonly assignment: MemberAssignment; readonly generationId: number }[] = []
  userData: string

  constructor(userData: string) {
    this.userData = userData
  }

  subscriptionUserData(): Buffer {
    return Buffer.from(this.userData)
  }

  assign(
    counts: ReadonlyMap<string, number>,
    members: readonly AssignorMember[],
  ): ReadonlyMap<string, MemberAssignment> {
    this.asked.push({ counts, members: members.map((one) => ({ ...one, userData: Buffer.from(one.userData) })) })
    const sorted = [...members].sort((a, b) => Buffer.compare(a.userData, b.userData))
    const plan = new Map(sorted.map((one) => [one.memberId, [] as TopicPartition[]]))
    for (const [topic, count] of counts) {
      for (let partition = 0; partition < count; partition++) {
        const member = sorted[partition % sorted.length]
        if (member) plan.get(member.memberId)?.push({ topic, partition })
      }
    }
    return new Map(
      sorted.map((one) => [
        one.memberId,
        { partitions: plan.get(one.memberId) ?? [], userData: Buffer.from(`for ${one.userData.toString()}`) },
      ]),
    )
  }

  onAssignment(assignment: MemberAssignment, generationId: number): void {
    this.told.push({ assignment, generationId })
  }
}

export interface RebalanceEvent {
  readonly kind: 'assigned' | 'revoked' | 'lost'
  readonly partitions: readonly string[]
}

interface MemberOptions extends Partial<ConsumerOptions> {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Also the order in which the assignor deals. */
  readonly label?: string
  readonly onAssigned?: (partitions: readonly TopicPartition[], consumer: GroupConsumer) => Promise<void> | void
  readonly onRevoked?: (partitions: readonly TopicPartition[], consumer: GroupConsumer) => Promise<void> | void
}

/** A group member that polls in the background while it runs, as a program would. */
export class GroupMember {
  readonly consumer: GroupConsumer
  readonly assignor: DealingAssignor
  readonly events: RebalanceEvent[] = []
  readonly records: SeenRecord[] = []
  failure: unknown
  #owned: readonly string[] = []
  #running: Promise<void> | undefined
  #stopping = false

  constructor(harness: Harness, options: MemberOptions) {
    const { topics, label = 'a', onAssigned, onRevoked, ...rest } = options
    this.assignor = new DealingAssignor(label)
    this.consumer = harness.consumer({
      assignor: this.assignor,
      sessionTimeoutMs: harness.sessionTimeoutMs,
      heartbeatIntervalMs: 200,
      rebalanceTimeoutMs: 10_000,
      ...rest,
    })
    const note = (kind: RebalanceEvent['kind'], partitions: readonly TopicPartition[], owned: readonly string[]) => {
      this.events.push({ kind, partitions: names(partitions) })
      this.#owned = owned
    }
    const listener: RebalanceListener = {
      onAssigned: async (partitions) => {
        note('assigned', partitions, names(partitions))
        await onAssigned?.(partitions, this.consumer)
      },
      onRevoked: async (partitions) => {
        await onRevoked?.(partitions, this.consumer)
        const given = new Set(names(partitions))
        note(
          'revoked',
          partitions,
          this.#owned.filter((one) => !given.has(one)),
        )
      },
      onLost: async (partitions) => {
        const gone = new Set(names(partitions))
        note(
          'lost',
          partitions,
          this.#owned.filter((one) => !gone.has(one)),
        )
      },
    }
    this.consumer.subscribe(topics, listener)
  }

  /** `topic-partition` names, sorted. */
  get owned(): readonly string[] {
    return this.#owned
  }

  get values(): (string | null)[] {
    return this.records.map((one) => one.value)
  }

  start(): this {
    this.#stopping = false
    this.#running ??= this.#run()
    return this
  }

  /** Stops polling; the member stays in the group for as long as its heartbeats do. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.consumer.wakeup()
    await this.#running
    this.#running = undefined
    if (this.failure) throw this.failure
  }

  async close(options?: { leave?: boolean }): Promise<void> {
    await this.stop()
    await this.consumer.close(options)
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) this.records.push(...seen(await this.consumer.poll(100)))
    } catch (error) {
      this.failure = error
    }
  }
}
