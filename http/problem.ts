import { BrookError, SerdeNotReadyError } from '../common/errors.ts'
import { StoreNotAvailableError, UnknownStoreError } from '../streams/index.ts'
import type { Json } from './json.ts'

/** Every `code` that an answer can carry, with its HTTP status and title. Codes are stable; details are for people. */
export const PROBLEMS = {
  BAD_REQUEST: { status: 400, title: 'The request is malformed' },
  BAD_KEY: { status: 400, title: 'The key cannot be read' },
  BAD_WINDOW: { status: 400, title: 'The time range is malformed' },
  BAD_POSITION: { status: 400, title: 'The position is malformed, or not of this store' },
  BAD_CURSOR: { status: 400, title: 'The cursor is not one of ours' },
  BAD_COMMAND: { status: 400, title: 'The device cannot be set so' },
  LIMIT: { status: 400, title: 'The limit is out of range' },
  STORE_TYPE: { status: 400, title: 'The store is of another type' },
  UNAUTHORIZED: { status: 401, title: 'A valid token is required' },
  FORBIDDEN_ORIGIN: { status: 403, title: 'The request comes from a foreign page or host name' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address' },
  STORE_UNKNOWN: { status: 404, title: 'There is no such store' },
  KEY_NOT_FOUND: { status: 404, title: 'There is no such key' },
  ROOM_UNKNOWN: { status: 404, title: 'There is no such room' },
  CONNECTOR_UNKNOWN: { status: 404, title: 'There is no such connector' },
  PART_UNKNOWN: { status: 404, title: 'There is no such part' },
  NODE_UNKNOWN: { status: 404, title: 'There is no such Z-Wave node' },
  DEVICE_UNKNOWN: { status: 404, title: 'There is no such device' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  BUSY: { status: 409, title: 'Another of its kind is under way' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  NOT_OWNER: { status: 421, title: 'This instance does not have the key' },
  RATE: { status: 429, title: 'Too many requests' },
  INTERNAL: { status: 500, title: 'The server failed' },
  NOT_SUPPORTED: { status: 501, title: 'This instance cannot do that' },
  OWNER_UNREACHABLE: { status: 502, title: 'The instance that has the data cannot be reached' },
  NOT_RUNNING: { status: 503, title: 'The stream application does not run' },
  REBALANCING: { status: 503, title: 'Tasks are moving between instances' },
  LAG_EXCEEDED: { status: 503, title: 'What is here is not as new as was asked for' },
  BUS_UNAVAILABLE: { status: 503, title: 'The bus cannot be reached' },
  RESTORING: { status: 503, title: 'State is being restored' },
  CLIENTS: { status: 503, title: 'Too many live connections' },
  TIMEOUT: { status: 504, title: 'The answer took too long' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

interface ProblemExtras {
  /** Seconds after which trying again makes sense. */
  readonly retryAfterS?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the problem document. */
  readonly members?: Readonly<Record<string, Json>>
  readonly cause?: unknown
}

/** An answer that says what went wrong, as `application/problem+json`. @see RFC 9457 */
export class HttpProblem extends BrookError {
  readonly code: ProblemCode
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly members: Readonly<Record<string, Json>>

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.code = code
    this.status = PROBLEMS[code].status
    this.headers = {
      ...(extras.retryAfterS === undefined ? {} : { 'Retry-After': String(extras.retryAfterS) }),
      ...extras.headers,
    }
    this.members = extras.members ?? {}
  }

  /** The problem document; `instance` is the path that was asked for. */
  document(instance: string): Json {
    return {
      type: `/docs#${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
      instance,
      code: this.code,
      ...this.members,
    }
  }
}

/** What to answer for anything that was thrown. Errors nobody foresaw become `INTERNAL`, without their text. */
export function asProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof UnknownStoreError) return new HttpProblem('STORE_UNKNOWN', error.message)
  if (error instanceof StoreNotAvailableError) return notAvailable(error)
  if (error instanceof SerdeNotReadyError)
    return new HttpProblem('RESTORING', 'a schema is still being fetched', { retryAfterS: 1, cause: error })
  return fromBodyParser(error) ?? new HttpProblem('INTERNAL', 'the request failed; the log has more', { cause: error })
}

function notAvailable(error: StoreNotAvailableError): HttpProblem {
  const cause = { cause: error }
  switch (error.reason) {
    case 'not-started':
    case 'closed':
      return new HttpProblem('NOT_RUNNING', error.message, { retryAfterS: 2, ...cause })
    case 'rebalancing':
    case 'migrated':
      return new HttpProblem('REBALANCING', error.message, { retryAfterS: 1, ...cause })
    case 'restoring':
      return new HttpProblem('RESTORING', error.message, { retryAfterS: 2, ...cause })
    case 'not-local':
      return new HttpProblem('NOT_OWNER', error.message, { retryAfterS: 1, ...cause })
  }
}

/** Errors that the HTTP library raises before a handler runs carry a status; those below 500 are the client's. */
function fromBodyParser(error: unknown): HttpProblem | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined
  const { status } = error
  if (status === 413) return new HttpProblem('BODY_TOO_LARGE', 'the body is larger than this interface takes')
  if (status === 415) return new HttpProblem('MEDIA_TYPE', 'the encoding or character set of the body is not supported')
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined
  const isJson = 'type' in error && error.type === 'entity.parse.failed'
  return new HttpProblem('BAD_REQUEST', isJson ? 'the body is not JSON' : 'the request cannot be read')
}
