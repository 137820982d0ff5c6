import {
  MultiVersionedKeyQuery,
  type Query,
  type StoreInfo,
  TimestampedKeyQuery,
  VersionedKeyQuery,
  WindowKeyQuery,
  WindowRangeQuery,
} from '../../streams/index.ts'
import {
  flag,
  KeyDocument,
  keyParams,
  OwnerDocument,
  SessionsDocument,
  time,
  VersionsDocument,
  WindowsDocument,
} from '../api-schemas.ts'
import { type Json, toJson } from '../json.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { FRESHNESS_CODES, freshnessOf, freshnessQuery } from '../query/freshness.ts'
import { KEY_TYPES, keyFromText, storeKeys } from '../query/keys.ts'
import { peerUrl } from '../query/peers.ts'
import { ROUTINGS, readKey } from '../query/read-key.ts'
import { requireStreams } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import { type View, viewOf } from '../views.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import { type Answer, type Request, type Route, route } from './route.ts'
import { requireType } from './stores.ts'

const TAG = 'keys'
const HOUR_MS = 3_600_000
const DEFAULT_SPAN_MS = 3 * HOUR_MS
const MAX_ROWS = 10_000

const keyQuery = freshnessQuery.extend({
  keyType: z.enum(KEY_TYPES).optional().meta({
    description: 'how the key is written here; by default as the serde of the store suggests, which is text for most',
  }),
  routing: z.enum(ROUTINGS).default('proxy').meta({
    description: 'when another instance has the key: ask it (proxy), answer 307 (redirect) or 421 (local)',
  }),
})
const rowsLimit = z.coerce
  .number()
  .int(`must be a whole number from 1 to ${MAX_ROWS}`)
  .min(1, `must be from 1 to ${MAX_ROWS}`)
  .max(MAX_ROWS, `must be from 1 to ${MAX_ROWS}`)
  .default(1_000)
const rowsQuery = keyQuery.extend({
  limit: rowsLimit,
  reverse: flag.meta({ description: 'newest first' }),
})
const windowsQuery = rowsQuery.extend({
  from: time.optional().meta({ description: 'windows that start at this time or later; default: 3 hours ago' }),
  to: time.optional().meta({ description: 'windows that start at this time or earlier; default: now' }),
})
const sessionsQuery = rowsQuery.extend({
  from: time.optional().meta({ description: 'sessions that end at this time or later; default: all' }),
  to: time.optional().meta({ description: 'sessions that start at this time or earlier; default: all' }),
})
const versionsQuery = rowsQuery.extend({
  from: time.optional().meta({ description: 'versions that were valid at this time or later; default: all' }),
  to: time.optional().meta({ description: 'versions that were valid at this time or earlier; default: all' }),
})
const KEY_CODES = { keyType: 'BAD_KEY', key: 'BAD_KEY', ...FRESHNESS_CODES } as const
const ROWS_CODES = { ...KEY_CODES, from: 'BAD_WINDOW', to: 'BAD_WINDOW', limit: 'LIMIT' } as const

const REDIRECT = { 307: { description: 'another instance has the key (routing=redirect)' } }
export const READ_PROBLEMS: readonly ProblemCode[] = [
  'BAD_KEY',
  'BAD_POSITION',
  'STORE_TYPE',
  'STORE_UNKNOWN',
  'NOT_OWNER',
  'OWNER_UNREACHABLE',
  'NOT_RUNNING',
  'REBALANCING',
  'RESTORING',
  'LAG_EXCEEDED',
  'TIMEOUT',
]
const ROWS_PROBLEMS: readonly ProblemCode[] = ['BAD_WINDOW', 'LIMIT', ...READ_PROBLEMS]

type KeyRequest = Request<z.output<typeof keyParams>, z.output<typeof keyQuery>, unknown>

export function keyRoutes(context: QueryContext): readonly Route[] {
  const { streams, clock } = context
  return [
    route({
      method: 'get',
      path: '/v1/stores/{store}/keys/{key}',
      tag: TAG,
      summary: 'The value of a key, of key-value and versioned stores',
      params: keyParams,
      query: keyQuery.extend({
        asOf: time.optional().meta({ description: 'of a versioned store: as it was at this time' }),
      }),
      codes: { ...KEY_CODES, asOf: 'BAD_WINDOW' },
      answers: { 200: { description: 'the value', schema: KeyDocument }, ...REDIRECT },
      problems: ['KEY_NOT_FOUND', 'BAD_WINDOW', ...READ_PROBLEMS],
      handle: (request) => {
        const { store } = request.params
        const { asOf } = request.query
        const { type } = requireStreams(streams).queries.store(store)
        if (asOf !== undefined && type !== 'versioned')
          throw new HttpProblem(
            'STORE_TYPE',
            `${store} is a ${type} store: only a versioned store knows what was before`,
          )
        const query = (key: unknown): Query<Found | undefined> =>
          type === 'versioned'
            ? VersionedKeyQuery.withKey(key, asOf === undefined ? {} : { asOfMs: asOf })
            : TimestampedKeyQuery.withKey(key)
        return answer(context, request, ['key-value', 'versioned'], query, (entry, { view }) => {
          if (entry === undefined) throw new HttpProblem('KEY_NOT_FOUND', `${store} has no such key`)
          const { value, timestampMs, validToMs } = entry
          return {
            value: view(value),
            timestamp: isoTime(timestampMs),
            timestampMs,
            ...(validToMs === undefined ? {} : validTo(validToMs)),
          }
        })
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/windows/{key}',
      tag: TAG,
      summary: 'The windows of a key, oldest first',
      params: keyParams,
      query: windowsQuery,
      codes: ROWS_CODES,
      answers: {
        200: { description: 'the windows; none for a key that was never seen', schema: WindowsDocument },
        ...REDIRECT,
      },
      problems: ROWS_PROBLEMS,
      handle: (request) => {
        const { from, to, limit } = request.query
        const toMs = to ?? Math.max(clock.nowMs(), from ?? 0)
        const fromMs = from ?? toMs - DEFAULT_SPAN_MS
        checkTimes(fromMs, toMs)
        const query = (key: unknown) =>
          WindowKeyQuery.withKeyAndWindowStartRange<unknown, unknown>(key, { fromMs, toMs }, rows(request.query))
        return answer(context, request, ['window'], query, (found, { view, info }) => ({
          windows: found
            .slice(0, limit)
            .map(({ windowStartMs, value }) => ({ ...windowTimes(windowStartMs, info), value: view(value) })),
          more: found.length > limit,
        }))
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/sessions/{key}',
      tag: TAG,
      summary: 'The sessions of a key in the order of their ends',
      params: keyParams,
      query: sessionsQuery,
      codes: ROWS_CODES,
      answers: {
        200: { description: 'the sessions; none for a key that was never seen', schema: SessionsDocument },
        ...REDIRECT,
      },
      problems: ROWS_PROBLEMS,
      handle: (request) => {
        const { limit } = request.query
        const query = (key: unknown) =>
          WindowRangeQuery.withKey<unknown, unknown>(key, timesOf(request.query), rows(request.query))
        return answer(context, request, ['session'], query, (found, { view }) => ({
          sessions: found
            .slice(0, limit)
            .map(({ startMs, endMs, value }) => ({ ...sessionTimes(startMs, endMs), value: view(value) })),
          more: found.length > limit,
        }))
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/versions/{key}',
      tag: TAG,
      summary: 'The versions of a key, oldest first, with the times that they are valid from and to',
      params: keyParams,
      query: versionsQuery,
      codes: ROWS_CODES,
      answers: {
        200: { description: 'the versions; none for a key that was never seen', schema: VersionsDocument },
        ...REDIRECT,
      },
      problems: ROWS_PROBLEMS,
      handle: (request) => {
        const { limit } = request.query
        const { order, limit: most } = rows(request.query)
        const query = (key: unknown) =>
          MultiVersionedKeyQuery.withKey<unknown, unknown>(key, timesOf(request.query), { order, limit: most })
        return answer(context, request, ['versioned'], query, (found, { view }) => ({
          versions: found.slice(0, limit).map(({ value, timestampMs, validToMs }) => ({
            value: view(value),
            timestamp: isoTime(timestampMs),
            timestampMs,
            ...validTo(validToMs),
          })),
          more: found.length > limit,
        }))
      },
    }),
    route({
      method: 'get',
      path: '/v1/metadata/stores/{store}/keys/{key}',
      tag: 'metadata',
      summary: 'Which instance has a key, and which keep a copy',
      params: keyParams,
      query: keyQuery.pick({ keyType: true }),
      codes: { keyType: 'BAD_KEY', key: 'BAD_KEY' },
      answers: { 200: { description: 'the owner', schema: OwnerDocument } },
      problems: ['BAD_KEY', 'STORE_UNKNOWN', 'NOT_RUNNING'],
      handle: async ({ params: { store, key: text }, query: { keyType } }) => {
        const client = requireStreams(streams)
        const { key } = await keyFromText(storeKeys(client, store), text, keyType)
        const { endpoint, local, taskId, partition, standbys } = client.queries.metadataForKey(store, key)
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
            standbys,
            partition,
          },
        }
      },
    }),
  ]
}

interface Found {
  readonly value: unknown
  readonly timestampMs: number
  readonly validToMs?: number
}

export function windowTimes(startMs: number, { windowSizeMs }: StoreInfo) {
  const endMs = windowSizeMs === undefined ? null : startMs + windowSizeMs
  return { start: isoTime(startMs), end: endMs === null ? null : isoTime(endMs), startMs, endMs }
}

export function sessionTimes(startMs: number, endMs: number) {
  return { start: isoTime(startMs), end: isoTime(endMs), startMs, endMs }
}

/** The newest version has no end. */
function validTo(validToMs: number) {
  const isOver = Number.isFinite(validToMs)
  return { validTo: isOver ? isoTime(validToMs) : null, validToMs: isOver ? validToMs : null }
}

function checkTimes(fromMs: number, toMs: number): void {
  if (fromMs > toMs) throw new HttpProblem('BAD_WINDOW', 'from must not be after to')
}

function timesOf({ from, to }: { readonly from?: number | undefined; readonly to?: number | undefined }) {
  if (from !== undefined && to !== undefined) checkTimes(from, to)
  return { ...(from === undefined ? {} : { fromMs: from }), ...(to === undefined ? {} : { toMs: to }) }
}

/** One more than is shown tells whether there are more. */
function rows({ limit, reverse }: { readonly limit: number; readonly reverse: 'true' | 'false' }) {
  return { limit: limit + 1, order: reverse === 'true' ? ('DESCENDING' as const) : ('ASCENDING' as const) }
}

/** Reads the key, then the store here or elsewhere. */
async function answer<R>(
  { streams, peers, views }: QueryContext,
  request: KeyRequest,
  types: readonly StoreInfo['type'][],
  query: (key: unknown) => Query<R>,
  show: (result: R, store: { readonly view: View; readonly info: StoreInfo }) => { readonly [name: string]: Json },
): Promise<Answer> {
  const client = requireStreams(streams)
  const { store, key: text } = request.params
  const info = requireType(client, store, types)
  const { key } = await keyFromText(storeKeys(client, store), text, request.query.keyType)
  const { partition } = client.queries.metadataForKey(store, key)
  return readKey({
    streams: client,
    peers,
    store,
    key,
    query: query(key),
    freshness: freshnessOf(client, store, request, partition),
    routing: request.query.routing,
    isHop: request.isHop,
    pathAndQuery: request.pathAndQuery,
    signal: request.signal,
    position: request.position,
    toJson: (result) => ({ store, key: toJson(key), ...show(result, { view: viewOf(views, store), info }) }),
  })
}
