import { HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'

export const ROUTINGS = ['proxy', 'redirect', 'local'] as const

/** What to do with a request for a key that another instance has: ask it, send the client there, or refuse. */
export type Routing = (typeof ROUTINGS)[number]

export type Owner = { readonly kind: 'here' } | { readonly kind: 'at'; readonly endpoint: string }

export interface OwnershipQuestion {
  readonly streams: StreamsView
  readonly store: string
  readonly key: unknown
  /** The request comes from another instance already. */
  readonly isHop: boolean
  readonly routing: Routing
}

/**
 * Who answers for a key. @throws {HttpProblem} `NOT_OWNER` when the key is elsewhere and the request may not go there,
 * `REBALANCING` or `NOT_RUNNING` while nobody has it, `OWNER_UNREACHABLE` when the one who has it told no endpoint.
 */
export function ownerOf({ streams, store, key, isHop, routing }: OwnershipQuestion): Owner {
  const { local, endpoint, taskId } = streams.queries.metadataForKey(store, key)
  const { tasks, partitions } = streams.queries.store(store)
  if (local || (partitions > 0 && tasks.length >= partitions)) return { kind: 'here' }
  const members = { taskId, ...(endpoint === undefined ? {} : { endpoint }) }
  if (isHop || routing === 'local') throw new HttpProblem('NOT_OWNER', `task ${taskId} is not here`, { members })
  if (endpoint !== undefined) return { kind: 'at', endpoint }
  const retryAfterS = 1
  switch (streams.state) {
    case 'RUNNING':
      throw new HttpProblem('OWNER_UNREACHABLE', `no instance tells that it has task ${taskId}`, {
        members,
        retryAfterS,
      })
    case 'REBALANCING':
      throw new HttpProblem('REBALANCING', `task ${taskId} is on its way to an instance`, { members, retryAfterS })
    default:
      throw new HttpProblem('NOT_RUNNING', `the stream application is ${streams.state}`, { members, retryAfterS })
  }
}
