import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { InfluxUnavailableError } from './errors.ts'
import { type WriteOutcome, writeOutcome } from './write-outcome.ts'

export interface InfluxEndpoint {
  /** Such as `http://127.0.0.1:8086`. */
  readonly url: string
  /** `v2` is understood by InfluxDB 1.8, 2 and 3; `v1` by 1.x and 3. */
  readonly api: 'v1' | 'v2'
  /** The bucket; with version 1 and 3 the database, or `database/retention-policy`. */
  readonly bucket: string
  /** The organisation of the bucket: InfluxDB 2 asks for it. */
  readonly org?: string
  /** An API token; with version 1 `username:password`. */
  readonly token?: string
}

const COMPRESSION = { level: constants.Z_BEST_SPEED }
const TIMEOUT_MS = 10_000
/** InfluxDB 2 answers 400 where none is named, as it does for bad lines, and 404 for one that is not there; the others ignore it. */
const NO_ORG = 'BROOK_INFLUXDB_ORG is not set'
const compressed = promisify(gzip)

/** InfluxDB over HTTP. One attempt a call; trying again is the caller's business. The token is in no message. */
export class InfluxClient {
  readonly #base: string
  readonly #writeUrl: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #clock: Clock

  constructor(endpoint: InfluxEndpoint, options: { readonly timeoutMs?: number; readonly clock?: Clock } = {}) {
    this.#base = endpoint.url.replace(/\/+$/, '')
    this.#writeUrl = this.#base + writePath(endpoint)
    this.#headers = authorization(endpoint)
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    this.#clock = options.clock ?? systemClock
  }

  /** Whether it is there at all. @throws {InfluxUnavailableError} */
  async ping(signal: AbortSignal): Promise<void> {
    let status: number
    try {
      const answer = await this.#fetch(`${this.#base}/ping`, {}, signal)
      await answer.arrayBuffer()
      status = answer.status
    } catch (error) {
      throw new InfluxUnavailableError(this.#reason(error), { cause: error })
    }
    if (status >= 500) throw new InfluxUnavailableError(`InfluxDB at ${this.#base} answers ${status}`)
  }

  /** Writes lines with times in milliseconds. Never rejects. */
  async write(lines: readonly string[], signal: AbortSignal): Promise<WriteOutcome> {
    try {
      const body = await compressed(lines.join('\n'), COMPRESSION)
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' }
      const answer = await this.#fetch(this.#writeUrl, { method: 'POST', headers, body }, signal)
      const text = await answer.text()
      return writeOutcome(answer.status, text, answer.headers.get('retry-after'), lines.length, this.#clock.nowMs())
    } catch (error) {
      return { kind: 'unavailable', reason: this.#reason(error) }
    }
  }

  #fetch(
    url: string,
    init: RequestInit & { headers?: Record<string, string> },
    signal: AbortSignal,
  ): Promise<Response> {
    return fetch(url, {
      ...init,
      headers: { ...this.#headers, ...init.headers },
      // Where it leads, the token must not go.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
    })
  }

  #reason(thrown: unknown): string {
    const error = asError(thrown)
    if (error.name === 'TimeoutError') return `InfluxDB at ${this.#base} does not answer within ${this.#timeoutMs} ms`
    const cause = error.cause instanceof Error ? error.cause : error
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
    return `InfluxDB at ${this.#base} cannot be reached: ${code ?? cause.message}`
  }
}

function writePath({ api, bucket, org }: InfluxEndpoint): string {
  if (api === 'v2') {
    return `/api/v2/write?${new URLSearchParams({ bucket, org: org ?? NO_ORG, precision: 'ms' })}`
  }
  const [db = '', rp] = bucket.split('/')
  return `/write?${new URLSearchParams({ db, precision: 'ms', ...(rp === undefined ? {} : { rp }) })}`
}

function authorization({ api, token }: InfluxEndpoint): Record<string, string> {
  if (token === undefined) return {}
  if (api === 'v2') return { authorization: `Token ${token}` }
  return { authorization: `Basic ${Buffer.from(token).toString('base64')}` }
}
