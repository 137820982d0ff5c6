import { createServer, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface FrontRequest {
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly lines: readonly string[]
}

export interface FrontAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What comes on InfluxDB's wire: each write is shown to `answer`, which says what is answered; 204 where it says nothing. */
export class InfluxFront {
  readonly requests: FrontRequest[] = []
  answer: (request: FrontRequest) => FrontAnswer | undefined | Promise<FrontAnswer | undefined> = () => undefined
  readonly #server: Server
  #port = 0

  constructor() {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://front')
      const reply = async (): Promise<void> => {
        if (pathname === '/ping') return void response.writeHead(204).end()
        const body = await buffer(request)
        const isZipped = request.headers['content-encoding'] === 'gzip'
        const lines = (isZipped ? gunzipSync(body) : body).toString().split('\n')
        const seen = { path: pathname, query: searchParams, headers: request.headers, lines }
        this.requests.push(seen)
        const answer = (await this.answer(seen)) ?? { status: 204 }
        response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
      }
      reply().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Listens, on the same port again after `stop`. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.#port = typeof address === 'object' && address ? address.port : 0
    return this
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}
