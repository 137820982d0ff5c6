import { KeyDocument, keyParams, OwnerDocument, time, WindowsDocument } from '../api-schemas.ts'
import { type Json, toJson } from '../json.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { KEY_TYPES, keyFromText, type StoreKey, storeKeys } from '../query/keys.ts'
import { ownerOf, ROUTINGS } from '../query/ownership.ts'
import { peerUrl } from '../query/peers.ts'
import { requireStreams, type StreamsView } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import { viewOf } from '../views.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
import { type Answer, type Request, type Route, route } from './route.ts'
import { ROLE_ACTIVE, requireType } from './stores.ts'

const TAG = 'keys'
const HOUR_MS = 3_600_000
const DEFAULT_SPAN_MS = 3 * HOUR_MS
const MAX_WINDOWS = 10_000

const keyQuery = z.object({
  keyType: z.enum(KEY_TYPES).optional().meta({
    description: 'how the key is written here; by default as the serde of the store suggests, which is text for most',
  }),
  routing: z.enum(ROUTINGS).default('proxy').meta({
    description: 'when another instance has the key: ask it (proxy), answer 307 (redirect) or 421 (local)',
  }),
})
const windowsLimit = z.coerce
  .number()
  .int(`must be a whole number from 1 to ${MAX_WINDOWS}`)
  .min(1, `must be from 1 to ${MAX_WINDOWS}`)
  .max(MAX_WINDOWS, `must be from 1 to ${MAX_WINDOWS}`)
  .default(1_000)
const windowsQuery = keyQuery.extend({
  from: time.optional().meta({ description: 'windows that start at this time or later; default: 3 hours ago' }),
  to: time.optional().meta({ description: 'windows that start at this time or earlier; default: now' }),
  limit: windowsLimit,
  reverse: z.enum(['true', 'false']).default('false').meta({ description: 'newest first' }),
})

const REDIRECT = { 307: { description: 'another instance has the key (routing=redirect)' } }
const READ_PROBLEMS: readonly ProblemCode[] = [
  'BAD_KEY',
  'STORE_TYPE',
  'STORE_UNKNOWN',
  'NOT_OWNER',
  'OWNER_UNREACHABLE',
  'NOT_RUNNING',
  'REBALANCING',
  'RESTORING',
  'TIMEOUT',
]

type KeyRequest = Request<z.output<typeof keyParams>, z.output<typeof keyQuery>, unknown>

export function keyRoutes(context: RouteContext): readonly Route[] {
  const { streams, views, clock } = context
  return [
    route({
      method: 'get',
      path: '/v1/stores/{store}/keys/{key}',
      tag: TAG,
      summary: 'The value of a key',
      params: keyParams,
      query: keyQuery,
      codes: { keyType: 'BAD_KEY', key: 'BAD_KEY' },
      answers: { 200: { description: 'the value', schema: KeyDocument }, ...REDIRECT },
      problems: ['KEY_NOT_FOUND', ...READ_PROBLEMS],
      handle: (request) =>
        answerFromOwner(context, request, 'key-value', async (client, { key }) => {
          const { store } = request.params
          const entry = await client.queries.keyValueStore(store).getEntry(key)
          if (entry === undefined) throw new HttpProblem('KEY_NOT_FOUND', `${store} has no such key`)
          const { value, timestampMs } = entry
          return {
            store,
            key: toJson(key),
            value: viewOf(views, store)(value),
            timestamp: isoTime(timestampMs),
            timestampMs,
          }
        }),
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/windows/{key}',
      tag: TAG,
      summary: 'The windows of a key, oldest first',
      params: keyParams,
      query: windowsQuery,
      codes: { keyType: 'BAD_KEY', key: 'BAD_KEY', from: 'BAD_WINDOW', to: 'BAD_WINDOW', limit: 'LIMIT' },
      answers: {
        200: { description: 'the windows; none for a key that was never seen', schema: WindowsDocument },
        ...REDIRECT,
      },
      problems: ['BAD_WINDOW', 'LIMIT', ...READ_PROBLEMS],
      handle: (request) => {
        const { from, to, limit, reverse } = request.query
        const toMs = to ?? Math.max(clock.nowMs(), from ?? 0)
        const fromMs = from ?? toMs - DEFAULT_SPAN_MS
        if (fromMs > toMs) throw new HttpProblem('BAD_WINDOW', 'from must not be after to')
        return answerFromOwner(context, request, 'window', async (client, { key }) => {
          const { store } = request.params
          const { windowSizeMs } = client.queries.store(store)
          const options = { limit: limit + 1, reverse: reverse === 'true' }
          const rows = await client.queries.windowStore(store).fetch(key, fromMs, toMs, options)
          const view = viewOf(views, store)
          const windows = rows.slice(0, limit).map(({ windowStartMs, value }) => {
            const endMs = windowSizeMs === undefined ? null : windowStartMs + windowSizeMs
            return {
              start: isoTime(windowStartMs),
              end: endMs === null ? null : isoTime(endMs),
              startMs: windowStartMs,
              endMs,
              value: view(value),
            }
          })
          return { store, key: toJson(key), windows, more: rows.length > limit }
        })
      },
    }),
    route({
      method: 'get',
      path: '/v1/metadata/stores/{store}/keys/{key}',
      tag: 'metadata',
      summary: 'Which instance has a key',
      params: keyParams,
      query: keyQuery.pick({ keyType: true }),
      codes: { keyType: 'BAD_KEY', key: 'BAD_KEY' },
      answers: { 200: { description: 'the owner', schema: OwnerDocument } },
      problems: ['BAD_KEY', 'STORE_UNKNOWN', 'NOT_RUNNING'],
      handle: async ({ params: { store, key: text }, query: { keyType } }) => {
        const client = requireStreams(streams)
        const { key } = await keyFromText(storeKeys(client, store), text, keyType)
        const { endpoint, local, taskId, partition } = client.queries.metadataForKey(store, key)
        const url = endpoint === undefined ? undefined : peerUrl(endpoint)
        return {
          json: {
            store,
            key: toJson(key),
            endpoint: endpoint ?? null,
            host: url?.hostname ?? null,
            port: url === undefined ? null : Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
            local,
            active: taskId,
            standbys: [],
            partition,
          },
        }
      },
    }),
  ]
}

/** Reads here, or has the owner answer: at most one hop. */
async function answerFromOwner(
  { streams, peers }: RouteContext,
  request: KeyRequest,
  type: 'key-value' | 'window',
  read: (client: StreamsView, key: StoreKey) => Promise<Json>,
): Promise<Answer> {
  const client = requireStreams(streams)
  const { store, key: text } = request.params
  const { keyType, routing } = request.query
  requireType(client, store, type)
  const key = await keyFromText(storeKeys(client, store), text, keyType)
  const owner = ownerOf({ streams: client, store, key: key.key, isHop: request.isHop, routing })
  if (owner.kind === 'here') return { headers: ROLE_ACTIVE, json: await read(client, key) }
  if (routing === 'redirect')
    return { status: 307, headers: { Location: new URL(request.pathAndQuery, peerUrl(owner.endpoint)).href } }
  const { status, body, contentType, headers } = await peers.get(owner.endpoint, request.pathAndQuery, request.signal)
  return { status, json: body, contentType, headers: { ...headers, ...(status === 200 ? ROLE_ACTIVE : {}) } }
}
