import type { TopicPartition } from '../../common/record.ts'
import type { AssignorMember, MemberAssignment, PartitionAssignor } from '../../kafka/port.ts'
import { compareTaskIds } from './application.ts'

/** What a member tells the leader about itself. */
export interface MemberFacts {
  readonly memberId: string
  /** `host:port` of its queries, if it serves any. */
  readonly endpoint: string | undefined
  /** Tasks it ran last, whose state is on its disk. */
  readonly previousTasks: readonly string[]
}

/** Which tasks each endpoint has; the same on all members after a rebalance. */
export type TasksByEndpoint = ReadonlyMap<string, readonly string[]>

/**
 * Shares the tasks out, each sub-topology by itself: everyone gets the same number of its tasks, give or take one, so that the work
 * and the keys of each are spread. Within that, a task stays with the member that has its state; the odd ones go to whoever has
 * least in all. Pure, and the same for any order of members.
 */
export function assignTasks(
  taskIds: readonly string[],
  members: readonly MemberFacts[],
): ReadonlyMap<string, readonly string[]> {
  const loads = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1)).map((member) => new MemberLoad(member))
  for (const tasks of bySubtopology(taskIds)) share(tasks, loads)
  return new Map(loads.map(({ memberId, tasks }) => [memberId, tasks]))
}

class MemberLoad {
  readonly memberId: string
  readonly tasks: string[] = []
  readonly #previous: ReadonlySet<string>

  constructor({ memberId, previousTasks }: MemberFacts) {
    this.memberId = memberId
    this.#previous = new Set(previousTasks)
  }

  hasStateOf(task: string): boolean {
    return this.#previous.has(task)
  }
}

/** Rounds from the strictest to the laxest: state and fair share, fair share, state and one more, one more. */
function share(tasks: readonly string[], members: readonly MemberLoad[]): void {
  const free = new Set(tasks)
  const taken = new Map(members.map((member) => [member, 0]))
  const fair = Math.floor(tasks.length / members.length)
  let odd = tasks.length % members.length
  const mayTake = (member: MemberLoad, orOneMore: boolean): boolean => {
    const count = taken.get(member) as number
    return count < fair || (orOneMore && odd > 0 && count === fair)
  }
  const give = (orOneMore: boolean, onlyToState: boolean): void => {
    for (const task of tasks) {
      if (!free.has(task)) continue
      const chosen = leastLoaded(members.filter((m) => mayTake(m, orOneMore) && (!onlyToState || m.hasStateOf(task))))
      if (chosen === undefined) continue
      const count = taken.get(chosen) as number
      if (count === fair) odd--
      taken.set(chosen, count + 1)
      free.delete(task)
      chosen.tasks.push(task)
    }
  }
  give(false, true)
  give(true, true)
  give(false, false)
  give(true, false)
}

function leastLoaded(members: readonly MemberLoad[]): MemberLoad | undefined {
  let best: MemberLoad | undefined
  for (const member of members) if (best === undefined || member.tasks.length < best.tasks.length) best = member
  return best
}

function bySubtopology(taskIds: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>()
  for (const task of [...taskIds].sort(compareTaskIds)) {
    const subtopology = task.slice(0, task.indexOf('_'))
    const group = groups.get(subtopology)
    if (group) group.push(task)
    else groups.set(subtopology, [task])
  }
  return [...groups.values()]
}

export interface StreamsAssignorOptions {
  readonly endpoint: string | undefined
  /** Tasks whose state is here, running ones first. */
  readonly previousTasks: () => readonly string[]
  /** The tasks there are, with their partitions, for these partition counts. */
  readonly tasks: (partitionCounts: ReadonlyMap<string, number>) => ReadonlyMap<string, readonly TopicPartition[]>
  readonly onAssignment: (tasksByEndpoint: TasksByEndpoint) => void
}

/** The group protocol around {@link assignTasks}: facts and decision travel as JSON in the members' user data. */
export function streamsAssignor(options: StreamsAssignorOptions): PartitionAssignor {
  return {
    name: 'brook-streams',
    version: 1,
    subscriptionUserData: () => encode({ endpoint: options.endpoint, tasks: options.previousTasks() }),
    assign: (partitionCounts, members) => plan(options.tasks(partitionCounts), members),
    onAssignment: ({ userData }) => {
      const { hosts } = decode<{ hosts?: Record<string, string[]> }>(userData)
      options.onAssignment(new Map(Object.entries(hosts ?? {})))
    },
  }
}

function plan(
  tasks: ReadonlyMap<string, readonly TopicPartition[]>,
  members: readonly AssignorMember[],
): ReadonlyMap<string, MemberAssignment> {
  const facts = members.map(({ memberId, userData }): MemberFacts => {
    const { endpoint, tasks: previousTasks = [] } = decode<{ endpoint?: string; tasks?: string[] }>(userData)
    return { memberId, endpoint, previousTasks }
  })
  const assigned = assignTasks([...tasks.keys()], facts)
  const hosts = Object.fromEntries(
    facts.flatMap(({ memberId, endpoint }) =>
      endpoint === undefined ? [] : [[endpoint, assigned.get(memberId) ?? []]],
    ),
  )
  const userData = encode({ hosts })
  return new Map(
    [...assigned].map(([memberId, ids]) => [
      memberId,
      { partitions: ids.flatMap((id) => tasks.get(id) ?? []), userData },
    ]),
  )
}

function encode(data: object): Buffer {
  return Buffer.from(JSON.stringify(data), 'utf8')
}

/** User data that cannot be read (another version's) tells nothing; the member still gets its share. */
function decode<T extends object>(data: Buffer | undefined): Partial<T> {
  try {
    return data === undefined || data.length === 0 ? {} : (JSON.parse(data.toString('utf8')) as T)
  } catch {
    return {}
  }
}
