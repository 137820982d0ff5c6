import { Position, type StoreInfo } from '../../streams/index.ts'
import type { Json } from '../json.ts'
import { asProblem, HttpProblem } from '../problem.ts'
import { ownEndpoint, type StreamsView } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { Peers } from './peers.ts'

/** A part of the store that an answer has. */
export interface Covered {
  readonly partition: number
  readonly role: 'active' | 'standby'
  readonly lag: number
  readonly position: Position
}

/** What one instance knows: which partitions it answers for, and which of its own it cannot answer for. */
export interface Part<T> {
  readonly covered: readonly Covered[]
  readonly problems: readonly { readonly partition: number; readonly problem: HttpProblem }[]
  readonly data: T
}

/** Why something is missing from an answer: the instance, and the partitions of the store that it has. */
export interface Failure {
  readonly host: string
  readonly reason: string
  readonly partitions: readonly number[]
}

export interface Gathered<T> {
  /** No two of them have the same partition. */
  readonly parts: readonly T[]
  readonly covered: readonly Covered[]
  /** False when a partition is missing: then `missing` and `failures` say which and why. */
  readonly complete: boolean
  readonly missing: readonly number[]
  readonly failures: readonly Failure[]
}

export interface GatherRequest<T> {
  readonly streams: StreamsView
  readonly info: StoreInfo
  readonly peers: Peers
  /** Sent to the peers as it is, with the partitions where those are not all. */
  readonly pathAndQuery: string
  readonly position: string | undefined
  /** How long parts may wait for the position. */
  readonly waitMs: number
  /** All of the store where it is not said. */
  readonly partitions: readonly number[] | undefined
  /** Answer for this instance alone, and do not ask further. */
  readonly isHop: boolean
  /** Missing partitions may be answered for by standbys. */
  readonly maxLag: number | undefined
  readonly signal: AbortSignal
  /** Answers for partitions of this instance. */
  readonly local: (partitions: readonly number[]) => Promise<Part<T>>
  /** Reads the data in a peer's answer; throws when it is not one. */
  readonly remote: (body: Json) => T
  /** What of the data belongs to these partitions. */
  readonly only: (data: T, partitions: ReadonlySet<number>) => T
}

/** How an instance tells another what its answer covers; beside the data. */
export const PeerPart = z.object({
  covered: z.array(
    z.object({
      partition: z.number().int(),
      role: z.enum(['active', 'standby']),
      lag: z.number(),
      position: z.string(),
    }),
  ),
  problems: z.array(z.object({ partition: z.number().int(), code: z.string() })),
})

export function peerPartJson<T>({ covered, problems }: Part<T>): { readonly [name: string]: Json } {
  return {
    covered: covered.map(({ position, ...rest }) => ({ ...rest, position: position.toString() })),
    problems: problems.map(({ partition, problem }) => ({ partition, code: problem.code })),
  }
}

/**
 * Asks every instance that has a part of the store, each for its own; then standbys for what is missing, where that is allowed.
 * @throws {HttpProblem} when nothing at all could be answered.
 */
export async function gather<T>(request: GatherRequest<T>): Promise<Gathered<T>> {
  const { streams, info, isHop, maxLag } = request
  const wanted = request.partitions ?? Array.from({ length: Math.max(info.partitions, 1) }, (_, p) => p)
  const collected = new Collected<T>(wanted, request.only)
  const here = localPartitions(info).filter((p) => wanted.includes(p))
  const standbyHere = isHop && request.partitions !== undefined && maxLag !== undefined
  const mine = askHere(request, standbyHere ? wanted : here, collected)
  const peers = isHop || info.global ? [] : owners(streams, info, wanted)
  await Promise.all([mine, ...peers.map(([endpoint, of]) => askPeer(request, endpoint, of, undefined, collected))])
  if (maxLag !== undefined && !isHop) await askStandbys(request, collected)
  return collected.result(streams, isHop)
}

class Collected<T> {
  readonly #wanted: readonly number[]
  readonly #only: GatherRequest<T>['only']
  readonly #parts: T[] = []
  readonly #covered = new Map<number, Covered>()
  readonly #failures: Failure[] = []
  #firstProblem: HttpProblem | undefined

  constructor(wanted: readonly number[], only: GatherRequest<T>['only']) {
    this.#wanted = wanted
    this.#only = only
  }

  get missing(): readonly number[] {
    return this.#wanted.filter((p) => !this.#covered.has(p))
  }

  /** A task that moves may be told twice: the first one counts. */
  add({ covered, data }: Pick<Part<T>, 'covered' | 'data'>): void {
    const fresh = covered.filter((c) => !this.#covered.has(c.partition) && this.#wanted.includes(c.partition))
    if (fresh.length === 0) return
    for (const c of fresh) this.#covered.set(c.partition, c)
    const isWhole = fresh.length === covered.length
    this.#parts.push(isWhole ? data : this.#only(data, new Set(fresh.map((c) => c.partition))))
  }

  failed(host: string, partitions: readonly number[], problem: HttpProblem | string): void {
    if (partitions.length === 0) return
    if (typeof problem !== 'string') this.#firstProblem ??= problem
    this.#failures.push({ host, partitions, reason: typeof problem === 'string' ? problem : problem.code })
  }

  result(streams: StreamsView, isHop: boolean): Gathered<T> {
    const { missing } = this
    const named = new Set(this.#failures.flatMap((f) => f.partitions))
    const unclaimed = missing.filter((p) => !named.has(p))
    const covered = [...this.#covered.values()].sort((a, b) => a.partition - b.partition)
    if (covered.length === 0 && !isHop) throw this.#nobody(streams, missing)
    const reason = streams.state === 'REBALANCING' ? 'REBALANCING' : 'OWNER_UNREACHABLE'
    if (unclaimed.length > 0 && !isHop) this.failed('unknown', unclaimed, reason)
    // Failures that somebody else made good for say nothing about the answer.
    const failures = this.#failures
      .map((f) => ({ ...f, partitions: f.partitions.filter((p) => missing.includes(p)) }))
      .filter((f) => f.partitions.length > 0)
    return { parts: this.#parts, covered, complete: missing.length === 0, missing, failures }
  }

  #nobody(streams: StreamsView, missing: readonly number[]): HttpProblem {
    const problem = this.#firstProblem
    const members = { ...problem?.members, missing, failures: this.#failures.map((f) => ({ ...f })) }
    const code =
      problem !== undefined && problem.code !== 'NOT_OWNER'
        ? problem.code
        : streams.state === 'REBALANCING'
          ? 'REBALANCING'
          : 'OWNER_UNREACHABLE'
    return new HttpProblem(code, problem?.message ?? 'no instance that has a part of the store could answer', {
      retryAfterS: 1,
      members,
    })
  }
}

async function askHere<T>(
  request: GatherRequest<T>,
  partitions: readonly number[],
  collected: Collected<T>,
): Promise<void> {
  if (partitions.length === 0) return
  const host = ownEndpoint(request.streams) ?? 'this instance'
  try {
    const part = await request.local(partitions)
    collected.add(part)
    for (const { partition, problem } of part.problems) collected.failed(host, [partition], problem)
  } catch (error) {
    collected.failed(host, partitions, serverProblem(error))
  }
}

async function askPeer<T>(
  request: GatherRequest<T>,
  endpoint: string,
  expected: readonly number[],
  only: readonly number[] | undefined,
  collected: Collected<T>,
): Promise<void> {
  try {
    const path = only === undefined ? request.pathAndQuery : withPartitions(request.pathAndQuery, only)
    const answer = await request.peers.get(endpoint, path, request.signal, request)
    if (answer.status !== 200) {
      const code = (answer.body as { code?: unknown } | null)?.code
      return collected.failed(endpoint, expected, typeof code === 'string' ? code : 'OWNER_UNREACHABLE')
    }
    const { covered, problems } = PeerPart.parse(answer.body)
    const data = request.remote(answer.body)
    collected.add({ covered: covered.map((c) => ({ ...c, position: Position.parse(c.position) })), data })
    for (const { partition, code } of problems) collected.failed(endpoint, [partition], code)
    const told = new Set([...covered, ...problems].map((p) => p.partition))
    collected.failed(
      endpoint,
      expected.filter((p) => !told.has(p)),
      'NOT_OWNER',
    )
  } catch (error) {
    const problem = asProblem(error)
    collected.failed(endpoint, expected, problem.status === 500 ? 'OWNER_UNREACHABLE' : problem)
  }
}

/** What is missing, of local standbys first, then of those elsewhere. */
async function askStandbys<T>(request: GatherRequest<T>, collected: Collected<T>): Promise<void> {
  await askHere(request, collected.missing, collected)
  const here = ownEndpoint(request.streams)
  const byEndpoint = new Map<string, number[]>()
  for (const partition of collected.missing)
    for (const endpoint of request.streams.queries.metadataForPartition(request.info.name, partition).standbys)
      if (endpoint !== here) byEndpoint.set(endpoint, [...(byEndpoint.get(endpoint) ?? []), partition])
  await Promise.all([...byEndpoint].map(([endpoint, of]) => askPeer(request, endpoint, of, of, collected)))
}

/** A request that is wrong is wrong everywhere. */
function serverProblem(error: unknown): HttpProblem {
  const problem = asProblem(error)
  if (problem.status < 500 && problem.code !== 'NOT_OWNER') throw problem
  if (problem.code === 'INTERNAL') throw problem
  return problem
}

/** Other instances that tell that they have wanted partitions. */
function owners(streams: StreamsView, info: StoreInfo, wanted: readonly number[]): [string, readonly number[]][] {
  const of = new Map<string, number[]>()
  for (const partition of wanted) {
    const { local, endpoint } = streams.queries.metadataForPartition(info.name, partition)
    if (!local && endpoint !== undefined) of.set(endpoint, [...(of.get(endpoint) ?? []), partition])
  }
  return [...of]
}

/** Tasks of a store are `<number of its sub-topology>_<partition>`. */
export function localPartitions({ global, tasks }: StoreInfo): readonly number[] {
  return global ? [0] : tasks.map((task) => Number(task.slice(task.indexOf('_') + 1)))
}

function withPartitions(pathAndQuery: string, partitions: readonly number[]): string {
  const url = new URL(pathAndQuery, 'http://peer')
  url.searchParams.set('partitions', partitions.join(','))
  return url.pathname + url.search
}
