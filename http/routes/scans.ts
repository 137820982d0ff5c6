import type { KeyValueEntry } from '../../streams/index.ts'
import { flag, limit, RangeDocument, storeParams } from '../api-schemas.ts'
import { type Json, toJson } from '../json.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { gather } from '../query/gather.ts'
import {
  base64Bytes,
  KEY_TYPES,
  type KeyType,
  keyFromBytes,
  keyFromText,
  type StoreKeys,
  storeKeys,
} from '../query/keys.ts'
import { type ScanOnePartition, type ScanRow, scanLocal } from '../query/local-scan.ts'
import { requireStreams } from '../streams-view.ts'
import { viewOf } from '../views.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
import { type Answer, type RawRequest, type Route, route } from './route.ts'
import { ROLE_ACTIVE, requireType } from './stores.ts'

const TAG = 'ranges'
const scanQuery = z.object({
  limit,
  cursor: z
    .string()
    .max(16_384)
    .optional()
    .meta({ description: 'from the answer before, to go on after its last key' }),
  reverse: flag.meta({ description: 'last key first' }),
  keyType: z.enum(KEY_TYPES).optional(),
})
const rangeQuery = scanQuery.extend({
  from: z.string().max(8_192).optional().meta({ description: 'first key, inclusive' }),
  to: z.string().max(8_192).optional().meta({ description: 'last key, inclusive' }),
})
const CODES = {
  limit: 'LIMIT',
  cursor: 'BAD_CURSOR',
  keyType: 'BAD_KEY',
  from: 'BAD_KEY',
  to: 'BAD_KEY',
  prefix: 'BAD_KEY',
} as const
const PROBLEMS: readonly ProblemCode[] = [
  'BAD_KEY',
  'BAD_CURSOR',
  'LIMIT',
  'STORE_TYPE',
  'STORE_UNKNOWN',
  'OWNER_UNREACHABLE',
  'NOT_RUNNING',
  'REBALANCING',
  'RESTORING',
  'TIMEOUT',
]

/** One instance tells another the bytes of each key, by which both are merged. */
const PeerRange = z.object({
  entries: z.array(z.looseObject({ keyBytes: z.base64() })),
  cursor: z.string().optional(),
})

export function scanRoutes(context: RouteContext): readonly Route[] {
  const answers = { 200: { description: 'the entries, gathered from all instances', schema: RangeDocument } }
  return [
    route({
      method: 'get',
      path: '/v1/stores/{store}/range',
      tag: TAG,
      summary: 'Entries in a range of keys, in the order of their bytes',
      params: storeParams,
      query: rangeQuery,
      codes: CODES,
      answers,
      problems: PROBLEMS,
      handle: (request) => {
        const { from, to, keyType } = request.query
        return scan(context, request, async (keys) => {
          const read = async (text: string | undefined) =>
            text === undefined ? undefined : (await keyFromText(keys, text, keyType)).key
          return { from: await read(from), to: await read(to) }
        })
      },
    }),
    route({
      method: 'get',
      path: '/v1/stores/{store}/prefix/{prefix}',
      tag: TAG,
      summary: 'Entries whose keys begin so',
      params: storeParams.extend({ prefix: z.string().min(1).max(8_192) }),
      query: scanQuery,
      codes: CODES,
      answers,
      problems: PROBLEMS,
      handle: (request) =>
        scan(context, request, async (keys) => prefixBounds(keys, request.params.prefix, request.query.keyType)),
    }),
  ]
}

interface Part {
  readonly rows: readonly ScanRow[]
  /** The instance has rows past its limit. */
  readonly more: boolean
}

interface Bounds {
  readonly from?: unknown
  readonly to?: unknown
  readonly prefix?: Buffer
  readonly accepts?: (row: { key: unknown; keyBytes: Buffer }) => boolean
}

/** Text that is written as it is can be sought by its bytes; where a serde wraps it (Avro), every key has to be looked at. */
function prefixBounds({ serde }: StoreKeys, text: string, keyType: KeyType | undefined): Bounds {
  if (keyType === 'base64') return { prefix: prefixBytes(text) }
  if (keyType !== undefined && keyType !== 'string')
    throw new HttpProblem('BAD_KEY', 'a prefix is text, or bytes with keyType=base64')
  if (serde.name === 'string') return { prefix: Buffer.from(text, 'utf8') }
  return { accepts: ({ key }) => typeof key === 'string' && key.startsWith(text) }
}

function prefixBytes(text: string): Buffer {
  try {
    return base64Bytes(text)
  } catch (cause) {
    throw new HttpProblem('BAD_KEY', 'the prefix is not base64', { cause })
  }
}

interface ScanRequest extends RawRequest {
  readonly params: { readonly store: string }
  readonly query: z.output<typeof scanQuery>
}

async function scan(
  { streams, peers, views }: RouteContext,
  request: ScanRequest,
  boundsOf: (keys: StoreKeys) => Promise<Bounds>,
): Promise<Answer> {
  const client = requireStreams(streams)
  const { store } = request.params
  const { limit: wanted, cursor } = request.query
  const reverse = request.query.reverse === 'true'
  const info = requireType(client, store, 'key-value')
  const keys = storeKeys(client, store)
  const bounds = await boundsOf(keys)
  const after = cursor === undefined ? undefined : await keyFromBytes(keys, cursorBytes(cursor))
  const isAfter = (bytes: Buffer) =>
    after === undefined || (reverse ? Buffer.compare(bytes, after.bytes) < 0 : Buffer.compare(bytes, after.bytes) > 0)
  const accepts = (row: { key: unknown; keyBytes: Buffer }) => isAfter(row.keyBytes) && (bounds.accepts?.(row) ?? true)
  const scanOne: ScanOnePartition = (part) => {
    const { prefix } = bounds
    if (prefix !== undefined && after === undefined) return part.prefix(prefix, { reverse })
    const from = !reverse && after !== undefined ? after.key : bounds.from
    const to = reverse && after !== undefined ? after.key : bounds.to
    const rows = part.range(from, to, { reverse })
    return prefix === undefined ? rows : whilePrefixed(rows, keys, prefix)
  }
  const { parts, complete, failures } = await gather<Part>({
    streams: client,
    info,
    peers,
    pathAndQuery: request.pathAndQuery,
    localOnly: request.isHop,
    signal: request.signal,
    local: async () => {
      const limits = { limit: wanted + 1, reverse, accepts }
      const rows = await scanLocal(client.queries, info, keys, scanOne, limits, viewOf(views, store), request.signal)
      return { rows, more: rows.length > wanted }
    },
    remote: peerPart,
  })
  const rows = parts
    .flatMap((part) => part.rows)
    .sort((a, b) => Buffer.compare(a.keyBytes, b.keyBytes) * (reverse ? -1 : 1))
  const page = rows.slice(0, wanted)
  const isCut = rows.length > wanted || parts.some((part) => part.more)
  const last = isCut ? page.at(-1) : undefined
  const entries = page.map(({ json, keyBytes }) =>
    request.isHop ? { ...json, keyBytes: keyBytes.toString('base64') } : json,
  )
  return {
    headers: ROLE_ACTIVE,
    json: {
      store,
      entries,
      ...(last === undefined ? {} : { cursor: last.keyBytes.toString('base64url') }),
      complete,
      failures: toJson(failures),
    },
  }
}

/** The first key that a cursor stands behind has the prefix: so have all that follow until one has not. */
async function* whilePrefixed(
  rows: AsyncIterable<KeyValueEntry<unknown, unknown>>,
  { serde, topic }: StoreKeys,
  prefix: Buffer,
): AsyncGenerator<KeyValueEntry<unknown, unknown>> {
  for await (const row of rows) {
    if (!serde.serialize(row.key, topic).subarray(0, prefix.length).equals(prefix)) return
    yield row
  }
}

function peerPart(body: Json): Part {
  const { entries, cursor } = PeerRange.parse(body)
  const rows = entries.map(({ keyBytes, ...json }) => ({
    keyBytes: Buffer.from(keyBytes, 'base64'),
    json: json as { readonly [name: string]: Json },
  }))
  return { rows, more: cursor !== undefined }
}

function cursorBytes(cursor: string): Buffer {
  try {
    return base64Bytes(cursor)
  } catch (cause) {
    throw new HttpProblem('BAD_CURSOR', 'the cursor is not one of ours', { cause })
  }
}
