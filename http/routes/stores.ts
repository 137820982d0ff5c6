import { CountDocument, StoreDocument, storeParams } from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { HttpProblem } from '../problem.ts'
import { gather } from '../query/gather.ts'
import { requireStreams, type StreamsView } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
import { type Route, route } from './route.ts'

export const ROLE_ACTIVE = { 'X-Streams-Role': 'active' }
const TAG = 'stores'

/** @throws {HttpProblem} `STORE_TYPE` */
export function requireType(streams: StreamsView, store: string, type: 'key-value' | 'window') {
  const info = streams.queries.store(store)
  if (info.type !== type) throw new HttpProblem('STORE_TYPE', `${store} is a ${info.type} store, not a ${type} store`)
  return info
}

export function storeRoutes({ streams, peers }: RouteContext): readonly Route[] {
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
      handle: async ({ params: { store }, isHop, pathAndQuery, signal }) => {
        const client = requireStreams(streams)
        const { parts, complete, failures } = await gather<number>({
          streams: client,
          info: requireType(client, store, 'key-value'),
          peers,
          pathAndQuery,
          localOnly: isHop,
          signal,
          local: async () => client.queries.keyValueStore(store).approximateEntries(),
          remote: (body) => CountDocument.parse(body).count,
        })
        const count = parts.reduce((sum, part) => sum + part, 0)
        return { headers: ROLE_ACTIVE, json: toJson({ store, count, approximate: true, complete, failures }) }
      },
    }),
  ]
}
