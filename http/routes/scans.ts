import {
  type KeyValueEntry,
  PrefixQuery,
  type Query,
  RangeQuery,
  type SessionEntry,
  SessionRangeQuery,
  type StoreInfo,
  type WindowEntry,
  WindowRangeQuery,
} from '../../streams/index.ts'
import {
  flag,
  limit,
  RangeDocument,
  SessionRangeDocument,
  storeParams,
  time,
  WindowRangeDocument,
} from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { FRESHNESS_CODES } from '../query/freshness.ts'
import {
  base64Bytes,
  KEY_TYPES,
  type KeyType,
  keyFromBytes,
  keyFromText,
  type StoreKeys,
  storeKeys,
} from '../query/keys.ts'
import { timeOrder } from '../query/row-order.ts'
import { requireStreams, type StreamsView } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import { type View, viewOf } from '../views.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import { gatherQuery } from './gather-query.ts'
import { READ_PROBLEMS, sessionTimes, windowTimes } from './keys.ts'
import { type Route, route } from './route.ts'
import { answerRows, type RowsPlan } from './scan-answer.ts'

const TAG = 'ranges'
const pageQuery = gatherQuery.extend({
  limit,
  cursor: z
    .string()
    .max(16_384)
    .optional()
    .meta({ description: 'from the answer before, to go on after its last row' }),
  reverse: flag.meta({ description: 'last row first' }),
  keyType: z.enum(KEY_TYPES).optional(),
})
const keyRangeQuery = pageQuery.extend({
  from: z.string().max(8_192).optional().meta({ description: 'first key, inclusive' }),
  to: z.string().max(8_192).optional().meta({ description: 'last key, inclusive' }),
})
const timeRangeQuery = pageQuery.extend({
  fromKey: z.string().max(8_192).optional().meta({ description: 'first key, inclusive' }),
  toKey: z.string().max(8_192).optional().meta({ description: 'last key, inclusive' }),
})
const windowRangeQuery = timeRangeQuery.extend({
  from: time.optional().meta({ description: 'windows that start at this time or later; default: all' }),
  to: time.optional().meta({ description: 'windows that start at this time or earlier; default: all' }),
})
const sessionRangeQuery = timeRangeQuery.extend({
  from: time.optional().meta({ description: 'sessions that end at this time or later; default: all' }),
  to: time.optional().meta({ description: 'sessions that start at this time or earlier; default: all' }),
})
const CODES = {
  ...FRESHNESS_CODES,
  limit: 'LIMIT',
  cursor: 'BAD_CURSOR',
  keyType: 'BAD_KEY',
  prefix: 'BAD_KEY',
} as const
const KEY_RANGE_CODES = { ...CODES, from: 'BAD_KEY', to: 'BAD_KEY' } as const
const TIME_RANGE_CODES = {
  ...CODES,
  fromKey: 'BAD_KEY',
  toKey: 'BAD_KEY',
  from: 'BAD_WINDOW',
  to: 'BAD_WINDOW',
} as const
export const GATHER_PROBLEMS = READ_PROBLEMS.filter((code) => code !== 'NOT_OWNER')
const SCAN_PROBLEMS: readonly ProblemCode[] = ['BAD_CURSOR', 'LIMIT', ...GATHER_PROBLEMS]
const TIME_PROBLEMS: readonly ProblemCode[] = ['BAD_WINDOW', ...SCAN_PROBLEMS]

/** What a plan is made from. */
interface Asked {
  readonly client: StreamsView
  readonly store: string
  readonly keys: StoreKeys
  readonly info: StoreInfo
  readonly view: View
  readonly isReverse: boolean
  /** Order of the last row of the page before. */
  readonly after: Buffer | undefined
  readonly keyType: KeyType | undefined
}

export function scanRoutes(context: QueryContext): readonly Route[] {
  const { streams, views } = context
  const asked = (
    store: string,
    types: readonly StoreInfo['type'][],
    query: { cursor?: string | undefined; reverse: 'true' | 'false'; keyType?: KeyType | undefined },
  ): Asked => {
    const client = requireStreams(streams)
    const info = client.queries.store(store)
    if (!types.includes(info.type))
      throw new HttpProblem('STORE_TYPE', `${store} is a ${info.type} store, not a ${types.join(' or ')} store`)
    const after = query.cursor === undefined ? undefined : cursorBytes(query.cursor)
    const isReverse = query.reverse === 'true'
    const keys = storeKeys(client, store)
    return { client, store, keys, info, view: viewOf(views, store), isReverse, after, keyType: query.keyType }
  }
  return [
    route({
      method: 'get',
      path: '/v1/stores/{store}/range',
      tag: TAG,
      summary: 'Entries of a key-value or versioned (the newest) store in a range of keys, in the order of their bytes',
      params: storeParams,
      query: keyRangeQuery,
      codes: KEY_RANGE_CODES,
      answers: { 200: { description: 'the entries, gathered from all instances', schema: RangeDocument } },
      problems: SCAN_PROBLEMS,
      handle: async (request) => {
        const about = asked(request.params.store, ['key-value', 'versioned'], request.query)
        const { from, to } = request.query
        const plan = await keyPlan(about, { from: await keyOf(about, from), to: await keyOf(about, to) })
        return answerRows(context, request, 'entries', plan)
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/prefix/{prefix}',
      tag: TAG,
      summary: 'Entries whose keys begin so',
      params: storeParams.extend({ prefix: z.string().min(1).max(8_192) }),
      query: pageQuery,
      codes: CODES,
      answers: { 200: { description: 'the entries, gathered from all instances', schema: RangeDocument } },
      problems: SCAN_PROBLEMS,
      handle: async (request) => {
        const about = asked(request.params.store, ['key-value'], request.query)
        return answerRows(context, request, 'entries', await keyPlan(about, prefixBounds(about, request.params.prefix)))
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/windows',
      tag: TAG,
      summary: 'Windows of all keys by their starts',
      params: storeParams,
      query: windowRangeQuery,
      codes: TIME_RANGE_CODES,
      answers: { 200: { description: 'the windows, gathered from all instances', schema: WindowRangeDocument } },
      problems: TIME_PROBLEMS,
      handle: async (request) => {
        const about = asked(request.params.store, ['window'], request.query)
        const { info, view } = about
        const bounds = await timeBounds(about, request.query)
        const query = WindowRangeQuery.withWindowStartRange<unknown, unknown>(bounds.times, bounds.keys)
        return answerRows(
          context,
          request,
          'windows',
          timePlan<WindowEntry<unknown, unknown>>(about, query, (row) => ({
            order: timeOrder([row.windowStartMs], keyBytes(about, row.key)),
            json: { ...entry(view, row), ...windowTimes(row.windowStartMs, info) },
          })),
        )
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/sessions',
      tag: TAG,
      summary: 'Sessions of all keys by their times',
      params: storeParams,
      query: sessionRangeQuery,
      codes: TIME_RANGE_CODES,
      answers: { 200: { description: 'the sessions, gathered from all instances', schema: SessionRangeDocument } },
      problems: TIME_PROBLEMS,
      handle: async (request) => {
        const about = asked(request.params.store, ['session'], request.query)
        const { view } = about
        const bounds = await timeBounds(about, request.query)
        const query = SessionRangeQuery.overlapping<unknown, unknown>(bounds.times, bounds.keys)
        return answerRows(
          context,
          request,
          'sessions',
          timePlan<SessionEntry<unknown, unknown>>(about, query, (row) => ({
            order: timeOrder([row.endMs, row.startMs], keyBytes(about, row.key)),
            json: { ...entry(view, row), ...sessionTimes(row.startMs, row.endMs) },
          })),
        )
      },
    }),
  ]
}

interface KeyBounds {
  readonly from?: unknown
  readonly to?: unknown
  readonly prefix?: Buffer
  readonly accepts?: (key: unknown) => boolean
}

/** Key-value rows come in the order of the answer, and a scan can begin after the cursor. */
async function keyPlan(about: Asked, bounds: KeyBounds): Promise<RowsPlan<KeyValueEntry<unknown, unknown>>> {
  const { keys, view, isReverse, after } = about
  const { prefix, accepts } = bounds
  const order = isReverse ? 'DESCENDING' : 'ASCENDING'
  const start = after === undefined ? undefined : (await keyFromBytes(keys, after)).key
  const from = !isReverse && start !== undefined ? start : bounds.from
  const to = isReverse && start !== undefined ? start : bounds.to
  const query: Query<AsyncIterable<KeyValueEntry<unknown, unknown>>> =
    prefix === undefined || start !== undefined
      ? RangeQuery.withRange(from, to, { order })
      : PrefixQuery.withPrefix(prefix, { order })
  return {
    query,
    isSorted: true,
    // The key that a cursor stands behind has the prefix: so have all that follow until one has not.
    isEnd: (row) => prefix !== undefined && !keyBytes(about, row.key).subarray(0, prefix.length).equals(prefix),
    toRow: (row) => {
      const bytes = keyBytes(about, row.key)
      if (!isPast(about, bytes) || accepts?.(row.key) === false) return undefined
      return { order: bytes, json: entry(view, row) }
    },
  }
}

function timePlan<R>(about: Asked, query: Query<AsyncIterable<R>>, toRow: RowsPlan<R>['toRow']): RowsPlan<R> {
  return {
    query,
    isSorted: false,
    toRow: (row) => {
      const made = toRow(row)
      return made === undefined || !isPast(about, made.order) ? undefined : made
    },
  }
}

function isPast({ after, isReverse }: Asked, order: Buffer): boolean {
  if (after === undefined) return true
  return isReverse ? Buffer.compare(order, after) < 0 : Buffer.compare(order, after) > 0
}

function entry(view: View, row: KeyValueEntry<unknown, unknown> | Timed) {
  const { key, value, timestampMs } = row
  return { key: toJson(key), value: view(value), timestamp: isoTime(timestampMs), timestampMs }
}

type Timed = Pick<KeyValueEntry<unknown, unknown>, 'key' | 'value' | 'timestampMs'>

function keyBytes({ keys }: Asked, key: unknown): Buffer {
  return Buffer.from(keys.serde.serialize(key, keys.topic))
}

async function keyOf({ keys, keyType }: Asked, text: string | undefined): Promise<unknown> {
  return text === undefined ? undefined : (await keyFromText(keys, text, keyType)).key
}

async function timeBounds(
  about: Asked,
  query: {
    readonly from?: number | undefined
    readonly to?: number | undefined
    readonly fromKey?: string | undefined
    readonly toKey?: string | undefined
  },
) {
  const { from, to } = query
  if (from !== undefined && to !== undefined && from > to)
    throw new HttpProblem('BAD_WINDOW', 'from must not be after to')
  const fromKey = await keyOf(about, query.fromKey)
  const toKey = await keyOf(about, query.toKey)
  return {
    times: { ...(from === undefined ? {} : { fromMs: from }), ...(to === undefined ? {} : { toMs: to }) },
    keys: { ...(fromKey === undefined ? {} : { from: fromKey }), ...(toKey === undefined ? {} : { to: toKey }) },
  }
}

/** Text that is written as it is can be sought by its bytes; where a serde wraps it (Avro), every key has to be looked at. */
function prefixBounds({ keys: { serde }, keyType }: Asked, text: string): KeyBounds {
  if (keyType === 'base64') return { prefix: prefixBytes(text) }
  if (keyType !== undefined && keyType !== 'string')
    throw new HttpProblem('BAD_KEY', 'a prefix is text, or bytes with keyType=base64')
  if (serde.name === 'string') return { prefix: Buffer.from(text, 'utf8') }
  return { accepts: (key) => typeof key === 'string' && key.startsWith(text) }
}

function prefixBytes(text: string): Buffer {
  try {
    return base64Bytes(text)
  } catch (cause) {
    throw new HttpProblem('BAD_KEY', 'the prefix is not base64', { cause })
  }
}

function cursorBytes(cursor: string): Buffer {
  try {
    return base64Bytes(cursor)
  } catch (cause) {
    throw new HttpProblem('BAD_CURSOR', 'the cursor is not one of ours', { cause })
  }
}
