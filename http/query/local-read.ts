import type { Position, Query, QueryResult, StoreRestore } from '../../streams/index.ts'
import { asProblem, HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'
import { type Freshness, notFreshEnough } from './freshness.ts'

/** What one partition answered here. */
export interface PartAnswer<R> {
  readonly partition: number
  readonly result: R
  readonly position: Position
  readonly role: 'active' | 'standby'
  readonly lag: number
}

/** Which part failed, and why. */
export interface PartProblem {
  readonly partition: number
  readonly problem: HttpProblem
}

/**
 * Asks partitions of this instance, after waiting for the position that the answer has to reach.
 * @throws {StoreNotAvailableError} while the client does not run at all.
 */
export async function readLocal<R>(
  streams: StreamsView,
  store: string,
  query: Query<R>,
  partitions: readonly number[],
  { bound, waitMs, maxLag }: Freshness,
  signal: AbortSignal,
): Promise<{ readonly answers: readonly PartAnswer<R>[]; readonly problems: readonly PartProblem[] }> {
  if (!bound.isUnbounded) await streams.queries.waitFor(store, partitions, bound, { timeoutMs: waitMs, signal })
  const { partitionResults } = await streams.queries.query({
    store,
    query,
    partitions,
    positionBound: bound,
    requireActive: maxLag === undefined,
  })
  const answers: PartAnswer<R>[] = []
  const problems: PartProblem[] = []
  for (const [partition, outcome] of partitionResults) {
    if (!outcome.isSuccess) problems.push({ partition, problem: problemOf(streams, store, partition, outcome) })
    else if (outcome.lag > (maxLag ?? 0)) problems.push({ partition, problem: tooFarBehind(outcome.lag, maxLag) })
    else {
      const { result, position, role, lag } = outcome
      answers.push({ partition, result, position, role, lag })
    }
  }
  return { answers, problems }
}

function tooFarBehind(lag: number, maxLag = 0): HttpProblem {
  return notFreshEnough(`the standby here is ${lag} records behind, more than ${maxLag}`)
}

type Failure = Extract<QueryResult<unknown>, { isSuccess: false }>

/** With how far the restore is, once that is known. */
function restoring(streams: StreamsView, store: string, partition: number, message: string): HttpProblem {
  const task = streams
    .tasks()
    .find(({ taskId }) => taskId === streams.queries.metadataForPartition(store, partition).taskId)
  const restores = task?.restores ?? []
  const sum = (of: (restore: StoreRestore) => number) => restores.reduce((all, restore) => all + of(restore), 0)
  const progress = {
    restored: sum((r) => r.restoredOffset - r.startingOffset),
    total: sum((r) => r.endOffset - r.startingOffset),
  }
  return new HttpProblem('RESTORING', message, {
    retryAfterS: 2,
    members: restores.length === 0 ? {} : { progress },
  })
}

function problemOf(streams: StreamsView, store: string, partition: number, failure: Failure): HttpProblem {
  const { failureReason, failureMessage, position, cause } = failure
  switch (failureReason) {
    case 'NOT_UP_TO_BOUND':
      return notFreshEnough(failureMessage, position)
    case 'NOT_ACTIVE':
      return restoring(streams, store, partition, failureMessage)
    case 'NOT_PRESENT':
      return streams.state === 'REBALANCING'
        ? new HttpProblem('REBALANCING', failureMessage, { retryAfterS: 1 })
        : new HttpProblem('NOT_OWNER', failureMessage, { retryAfterS: 1 })
    case 'DOES_NOT_EXIST':
      return new HttpProblem('BAD_REQUEST', failureMessage)
    case 'UNKNOWN_QUERY_TYPE':
      return new HttpProblem('STORE_TYPE', failureMessage)
    case 'STORE_EXCEPTION':
      return asProblem(cause ?? new Error(failureMessage))
  }
}
