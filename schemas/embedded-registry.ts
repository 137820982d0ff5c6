import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, silentLogger } from '../common/log.ts'
import { RegistryFile } from './registry-file.ts'
import { type Handler, registryHandlers } from './registry-handlers.ts'
import { faults, RegistryFault, type Reply } from './registry-replies.ts'
import { matchRoute } from './registry-routes.ts'

export interface EmbeddedRegistryOptions {
  /** Where the schemas are kept; one registry a directory. */
  readonly directory: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Default 127.0.0.1. The registry has no login: bind another address only where everyone may change schemas. */
  readonly host?: string
  readonly log?: Logger
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
const JSON_TYPES = /^application\/(vnd\.schemaregistry(\.v1)?\+json|json|octet-stream)\s*(;|$)/i
const MOST_BODY_BYTES = 1_048_576

/**
 * A schema registry inside the process, with Confluent's routes and error codes, for Avro schemas without references. What it has
 * answered is on disk. A body must be JSON by its content type, so that a web page somewhere cannot post to it.
 */
export class EmbeddedRegistry {
  /** Such as `http://127.0.0.1:8081`. */
  readonly url: string
  readonly #server: Server
  readonly #file: RegistryFile

  private constructor(url: string, server: Server, file: RegistryFile) {
    this.url = url
    this.#server = server
    this.#file = file
  }

  /** Rejects when the port is taken or the directory cannot be used. */
  static async start(options: EmbeddedRegistryOptions): Promise<EmbeddedRegistry> {
    const { host = '127.0.0.1', port = 0, log = silentLogger } = options
    const file = await RegistryFile.open(options.directory)
    const handlers: Readonly<Record<string, Handler>> = registryHandlers(file)
    const server = createServer((request, response) => void serve(request, response, handlers, log))
    server.requestTimeout = 30_000
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    const address = server.address() as AddressInfo
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return new EmbeddedRegistry(`http://${name}:${address.port}`, server, file)
  }

  /** Answers what has been asked, then closes. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    await this.#file.close()
    await closed
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: Readonly<Record<string, Handler>>,
  log: Logger,
): Promise<void> {
  let reply: Reply
  try {
    reply = await answer(request, handlers)
  } catch (error) {
    if (error instanceof RegistryFault) reply = error.reply
    else {
      log.error({ err: error, method: request.method, path: request.url }, 'schema registry request failed')
      reply = faults.internal().reply
    }
  }
  const text = JSON.stringify(reply.body)
  response.writeHead(reply.status, {
    'content-type': CONTENT_TYPE,
    'content-length': Buffer.byteLength(text),
    // The rest of a body that was not read would be taken for the next request.
    ...(hasBody(request) && !request.readableEnded ? { connection: 'close' } : {}),
  })
  response.end(text)
}

async function answer(request: IncomingMessage, handlers: Readonly<Record<string, Handler>>): Promise<Reply> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
  const match = matchRoute(path)
  if (!match) throw faults.noRoute()
  const handler = handlers[match.methods[request.method ?? ''] ?? '']
  if (!handler) throw faults.wrongMethod()
  const body = request.method === 'POST' || request.method === 'PUT' ? await readBody(request) : {}
  return handler({ params: match.params, query: new URLSearchParams(query), body })
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (!JSON_TYPES.test(request.headers['content-type'] ?? '')) throw faults.wrongType()
  const text = await readText(request)
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  } catch {
    throw faults.badRequest('The body is not JSON')
  }
  throw faults.badRequest('The body is not a JSON object')
}

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let sizeBytes = 0
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes <= MOST_BODY_BYTES) chunks.push(chunk)
      // Not destroyed: the answer goes out on the same socket.
      else {
        request.pause()
        reject(faults.tooLarge(MOST_BODY_BYTES))
      }
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', reject)
  })
}

function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  return encoding !== undefined || length !== '0'
}
