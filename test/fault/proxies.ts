import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'

/** What becomes of a request on its way to the broker. */
export type Fate =
  | 'pass'
  /** The broker gets it so much later, and with it all that follows on the same connection. */
  | { readonly holdMs: number }
  /** The broker gets it, the client no answer: the connection is cut. */
  | 'lose-answer'

const END_TXN = 26

/**
 * A TCP proxy on 127.0.0.1 that can be shut: then connections are refused and those that are open are cut. With `decide`, the bytes of the
 * client are taken for Kafka's requests, and each EndTxn has the fate that it says.
 */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  readonly #target: number
  readonly #decide: (() => Fate) | undefined
  #shut = false

  private constructor(server: Server, target: number, decide: (() => Fate) | undefined) {
    this.#server = server
    this.#target = target
    this.#decide = decide
    server.on('connection', (client) => this.#join(client))
  }

  /** Listens on `port` (default any that is free) for connections to `target`. */
  static async start(options: { port?: number; target: number; decide?: () => Fate }): Promise<TcpProxy> {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port ?? 0, '127.0.0.1', resolve)
    })
    return new TcpProxy(server, options.target, options.decide)
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  shut(): void {
    this.#shut = true
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  open(): void {
    this.#shut = false
  }

  async close(): Promise<void> {
    this.shut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #join(client: Socket): void {
    if (this.#shut) {
      client.destroy()
      return
    }
    const server = tcpConnect(this.#target, '127.0.0.1')
    const pair = [client, server] as const
    this.#pairs.add(pair)
    const end = (): void => {
      this.#pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    if (this.#decide === undefined) client.pipe(server)
    else forwardRequests(client, server, this.#decide)
    server.pipe(client)
  }
}

/** Requests go on one by one, in order. */
function forwardRequests(client: Socket, server: Socket, decide: () => Fate): void {
  let bytes: Buffer = Buffer.alloc(0)
  let held = Promise.resolve()
  client.on('data', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0)
      const request = bytes.subarray(0, end)
      bytes = bytes.subarray(end)
      held = held.then(() => forward(request, client, server, decide))
    }
  })
}

async function forward(request: Buffer, client: Socket, server: Socket, decide: () => Fate): Promise<void> {
  const fate = request.readInt16BE(4) === END_TXN ? decide() : 'pass'
  if (typeof fate === 'object') await new Promise((resolve) => setTimeout(resolve, fate.holdMs))
  if (fate === 'lose-answer') {
    server.unpipe(client)
    server.once('data', () => client.destroy()).resume()
  }
  if (!server.destroyed) server.write(request)
}
