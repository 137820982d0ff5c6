import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asError, BrookError } from '../../common/errors.ts'
import { FaultError } from './errors.ts'
import type { FaultRequest } from './fault-board.ts'
import type { SimulatedBuilding } from './simulated-building.ts'
import { statusOf } from './status.ts'

const HOST = '127.0.0.1'
const MAX_BODY_BYTES = 4_096
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/

interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * The control of a running simulation, on 127.0.0.1 alone: GET /v1/simulation, GET /v1/faults, POST /v1/faults with
 * `{name, deviceId?, durationMs?}`, DELETE /v1/faults/<name>?device=<id>. Web pages get nothing here: requests that come from one are refused.
 */
export class ControlServer {
  readonly #building: SimulatedBuilding
  readonly #server: Server

  constructor(building: SimulatedBuilding) {
    this.#building = building
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Resolves with its URL. @throws {FaultError} when the port is taken. */
  async start(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          cause.code === 'EADDRINUSE'
            ? new FaultError(`port ${port} of ${HOST} is taken: name another for the control (--control 8078, or off)`)
            : cause,
        ),
      )
      this.#server.listen(port, HOST, resolve)
    })
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#answer(request).catch((thrown: unknown): Answer => {
      const error = asError(thrown)
      const isTheirs = error instanceof BrookError && error.domain === 'user'
      return { status: isTheirs ? 400 : 500, body: { error: error.message } }
    })
    const text = `${JSON.stringify(body)}\n`
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
    response.end(text)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method = 'GET', headers } = request
    if (headers.origin !== undefined || !LOOPBACK.test(headers.host ?? ''))
      return { status: 403, body: { error: 'only programs on this machine may do this' } }
    const url = new URL(request.url ?? '/', `http://${HOST}`)
    const { faults } = this.#building
    if (method === 'GET' && url.pathname === '/v1/simulation') return { status: 200, body: statusOf(this.#building) }
    if (method === 'GET' && url.pathname === '/v1/faults') {
      const kinds = faults.kinds.map(({ name, wire, summary, befalls }) => ({
        name,
        wire,
        summary,
        befallsDevices: befalls !== undefined,
      }))
      return { status: 200, body: { kinds, active: faults.active } }
    }
    if (method === 'POST' && url.pathname === '/v1/faults') {
      const fault = await faults.begin(requestOf(await bodyOf(request)))
      return { status: 201, body: fault }
    }
    const [, name] = /^\/v1\/faults\/([a-z-]+)$/.exec(url.pathname) ?? []
    if (method === 'DELETE' && name !== undefined)
      return { status: 200, body: { ended: await faults.end(name, url.searchParams.get('device') ?? undefined) } }
    return { status: 404, body: { error: `there is no ${method} ${url.pathname}` } }
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new FaultError('send JSON: Content-Type must be application/json')
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_BODY_BYTES) throw new FaultError(`the body is longer than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new FaultError('the body is not JSON')
  }
}

function requestOf(body: unknown): FaultRequest {
  const { name, deviceId, durationMs } = (body ?? {}) as Record<string, unknown>
  if (typeof name !== 'string') throw new FaultError('name must be the name of a fault')
  if (deviceId !== undefined && typeof deviceId !== 'string') throw new FaultError('deviceId must be a text')
  const isTime =
    typeof durationMs === 'number' && Number.isInteger(durationMs) && durationMs > 0 && durationMs < 2 ** 31
  if (durationMs !== undefined && !isTime)
    throw new FaultError('durationMs must be a whole number of milliseconds, less than 2^31')
  return {
    name,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(isTime ? { durationMs } : {}),
  }
}
