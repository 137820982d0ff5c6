import { storeParams } from '../api-schemas.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { KEY_TYPES } from '../query/keys.ts'
import { ROUTINGS } from '../query/read-key.ts'
import { z } from '../zod.ts'
import { type RawRequest, type Route, route } from './route.ts'

/** The operation behind each question, and the names that its keys have there. */
const QUESTIONS = {
  key: { path: '/v1/stores/{store}/keys/{key}', keys: [] },
  windows: { path: '/v1/stores/{store}/windows/{key}', keys: [] },
  sessions: { path: '/v1/stores/{store}/sessions/{key}', keys: [] },
  versions: { path: '/v1/stores/{store}/versions/{key}', keys: [] },
  range: { path: '/v1/stores/{store}/range', keys: ['from', 'to'] },
  'window-range': { path: '/v1/stores/{store}/windows', keys: ['fromKey', 'toKey'] },
  'session-range': { path: '/v1/stores/{store}/sessions', keys: ['fromKey', 'toKey'] },
} as const
const TYPES = Object.keys(QUESTIONS) as (keyof typeof QUESTIONS)[]

const aKey = z.unknown().optional()
const timeOrKey = z.unknown().optional()
const QueryBody = z
  .strictObject({
    type: z.enum(TYPES),
    key: aKey.meta({ description: 'of key, windows, sessions and versions: any JSON, such as an object' }),
    from: timeOrKey.meta({ description: 'of range the first key, as JSON; otherwise a time' }),
    to: timeOrKey.meta({ description: 'of range the last key, as JSON; otherwise a time' }),
    fromKey: aKey,
    toKey: aKey,
    asOf: z.union([z.string(), z.number()]).optional(),
    keyType: z.enum(KEY_TYPES).optional().meta({ description: 'keys are JSON (default), or texts that are read so' }),
    limit: z.number().optional(),
    cursor: z.string().optional(),
    reverse: z.boolean().optional(),
    partitions: z.array(z.number()).optional(),
    minOffset: z.union([z.string(), z.number()]).optional(),
    wait: z.number().optional(),
    maxLag: z.number().optional(),
    routing: z.enum(ROUTINGS).optional(),
  })
  .meta({ id: 'StoreQuery', description: 'the parameters are those of the GET that asks the same' })
type QueryBody = z.output<typeof QueryBody>

/** Asks what one of the others asks, with keys that do not fit into a path: composite ones, as JSON. */
export function postQueryRoute(others: readonly Route[]): Route {
  const targets = new Map(
    TYPES.map((type) => [type, others.find(({ path }) => path === QUESTIONS[type].path) as Route]),
  )
  const all = [...targets.values()]
  return route({
    method: 'post',
    path: '/v1/stores/{store}/query',
    tag: 'keys',
    summary:
      'The same questions with composite keys, as JSON: key, windows, sessions, versions, range, window-range, session-range',
    params: storeParams,
    body: QueryBody,
    codes: { key: 'BAD_KEY', keyType: 'BAD_KEY', limit: 'LIMIT' },
    answers: {
      200: { description: 'what the GET of this type answers', schema: z.looseObject({ store: z.string() }) },
      303: { description: 'another instance has the key (routing redirect): ask it by GET' },
    },
    problems: [...new Set<ProblemCode>(['BAD_REQUEST', ...all.flatMap(({ problems }) => problems)])],
    handle: async ({ params, body, ...request }) => {
      const answer = await (targets.get(body.type) as Route).handle(asGet(request, params.store, body))
      return answer.status === 307 ? { ...answer, status: 303 } : answer
    },
  })
}

/** The GET that asks the same: this is what another instance is sent. */
function asGet(request: Omit<RawRequest, 'params' | 'body'>, store: string, body: QueryBody): RawRequest {
  const { type, key, keyType, partitions, ...rest } = body
  const { path, keys } = QUESTIONS[type]
  const text = (value: unknown): string => (keyType === undefined ? JSON.stringify(value) : String(value))
  const isOfKey = path.endsWith('{key}')
  if (isOfKey && key === undefined) throw new HttpProblem('BAD_KEY', `a query of type ${type} needs a key`)
  if (!isOfKey && key !== undefined) throw new HttpProblem('BAD_REQUEST', `a query of type ${type} takes no key`)
  const query: Record<string, string> = { keyType: keyType ?? 'json' }
  if (partitions !== undefined) query['partitions'] = partitions.join(',')
  for (const [name, value] of Object.entries(rest))
    if (value !== undefined) query[name] = (keys as readonly string[]).includes(name) ? text(value) : String(value)
  const params = { store, ...(isOfKey ? { key: text(key) } : {}) }
  const own = `/v1/stores/${encodeURIComponent(store)}/query`
  const [asked = ''] = request.pathAndQuery.split('?')
  const mount = asked.endsWith(own) ? asked.slice(0, -own.length) : asked.slice(0, asked.lastIndexOf('/v1/stores/'))
  const target = path.replace(/\{(\w+)\}/g, (_, name: 'store' | 'key') => encodeURIComponent(params[name] ?? ''))
  const pathAndQuery = `${mount}${target}?${new URLSearchParams(query)}`
  return { ...request, params, query, body: undefined, pathAndQuery }
}
