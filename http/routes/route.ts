import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Json } from '../json.ts'
import { HttpProblem, type ProblemCode } from '../problem.ts'
import { z } from '../zod.ts'

export type Method = 'get' | 'post'

/** A request before anything of it is believed. */
export interface RawRequest {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  /** Path and query as they came. */
  readonly pathAndQuery: string
  readonly isHop: boolean
  readonly lastEventId: string | undefined
  /** The position that the answer has to reach (`X-Streams-Position`). */
  readonly position: string | undefined
  /** Whether the client would rather have text than JSON. */
  readonly prefersText: boolean
  /** Aborted when the time for the answer is up or the client has gone. */
  readonly signal: AbortSignal
}

export interface Request<P, Q, B> extends RawRequest {
  readonly params: P
  readonly query: Q
  readonly body: B
}

/** What goes back. Exactly one of `json`, `text` and `stream` is set, or none. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: Json
  readonly text?: string
  readonly contentType?: string
  /** Takes over the response for as long as the client stays. */
  readonly stream?: (request: IncomingMessage, response: ServerResponse) => void
}

export interface AnswerDoc {
  readonly description: string
  readonly schema?: z.ZodType
  readonly contentType?: string
}

/** One operation of the interface, as it is served and as it is documented. */
export interface Route {
  readonly method: Method
  /** With parameters as OpenAPI writes them: `/v1/stores/{store}`. */
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly answers: Readonly<Record<number, AnswerDoc>>
  readonly problems: readonly ProblemCode[]
  /** Probes answer anyone. */
  readonly isOpen?: boolean
  handle(request: RawRequest): Promise<Answer>
}

interface RouteSpec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Route, 'handle' | 'params' | 'query' | 'body'> {
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Which code an unusable parameter has; `BAD_REQUEST` where nothing is said. */
  readonly codes?: Readonly<Record<string, ProblemCode>>
  readonly handle: (request: Request<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer>
}

const NOTHING = z.object({})

/** Makes a route that checks what comes in before its handler sees it. */
export function route<
  P extends z.ZodObject = typeof NOTHING,
  Q extends z.ZodObject = typeof NOTHING,
  B extends z.ZodType = z.ZodUnknown,
>({ codes = {}, handle, ...spec }: RouteSpec<P, Q, B>): Route {
  const { params = NOTHING, query = NOTHING, body = z.unknown() } = spec
  return {
    ...spec,
    handle: async (request) =>
      handle({
        ...request,
        params: check(params, request.params, codes) as z.output<P>,
        query: check(query, request.query, codes) as z.output<Q>,
        body: check(body, request.body, codes) as z.output<B>,
      }),
  }
}

function check(schema: z.ZodType, value: unknown, codes: Readonly<Record<string, ProblemCode>>): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const errors = result.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }))
  const code = errors.map(({ field }) => (Object.hasOwn(codes, field) ? codes[field] : undefined)).find((c) => c)
  const detail = errors.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ')
  throw new HttpProblem(code ?? 'BAD_REQUEST', detail, { members: { errors } })
}
