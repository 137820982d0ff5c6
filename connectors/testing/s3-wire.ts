import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What it answers instead of doing as it is told. */
export interface S3Refusal {
  readonly status: number
  readonly code: string
}

/** The wire of S3, for one bucket: keeps what is put, and refuses it when a test says so. Signatures are not looked at. */
export class S3Wire {
  readonly objects = new Map<string, Buffer>()
  readonly metadata = new Map<string, Readonly<Record<string, string>>>()
  /** How often each object was put. */
  readonly puts = new Map<string, number>()
  /** Puts that were refused. */
  refused = 0
  /** When set, puts are refused with it. */
  refusal: S3Refusal | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      bodyOf(request).then(
        (body) => {
          const refused = request.method === 'PUT' ? this.#put(request, body) : undefined
          response.statusCode = refused?.status ?? 200
          response.setHeader('content-type', 'application/xml')
          response.end(refused ? `<Error><Code>${refused.code}</Code><Message>No</Message></Error>` : EMPTY_LIST)
        },
        () => response.destroy(),
      )
    })
  }

  static async start(): Promise<S3Wire> {
    const wire = new S3Wire()
    await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve))
    return wire
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #put(request: IncomingMessage, body: Buffer): S3Refusal | undefined {
    if (this.refusal) {
      this.refused++
      return this.refusal
    }
    const [, , ...path] = new URL(request.url ?? '/', this.url).pathname.split('/').map(decodeURIComponent)
    const name = path.join('/')
    const META = 'x-amz-meta-'
    const metadata = Object.entries(request.headers).filter(([header]) => header.startsWith(META))
    this.objects.set(name, body)
    this.metadata.set(name, Object.fromEntries(metadata.map(([key, value]) => [key.slice(META.length), String(value)])))
    this.puts.set(name, (this.puts.get(name) ?? 0) + 1)
  }
}

const EMPTY_LIST = '<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>'

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
