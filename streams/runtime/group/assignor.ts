import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { TopicPartition } from '../../../common/record.ts'
import type { AssignorMember, MemberAssignment, PartitionAssignor } from '../../../kafka/port.ts'
import { assignTasks } from './assignment/assign-tasks.ts'
import type { AssignmentRules, MemberFacts } from './assignment/facts.ts'

/** Which tasks each endpoint has; the same on all members after a rebalance. */
export type TasksByEndpoint = ReadonlyMap<string, readonly string[]>

/** What a member learns from the leader besides its partitions. */
export interface AssignmentNews {
  readonly tasksByEndpoint: TasksByEndpoint
  readonly standbysByEndpoint: TasksByEndpoint
  /** Tasks that it keeps a copy of, warm-ups included. */
  readonly standby: readonly string[]
  /** Copies that are to become active here: the sooner it joins again with them caught up, the sooner they are. */
  readonly warmup: readonly string[]
  /** This member is the one that has the assignment made anew after the probing interval. */
  readonly probes: boolean
}

/** What a member tells about itself; see {@link MemberFacts}. */
export type OwnFacts = Omit<MemberFacts, 'memberId'>

export interface StreamsAssignorOptions {
  readonly self: () => OwnFacts
  readonly rules: Omit<AssignmentRules, 'endOffsetSums'>
  /** The tasks there are, with their partitions, for these partition counts. */
  readonly tasks: (partitionCounts: ReadonlyMap<string, number>) => ReadonlyMap<string, readonly TopicPartition[]>
  /** For tasks with stores, the sum of the ends of their changelogs. */
  readonly endOffsetSums: () => Awaitable<ReadonlyMap<string, number | undefined>>
  readonly onAssignment: (news: AssignmentNews) => void
}

/** A member's user data as it is written. */
interface WrittenFacts {
  readonly process: string
  readonly endpoint?: string
  readonly tags?: Record<string, string>
  readonly active: readonly string[]
  readonly state: Record<string, number>
  readonly lags: Record<string, number>
  /** Differs each time: the coordinator makes a new generation only for a member that says something new. */
  readonly join: number
}

interface WrittenNews {
  readonly hosts: Record<string, readonly string[]>
  readonly standbyHosts: Record<string, readonly string[]>
  readonly standby: readonly string[]
  readonly warmup: readonly string[]
  readonly probes?: true
}

/** The group protocol around {@link assignTasks}: facts and decision travel as JSON in the members' user data. */
export function streamsAssignor(options: StreamsAssignorOptions): PartitionAssignor {
  let joins = 0
  return {
    name: 'brook-streams',
    version: 1,
    subscriptionUserData: () => encode(written(options.self(), ++joins)),
    assign: (partitionCounts, members) =>
      chain(options.endOffsetSums(), (endOffsetSums) =>
        plan(options.tasks(partitionCounts), members, { ...options.rules, endOffsetSums }),
      ),
    onAssignment: ({ userData }) => {
      const { hosts, standbyHosts, standby, warmup, probes } = decode<WrittenNews>(userData)
      options.onAssignment({
        tasksByEndpoint: new Map(Object.entries(hosts ?? {})),
        standbysByEndpoint: new Map(Object.entries(standbyHosts ?? {})),
        standby: standby ?? [],
        warmup: warmup ?? [],
        probes: probes === true,
      })
    },
  }
}

function written({ processId, endpoint, tags, active, offsetSums, lags }: OwnFacts, join: number): WrittenFacts {
  return {
    process: processId,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    active,
    state: Object.fromEntries(offsetSums),
    lags: Object.fromEntries(lags),
    join,
  }
}

function plan(
  tasks: ReadonlyMap<string, readonly TopicPartition[]>,
  members: readonly AssignorMember[],
  rules: AssignmentRules,
): ReadonlyMap<string, MemberAssignment> {
  const facts = members.map(factsOf)
  const { active, standby, warmup, isInterim } = assignTasks([...tasks.keys()], facts, rules)
  const hosts = byEndpoint(facts, active)
  const standbyHosts = byEndpoint(facts, standby)
  const prober = isInterim ? [...active.keys()].sort()[0] : undefined
  const assignment = (memberId: string): MemberAssignment => {
    const news: WrittenNews = {
      hosts,
      standbyHosts,
      standby: standby.get(memberId) ?? [],
      warmup: warmup.get(memberId) ?? [],
      ...(memberId === prober ? { probes: true } : {}),
    }
    return { partitions: (active.get(memberId) ?? []).flatMap((id) => tasks.get(id) ?? []), userData: encode(news) }
  }
  return new Map(members.map(({ memberId }) => [memberId, assignment(memberId)]))
}

/** Members that cannot be understood (another version's) have told nothing; they still get their share. */
function factsOf({ memberId, userData }: AssignorMember): MemberFacts {
  const { process, endpoint, tags, active, state, lags } = decode<WrittenFacts>(userData)
  return {
    memberId,
    processId: process ?? memberId,
    endpoint,
    tags: tags ?? {},
    active: active ?? [],
    offsetSums: new Map(Object.entries(state ?? {})),
    lags: new Map(Object.entries(lags ?? {})),
  }
}

/** Members of one process share an endpoint. */
function byEndpoint(
  facts: readonly MemberFacts[],
  placed: ReadonlyMap<string, readonly string[]>,
): Record<string, readonly string[]> {
  const hosts: Record<string, string[]> = {}
  for (const { memberId, endpoint } of facts)
    if (endpoint !== undefined) hosts[endpoint] = [...(hosts[endpoint] ?? []), ...(placed.get(memberId) ?? [])]
  return hosts
}

function encode(data: object): Buffer {
  return Buffer.from(JSON.stringify(data), 'utf8')
}

function decode<T extends object>(data: Buffer | undefined): Partial<T> {
  try {
    return data === undefined || data.length === 0 ? {} : (JSON.parse(data.toString('utf8')) as T)
  } catch {
    return {}
  }
}
