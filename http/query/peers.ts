import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Json } from '../json.ts'
import { HttpProblem } from '../problem.ts'
import { POSITION_HEADER } from './freshness.ts'

/** Set on requests from one instance to another: such a request is never sent on. */
export const HOP_HEADER = 'x-streams-hop'

/** What a peer says about its answer holds for ours too. */
const PASSED_ON = /^(retry-after|x-streams-(position|offset|lag|role))$/

const MAX_ANSWER_BYTES = 32 * 1024 * 1024

export interface PeersOptions {
  /** Peers ask for the same token as this instance does. */
  readonly token?: string | undefined
  /** For one answer (default 3 s). */
  readonly timeoutMs?: number | undefined
}

export interface PeerAnswer {
  readonly status: number
  readonly body: Json
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
}

export interface PeerWishes {
  /** The position that the answer has to reach. */
  readonly position?: string | undefined
  /** How long the peer may wait for that, beside the time for the answer. */
  readonly waitMs?: number
}

/** Asks other instances of the application. Not by `fetch`, which by its standard repeats what was answered with 421. */
export class Peers {
  readonly #token: string | undefined
  readonly #timeoutMs: number
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 64 })
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 64 })

  constructor({ token, timeoutMs = 3_000 }: PeersOptions) {
    this.#token = token
    this.#timeoutMs = timeoutMs
  }

  /**
   * One GET of one hop. @throws {HttpProblem} `TIMEOUT` when the peer does not answer in time, `OWNER_UNREACHABLE` when it
   * cannot be reached or does not answer with JSON.
   */
  async get(
    endpoint: string,
    pathAndQuery: string,
    signal: AbortSignal,
    { position, waitMs = 0 }: PeerWishes = {},
  ): Promise<PeerAnswer> {
    const timeUp = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs + waitMs)])
    try {
      const headers: Record<string, string> = position === undefined ? {} : { [POSITION_HEADER]: position }
      return await readAnswer(await this.#send(new URL(pathAndQuery, peerUrl(endpoint)), timeUp, headers))
    } catch (cause) {
      if (timeUp.aborted)
        throw new HttpProblem('TIMEOUT', `${endpoint} did not answer in time`, { retryAfterS: 1, cause })
      throw new HttpProblem('OWNER_UNREACHABLE', `${endpoint} cannot be reached`, { retryAfterS: 1, cause })
    }
  }

  /**
   * Opens an event stream of one hop, on a connection of its own. @throws {HttpProblem} `TIMEOUT`, `OWNER_UNREACHABLE`, or the peer's own code.
   */
  async stream(
    endpoint: string,
    pathAndQuery: string,
    signal: AbortSignal,
    lastEventId: string,
  ): Promise<IncomingMessage> {
    const opening = new AbortController()
    const timer = setTimeout(() => opening.abort(), this.#timeoutMs)
    const headers = { accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) }
    let response: IncomingMessage
    try {
      const either = AbortSignal.any([signal, opening.signal])
      response = await this.#send(new URL(pathAndQuery, peerUrl(endpoint)), either, headers, false)
    } catch (cause) {
      const code = opening.signal.aborted ? 'TIMEOUT' : 'OWNER_UNREACHABLE'
      throw new HttpProblem(code, `${endpoint} does not stream`, { retryAfterS: 1, cause })
    } finally {
      clearTimeout(timer)
    }
    if (response.statusCode === 200 && /^text\/event-stream\b/.test(response.headers['content-type'] ?? ''))
      return response
    response.destroy()
    const code = response.statusCode === 421 ? 'NOT_OWNER' : 'OWNER_UNREACHABLE'
    throw new HttpProblem(code, `${endpoint} answered ${response.statusCode}`, { retryAfterS: 1 })
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  #send(
    url: URL,
    signal: AbortSignal,
    more: Readonly<Record<string, string>>,
    isPooled = true,
  ): Promise<IncomingMessage> {
    const headers = {
      accept: 'application/json',
      ...more,
      [HOP_HEADER]: '1',
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
    }
    return new Promise((resolve, reject) => {
      const sent =
        url.protocol === 'https:'
          ? httpsRequest(url, { headers, signal, agent: isPooled && this.#https })
          : httpRequest(url, { headers, signal, agent: isPooled && this.#http })
      sent.on('response', resolve)
      sent.on('error', reject)
      sent.end()
    })
  }
}

/** Endpoints are `host:port`, or a whole URL where an instance is reached through TLS. */
export function peerUrl(endpoint: string): URL {
  const url = new URL(/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`)
  if (url.username || url.password) throw new Error('an endpoint must not carry credentials')
  return url
}

async function readAnswer(response: IncomingMessage): Promise<PeerAnswer> {
  const contentType = response.headers['content-type'] ?? ''
  const { statusCode: status = 0 } = response
  if (!/^application\/(problem\+)?json\b/.test(contentType)) {
    response.destroy()
    throw new Error(`answered ${status} with ${contentType || 'no content type'}`)
  }
  const passed = Object.entries(response.headers).filter(
    (header): header is [string, string] => PASSED_ON.test(header[0]) && typeof header[1] === 'string',
  )
  return {
    status,
    body: JSON.parse(await readBounded(response)) as Json,
    contentType,
    headers: Object.fromEntries(passed),
  }
}

async function readBounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
