import type { InstanceMetadata, StoreInfo } from '../../streams/index.ts'
import type { Json } from '../json.ts'
import { asProblem, HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'
import type { Peers } from './peers.ts'

/** An instance whose part is missing from an answer, and why. */
export interface Failure {
  readonly host: string
  readonly reason: string
}

export interface Gathered<T> {
  readonly parts: readonly T[]
  /** False when something is missing: then `failures` says what. */
  readonly complete: boolean
  readonly failures: readonly Failure[]
}

export interface GatherRequest<T> {
  readonly streams: StreamsView
  readonly info: StoreInfo
  readonly peers: Peers
  /** Sent to the peers as it is. */
  readonly pathAndQuery: string
  /** Answer for this instance alone, and do not ask further. */
  readonly localOnly: boolean
  readonly signal: AbortSignal
  readonly local: () => Promise<T>
  /** Reads a peer's answer; throws when it is not one. */
  readonly remote: (body: Json) => T
}

type Outcome<T> = { readonly part: T; readonly tasks: readonly string[] } | { readonly problem: HttpProblem }

/**
 * Asks every instance that has a part of the store. Parts that fail are named; when none succeeds there is no answer.
 * @throws {HttpProblem} of this instance when it has a part that failed, else `OWNER_UNREACHABLE` naming the failures.
 */
export async function gather<T>(request: GatherRequest<T>): Promise<Gathered<T>> {
  const { streams, info, localOnly } = request
  const prefix = taskPrefix(streams, info)
  const instances = streams.queries.instances()
  const here = instances.find((instance) => instance.local)
  const others = localOnly || info.global ? [] : instances.filter((i) => !i.local && tasksOf(i, prefix).length > 0)
  const [mine, ...theirs] = await Promise.all([
    attempt(request.local(), info.tasks),
    ...others.map((other) => attempt(askPeer(request, other), tasksOf(other, prefix))),
  ])
  const parts: T[] = []
  const failures: Failure[] = []
  if (mine !== undefined && 'part' in mine) parts.push(mine.part)
  else if (mine !== undefined && (!isElsewhere(mine.problem) || others.length === 0)) {
    if (others.length === 0) throw mine.problem
    failures.push({ host: here?.endpoint ?? 'this instance', reason: mine.problem.code })
  }
  theirs.forEach((outcome, i) => {
    if ('part' in outcome) parts.push(outcome.part)
    else failures.push({ host: others[i]?.endpoint ?? 'unknown', reason: outcome.problem.code })
  })
  if (parts.length === 0) throw nobodyAnswered(failures)
  if (!localOnly) failures.push(...unclaimed(info, prefix, [here, ...others]))
  return { parts, complete: failures.length === 0, failures }
}

async function attempt<T>(work: Promise<T>, tasks: readonly string[]): Promise<Outcome<T>> {
  try {
    return { part: await work, tasks }
  } catch (error) {
    const problem = asProblem(error)
    if (problem.status < 500 && problem.code !== 'NOT_OWNER') throw problem
    return { problem }
  }
}

async function askPeer<T>(request: GatherRequest<T>, { endpoint }: InstanceMetadata): Promise<T> {
  if (endpoint === undefined) throw new HttpProblem('OWNER_UNREACHABLE', 'the instance told no endpoint')
  const answer = await request.peers.get(endpoint, request.pathAndQuery, request.signal)
  if (answer.status !== 200) throw new HttpProblem('OWNER_UNREACHABLE', `${endpoint} answered ${answer.status}`)
  try {
    return request.remote(answer.body)
  } catch (cause) {
    throw new HttpProblem('OWNER_UNREACHABLE', `${endpoint} answered something else`, { cause })
  }
}

/** This instance has no task of the store, which is no failure where others have them. */
function isElsewhere(problem: HttpProblem): boolean {
  return problem.code === 'NOT_OWNER'
}

function nobodyAnswered(failures: readonly Failure[]): HttpProblem {
  return new HttpProblem('OWNER_UNREACHABLE', 'no instance that has a part of the store could answer', {
    retryAfterS: 1,
    members: { failures: failures.map((f) => ({ ...f })) },
  })
}

/** Tasks of a store are `<number of its sub-topology>_<partition>`. */
function taskPrefix(streams: StreamsView, { name }: StoreInfo): string {
  const owner = streams.describe().subtopologies.find((s) => s.nodes.some((n) => n.stores?.includes(name)))
  return `${owner?.id}_`
}

function tasksOf(instance: InstanceMetadata, prefix: string): readonly string[] {
  return instance.tasks.filter((task) => task.startsWith(prefix))
}

/** Parts that no known instance has: those that move, and those of instances that told no endpoint. */
function unclaimed(
  info: StoreInfo,
  prefix: string,
  instances: readonly (InstanceMetadata | undefined)[],
): readonly Failure[] {
  if (info.global) return []
  const claimed = new Set(instances.flatMap((i) => (i === undefined ? [] : tasksOf(i, prefix))))
  const missing = Array.from({ length: info.partitions }, (_, p) => `${prefix}${p}`).filter((t) => !claimed.has(t))
  return missing.length === 0
    ? []
    : [{ host: 'unknown', reason: `no instance tells that it has ${missing.join(', ')}` }]
}
