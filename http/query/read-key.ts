import type { Query } from '../../streams/index.ts'
import type { Json } from '../json.ts'
import { HttpProblem } from '../problem.ts'
import type { Answer } from '../routes/route.ts'
import { ownEndpoint, type StreamsView } from '../streams-view.ts'
import { type Freshness, freshnessHeaders, waitOf } from './freshness.ts'
import { readLocal } from './local-read.ts'
import { type Peers, peerUrl } from './peers.ts'

export const ROUTINGS = ['proxy', 'redirect', 'local'] as const

/** What to do with a request for a key that another instance has: ask it, send the client there, or refuse. */
export type Routing = (typeof ROUTINGS)[number]

export interface KeyRead<R> {
  readonly streams: StreamsView
  readonly peers: Peers
  readonly store: string
  readonly key: unknown
  readonly query: Query<R>
  readonly freshness: Freshness
  readonly routing: Routing
  /** The request comes from another instance already. */
  readonly isHop: boolean
  /** Sent to a peer as it is, with the header `X-Streams-Position`. */
  readonly pathAndQuery: string
  readonly position: string | undefined
  readonly signal: AbortSignal
  /** Makes the answer of what the store told. */
  readonly toJson: (result: R) => Json
}

/** Problems of the active task that a standby can answer instead of. */
const STANDBY_HELPS = new Set(['OWNER_UNREACHABLE', 'TIMEOUT', 'REBALANCING', 'RESTORING', 'NOT_OWNER', 'NOT_RUNNING'])

/**
 * The answer for a key: read here, or by the instance that has it, over one hop at most; where `maxLag` allows it, by a standby.
 * @throws {HttpProblem} `NOT_OWNER` when the key is elsewhere and the request may not go there, `REBALANCING` or `NOT_RUNNING` while nobody
 * has it, `OWNER_UNREACHABLE` when the one who has it told no endpoint.
 */
export async function readKey<R>(read: KeyRead<R>): Promise<Answer> {
  try {
    return await answer(read)
  } catch (error) {
    if (error instanceof PeerProblem) return error.answer
    throw error
  }
}

async function answer<R>(read: KeyRead<R>): Promise<Answer> {
  const { streams, store, key, freshness, isHop, routing } = read
  const owner = streams.queries.metadataForKey(store, key)
  const isElsewhere = !owner.local
  if (isElsewhere && routing === 'redirect' && !isHop && owner.endpoint !== undefined)
    return { status: 307, headers: { Location: new URL(read.pathAndQuery, peerUrl(owner.endpoint)).href } }
  try {
    if (!isElsewhere) return await readHere(read, owner.partition)
    if (isHop || routing === 'local') {
      if (freshness.maxLag !== undefined) return await readHere(read, owner.partition)
      throw notOwner(owner.taskId, owner.endpoint)
    }
    if (owner.endpoint === undefined) throw nobodyHasIt(streams, owner.taskId)
    return await readThere(read, owner.endpoint)
  } catch (error) {
    if (!(error instanceof HttpProblem) || !STANDBY_HELPS.has(error.code) || isHop || routing === 'local') throw error
    if (isNews(streams, read, owner.endpoint)) return readAgain(read)
    if (freshness.maxLag === undefined) throw error
    const stale = await readStandby(read, owner.partition, owner.standbys)
    if (stale === undefined) throw error
    return stale
  }
}

/**
 * Local read; with `maxLag`, of a standby too. Where all partitions are here it does not matter by which partitioner the key came to its
 * own, so all are asked.
 */
async function readHere<R>(read: KeyRead<R>, partition: number): Promise<Answer> {
  const { streams, store, query, freshness, signal } = read
  const { tasks, partitions, global } = streams.queries.store(store)
  const hasAll = !global && partitions > 1 && tasks.length >= partitions
  const asked = hasAll ? Array.from({ length: partitions }, (_, p) => p) : [partition]
  const { answers, problems } = await readLocal(streams, store, query, asked, freshness, signal)
  const found =
    answers.find((a) => isSome(a.result)) ?? (problems.length === 0 && answers.find((a) => a.partition === partition))
  if (found) return { headers: freshnessHeaders([found]), json: read.toJson(found.result) }
  throw problems[0]?.problem ?? new HttpProblem('NOT_OWNER', 'no partition answered', { retryAfterS: 1 })
}

function isSome(result: unknown): boolean {
  return result !== undefined && !(Array.isArray(result) && result.length === 0)
}

/** @throws {HttpProblem} what the peer's answer says where a standby, or a better owner, may help. */
async function readThere<R>(
  { peers, pathAndQuery, position, freshness, signal }: KeyRead<R>,
  endpoint: string,
): Promise<Answer> {
  const { status, body, contentType, headers } = await peers.get(endpoint, pathAndQuery, signal, {
    position,
    waitMs: waitOf(freshness),
  })
  const answer: Answer = { status, json: body, contentType, headers }
  if (status === 421 || status >= 500) throw new PeerProblem(endpoint, answer)
  return answer
}

/** A peer's problem, which goes on as it is when nobody else can help. */
class PeerProblem extends HttpProblem {
  readonly answer: Answer

  constructor(endpoint: string, answer: Answer) {
    super(answer.status === 421 ? 'NOT_OWNER' : 'OWNER_UNREACHABLE', `${endpoint} answered ${answer.status}`)
    this.answer = answer
  }
}

/** The group has told meanwhile that somebody else has the key. */
function isNews<R>(streams: StreamsView, { store, key }: KeyRead<R>, asked: string | undefined): boolean {
  const now = streams.queries.metadataForKey(store, key)
  return asked !== undefined && (now.local || (now.endpoint !== undefined && now.endpoint !== asked))
}

/** Once: whoever then does not answer is told to the client. */
async function readAgain<R>(read: KeyRead<R>): Promise<Answer> {
  const { streams, store, key } = read
  const { local, partition, endpoint, taskId } = streams.queries.metadataForKey(store, key)
  if (local) return readHere(read, partition)
  if (endpoint === undefined) throw nobodyHasIt(streams, taskId)
  return readThere(read, endpoint)
}

async function readStandby<R>(
  read: KeyRead<R>,
  partition: number,
  standbys: readonly string[],
): Promise<Answer | undefined> {
  const here = ownEndpoint(read.streams)
  const others = standbys.filter((endpoint) => endpoint !== here)
  const attempts = [() => readHere(read, partition), ...others.map((endpoint) => () => readThere(read, endpoint))]
  for (const attempt of attempts) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof HttpProblem) || error.status < 421) throw error
    }
  }
  return undefined
}

function notOwner(taskId: string, endpoint: string | undefined): HttpProblem {
  const members = { taskId, ...(endpoint === undefined ? {} : { endpoint }) }
  return new HttpProblem('NOT_OWNER', `task ${taskId} is not here`, { members, retryAfterS: 1 })
}

/** What to tell while no instance says that it has a task. */
export function nobodyHasIt(streams: StreamsView, taskId: string): HttpProblem {
  const extras = { members: { taskId }, retryAfterS: 1 }
  switch (streams.state) {
    case 'RUNNING':
      return new HttpProblem('OWNER_UNREACHABLE', `no instance tells that it has task ${taskId}`, extras)
    case 'REBALANCING':
      return new HttpProblem('REBALANCING', `task ${taskId} is on its way to an instance`, extras)
    default:
      return new HttpProblem('NOT_RUNNING', `the stream application is ${streams.state}`, extras)
  }
}
