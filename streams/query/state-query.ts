import { asError, InvalidArgumentError } from '../../common/errors.ts'
import { ask, canAnswer, isCommittedOnly } from './ask-part.ts'
import { guardedRead } from './guarded.ts'
import { Position, PositionBound } from './position.ts'
import type { StorePart } from './query-host.ts'
import type { Query } from './state-queries.ts'
import type { StoreParts } from './store-parts.ts'

/** @see org.apache.kafka.streams.query.StateQueryRequest */
export interface StateQueryRequest<R> {
  readonly store: string
  readonly query: Query<R>
  /** Parts that are not so far answer `NOT_UP_TO_BOUND` (default: unbounded). */
  readonly positionBound?: PositionBound
  /** Default: all that are here. */
  readonly partitions?: readonly number[]
  /** Refuses standbys, which are otherwise asked where they are. */
  readonly requireActive?: boolean
}

/** @see org.apache.kafka.streams.query.FailureReason */
export type FailureReason =
  | 'UNKNOWN_QUERY_TYPE'
  | 'NOT_ACTIVE'
  | 'NOT_UP_TO_BOUND'
  | 'NOT_PRESENT'
  | 'DOES_NOT_EXIST'
  | 'STORE_EXCEPTION'

/** What one partition answered. @see org.apache.kafka.streams.query.QueryResult */
export type QueryResult<R> =
  | {
      readonly isSuccess: true
      readonly result: R
      /** The answer is at least this far. Empty for a standby, whose changelog does not tell. */
      readonly position: Position
      readonly role: 'active' | 'standby'
      /** Changelog records that it is behind by: 0 for an active task. */
      readonly lag: number
    }
  | {
      readonly isSuccess: false
      readonly failureReason: FailureReason
      readonly failureMessage: string
      readonly position: Position
      /** What the store threw (`STORE_EXCEPTION`). */
      readonly cause?: Error
    }

/** @see org.apache.kafka.streams.query.StateQueryResult */
export class StateQueryResult<R> {
  readonly partitionResults: ReadonlyMap<number, QueryResult<R>>
  /** All positions together: as a bound of the next request it never shows less than this answer did. */
  readonly position: Position

  constructor(partitionResults: ReadonlyMap<number, QueryResult<R>>) {
    this.partitionResults = partitionResults
    this.position = [...partitionResults.values()].reduce((all, { position }) => all.merge(position), Position.empty())
  }

  /**
   * The one answer there is, where at most one partition has any: for keys. `undefined` when none has.
   * @throws {InvalidArgumentError} when there are several; {Error} of the failure when none succeeded.
   */
  get onlyPartitionResult(): R | undefined {
    const results = [...this.partitionResults.values()]
    const found = results.flatMap((r) => (r.isSuccess && hasSome(r.result) ? [r.result] : []))
    if (found.length > 1) throw new InvalidArgumentError('several partitions have an answer: look at partitionResults')
    if (found.length === 1) return found[0]
    const good = results.find((r) => r.isSuccess)
    if (good?.isSuccess) return good.result
    const [failure] = results
    if (failure !== undefined && !failure.isSuccess)
      throw new InvalidArgumentError(`${failure.failureReason}: ${failure.failureMessage}`)
    return undefined
  }
}

/** Asks the parts of this instance. @throws as `StoreParts.builder`, `checkRuns` and `checkBound` do. */
export async function runStateQuery<R>(parts: StoreParts, request: StateQueryRequest<R>): Promise<StateQueryResult<R>> {
  const { store } = request
  const { type } = parts.builder(store)
  parts.checkRuns(store)
  const bound = request.positionBound ?? PositionBound.unbounded()
  parts.checkBound(store, bound.position)
  const partitions = request.partitions ?? parts.localPartitions(store)
  const answers = partitions.map(async (partition): Promise<readonly [number, QueryResult<R>]> => {
    if (!canAnswer(type, request.query))
      return [partition, failed('UNKNOWN_QUERY_TYPE', `${type} stores do not answer ${request.query.type}`)]
    if (!(partition >= 0 && partition < Math.max(1, parts.partitions(store))))
      return [partition, failed('DOES_NOT_EXIST', `${store} has no partition ${partition}`)]
    const part = parts.part(store, partition)
    if (part === undefined) return [partition, failed('NOT_PRESENT', `partition ${partition} is not here`)]
    if (part === 'restoring') return [partition, failed('NOT_ACTIVE', `partition ${partition} is being restored`)]
    if (request.requireActive && part.role !== 'active')
      return [partition, failed('NOT_ACTIVE', `partition ${partition} is a standby here`)]
    return [partition, await askPart(part, request.query, bound)]
  })
  return new StateQueryResult(new Map(await Promise.all(answers)))
}

async function askPart<R>(part: StorePart, query: Query<R>, bound: PositionBound): Promise<QueryResult<R>> {
  const position = part.position(isCommittedOnly(query))
  if (!bound.isMetBy(position, part.inputPartition)) {
    part.hasten()
    return {
      ...failed('NOT_UP_TO_BOUND', `the answer would be of ${position}, not yet of ${bound.position}`),
      position,
    }
  }
  try {
    const result = (await guardedRead(part, () => ask(part, query))) as R
    return { isSuccess: true, result, position, role: part.role, lag: part.lag }
  } catch (error) {
    const cause = asError(error)
    return { ...failed('STORE_EXCEPTION', cause.message), position, cause }
  }
}

function failed(failureReason: FailureReason, failureMessage: string) {
  return { isSuccess: false as const, failureReason, failureMessage, position: Position.empty() }
}

function hasSome(result: unknown): boolean {
  return result !== undefined && !(Array.isArray(result) && result.length === 0)
}
