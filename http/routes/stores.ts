import { Position, type StoreInfo } from '../../streams/index.ts'
import { CountDocument, StoreDocument, storeParams } from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { asProblem, HttpProblem } from '../problem.ts'
import { freshnessHeaders } from '../query/freshness.ts'
import { type Covered, gather, localPartitions, type Part, peerPartJson } from '../query/gather.ts'
import { requireStreams, type StreamsView } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import { gatherQuery } from './gather-query.ts'
import { type Route, route } from './route.ts'
import { checkPartitions } from './scan-answer.ts'

const TAG = 'stores'

/** @throws {HttpProblem} `STORE_TYPE` */
export function requireType(streams: StreamsView, store: string, types: readonly StoreInfo['type'][]): StoreInfo {
  const info = streams.queries.store(store)
  if (!types.includes(info.type))
    throw new HttpProblem('STORE_TYPE', `${store} is a ${info.type} store, not a ${types.join(' or ')} store`)
  return info
}

type Counts = readonly { readonly partition: number; readonly count: number }[]
const PeerCounts = z.object({ counts: z.array(z.object({ partition: z.number().int(), count: z.number() })) })

async function countHere(
  streams: StreamsView,
  store: string,
  partitions: readonly number[],
  maxLag: number | undefined,
): Promise<Part<Counts>> {
  const covered: Covered[] = []
  const active = new Set(localPartitions(streams.queries.store(store)))
  const problems: { partition: number; problem: HttpProblem }[] = []
  const counts: { partition: number; count: number }[] = []
  for (const partition of partitions) {
    try {
      const query = { partition, ...(maxLag === undefined ? {} : { maxLag }) }
      const count = await streams.queries.keyValueStore(store, query).approximateEntries()
      counts.push({ partition, count })
      // A count does not tell how far behind the copy is: no further than was allowed.
      const isActive = active.has(partition)
      const role = isActive ? 'active' : 'standby'
      covered.push({ partition, role, lag: isActive ? 0 : (maxLag ?? 0), position: Position.empty() })
    } catch (error) {
      problems.push({ partition, problem: asProblem(error) })
    }
  }
  return { covered, problems, data: counts }
}

export function storeRoutes({ streams, peers }: QueryContext): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/stores',
      tag: TAG,
      summary: 'All stores of the topology',
      answers: { 200: { description: 'the stores', schema: z.object({ stores: z.array(StoreDocument) }) } },
      problems: ['NOT_RUNNING'],
      handle: async () => ({ json: { stores: toJson(requireStreams(streams).queries.stores()) } }),
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}',
      tag: TAG,
      summary: 'One store',
      params: storeParams,
      answers: { 200: { description: 'the store', schema: StoreDocument } },
      problems: ['STORE_UNKNOWN', 'NOT_RUNNING'],
      handle: async ({ params }) => ({ json: toJson(requireStreams(streams).queries.store(params.store)) }),
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/count',
      tag: TAG,
      summary: 'How many entries a key-value store has, over all instances',
      params: storeParams,
      query: gatherQuery.pick({ partitions: true, maxLag: true }),
      answers: { 200: { description: 'an estimate: deleted entries may still count', schema: CountDocument } },
      problems: [
        'STORE_UNKNOWN',
        'STORE_TYPE',
        'NOT_RUNNING',
        'REBALANCING',
        'RESTORING',
        'OWNER_UNREACHABLE',
        'TIMEOUT',
      ],
      handle: async ({ params: { store }, query, isHop, pathAndQuery, signal }) => {
        const client = requireStreams(streams)
        const info = requireType(client, store, ['key-value'])
        const { partitions, maxLag } = query
        checkPartitions(partitions, info.partitions)
        const { parts, covered, complete, missing, failures } = await gather<Counts>({
          streams: client,
          info,
          peers,
          pathAndQuery,
          position: undefined,
          waitMs: 0,
          partitions,
          isHop,
          maxLag,
          signal,
          local: (of) => countHere(client, store, of, maxLag),
          remote: (body) => PeerCounts.parse(body).counts,
          only: (counts, of) => counts.filter(({ partition }) => of.has(partition)),
        })
        if (isHop) {
          const problems = failures.flatMap((f) => f.partitions.map((partition) => ({ partition, code: f.reason })))
          const counts = toJson(parts.flat())
          return { json: { ...peerPartJson({ covered, problems: [], data: undefined }), problems, counts } }
        }
        const count = parts.flat().reduce((sum, part) => sum + part.count, 0)
        return {
          headers: freshnessHeaders(covered),
          json: toJson({ store, count, approximate: true, complete, missing, failures }),
        }
      },
    }),
  ]
}
