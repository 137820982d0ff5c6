import type { Query } from '../../streams/index.ts'
import { type Json, toJson } from '../json.ts'
import { HttpProblem } from '../problem.ts'
import { freshnessHeaders, freshnessOf, type freshnessQuery, waitOf } from '../query/freshness.ts'
import { gather, PeerPart, peerPartJson } from '../query/gather.ts'
import { onlyPartitions, pageOf, type Rows, type ScanRow, scanPartitions } from '../query/partition-scan.ts'
import { requireStreams } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import type { Answer, RawRequest } from './route.ts'

/** How the rows of a store become those of an answer. */
export interface RowsPlan<R> {
  readonly query: Query<AsyncIterable<R>>
  /** The store has them in the order of the answer. */
  readonly isSorted: boolean
  readonly isEnd?: (row: R) => boolean
  readonly toRow: (row: R) => Omit<ScanRow, 'partition'> | undefined
}

interface ScanRequest extends RawRequest {
  readonly params: { readonly store: string }
  readonly query: z.output<typeof freshnessQuery> & {
    readonly limit: number
    readonly reverse: 'true' | 'false'
    readonly partitions?: readonly number[] | undefined
  }
}

/** How one instance tells another its rows. */
const PeerRows = PeerPart.extend({
  rows: z.array(z.object({ order: z.base64(), partition: z.number().int(), json: z.record(z.string(), z.unknown()) })),
  end: z.base64().optional(),
})

/** One page of rows, gathered from all instances; or for another instance, what is here. */
export async function answerRows<R>(
  { streams, peers }: QueryContext,
  request: ScanRequest,
  name: 'entries' | 'windows' | 'sessions',
  plan: RowsPlan<R>,
): Promise<Answer> {
  const client = requireStreams(streams)
  const { store } = request.params
  const { limit, partitions } = request.query
  const reverse = request.query.reverse === 'true'
  const info = client.queries.store(store)
  checkPartitions(partitions, info.partitions)
  const freshness = freshnessOf(client, store, request)
  const { signal } = request
  const scan = { ...plan, streams: client, store, freshness, limit, reverse, signal }
  const gathered = await gather<Rows>({
    streams: client,
    info,
    peers,
    pathAndQuery: request.pathAndQuery,
    position: request.position,
    waitMs: waitOf(freshness),
    partitions,
    isHop: request.isHop,
    maxLag: freshness.maxLag,
    signal,
    local: (of) => scanPartitions(scan, of),
    remote: peerRows,
    only: onlyPartitions,
  })
  const { parts, covered, complete, missing, failures } = gathered
  if (request.isHop) {
    const [rows] = parts
    const problems = failures.flatMap((f) => f.partitions.map((partition) => ({ partition, code: f.reason })))
    return { json: { ...peerPartJson({ covered, problems: [], data: undefined }), problems, ...rowsJson(rows) } }
  }
  const { page, isCut } = pageOf(parts, limit, reverse)
  const last = isCut ? page.at(-1) : undefined
  return {
    headers: freshnessHeaders(covered),
    json: {
      store,
      [name]: page.map((row) => row.json),
      ...(last === undefined ? {} : { cursor: last.order.toString('base64url') }),
      complete,
      missing,
      failures: toJson(failures),
    },
  }
}

/** @throws {HttpProblem} `BAD_REQUEST` for a partition that the store does not have. */
export function checkPartitions(asked: readonly number[] | undefined, count: number): void {
  const foreign = asked?.find((partition) => partition >= Math.max(count, 1))
  if (foreign !== undefined)
    throw new HttpProblem('BAD_REQUEST', `the store has ${count} partitions: there is none of number ${foreign}`)
}

function rowsJson(data: Rows | undefined): { readonly [name: string]: Json } {
  const rows = (data?.rows ?? []).map(({ order, partition, json }) => ({
    order: order.toString('base64'),
    partition,
    json,
  }))
  return { rows, ...(data?.end === undefined ? {} : { end: data.end.toString('base64') }) }
}

function peerRows(body: Json): Rows {
  const { rows, end } = PeerRows.parse(body)
  return {
    rows: rows.map(({ order, partition, json }) => ({
      order: Buffer.from(order, 'base64'),
      partition,
      json: json as ScanRow['json'],
    })),
    end: end === undefined ? undefined : Buffer.from(end, 'base64'),
  }
}
