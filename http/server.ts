import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../common/clock.ts'
import { ConfigError, InvalidArgumentError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { createApp } from './app.ts'
import { isLoopbackName } from './auth.ts'
import { HttpListenError } from './errors.ts'
import type { LiveHub } from './live/live-hub.ts'
import { Peers } from './query/peers.ts'
import type { RateLimit } from './rate-limit.ts'
import { allRoutes } from './routes/all.ts'
import type { ReadinessCheck, SendCommand, ZwaveControl } from './routes/context.ts'
import { streamsCheck } from './routes/health.ts'
import { StoreHub, type StoreHubOptions } from './store-stream/store-hub.ts'
import type { StreamsProvider } from './streams-view.ts'
import { buildingViews, type Views } from './views.ts'

export interface HttpServerOptions {
  /** Default 127.0.0.1. Any address that others can reach needs a `token`. */
  readonly host?: string
  /** Default 8080; 0 takes a free one. */
  readonly port?: number
  /** The client whose stores are read; asked at each request. Left out by programs that run no stream application. */
  readonly streams?: StreamsProvider
  readonly metrics: Metrics
  readonly live: LiveHub
  /** Required from every client and peer, except for `/livez` and `/readyz`. */
  readonly token?: string | undefined
  /** Host names under which the server is asked without a token, beside those of this machine. */
  readonly allowedHosts?: readonly string[]
  /** Of one address (default 1,000 in 10 s). */
  readonly rateLimit?: RateLimit
  /** What `/readyz` asks beside the state of the client, where there is one. */
  readonly readiness?: readonly ReadinessCheck[]
  /** How values of stores are shown (default: the building's). */
  readonly views?: Views
  /** Publishes a command that a person gives; without it the page has no controls. */
  readonly commands?: SendCommand | undefined
  /** The Z-Wave network of this process; asked at each request. */
  readonly zwave?: () => ZwaveControl | undefined
  readonly peers?: { readonly timeoutMs?: number }
  /** Live queries of stores. */
  readonly storeStreams?: Omit<StoreHubOptions, 'clock' | 'metrics'>
  /** For one answer (default 10 s). */
  readonly requestTimeoutMs?: number
  /** How long `stop` waits for answers under way (default 5 s). */
  readonly stopTimeoutMs?: number
  readonly version?: string
  readonly clock?: Clock
  readonly log?: Logger
}

export interface HttpServer {
  /** Resolves when requests are taken. @throws {HttpListenError} naming the setting to change. */
  start(): Promise<{ readonly url: string; readonly port: number }>
  /** Takes no more, ends live streams with a hint when to come back, lets answers finish for a while, then closes. */
  stop(): Promise<void>
}

/** @throws {ConfigError} when others could reach it without a token. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host = '127.0.0.1', port = 8080, token, clock = systemClock, log = silentLogger } = options
  if (token === '') throw new InvalidArgumentError('the token must not be empty')
  if (!isLoopbackName(host) && token === undefined)
    throw new ConfigError([`BROOK_HTTP_TOKEN is required when BROOK_HTTP_HOST (${host}) can be reached from outside`])
  let isStopping = false
  let stopping: Promise<void> | undefined
  const peers = new Peers({ token, ...options.peers })
  const stores = new StoreHub({ metrics: options.metrics, clock, ...options.storeStreams })
  const allowedHosts = new Set(options.allowedHosts ?? [])
  const app = createApp({
    routes: allRoutes(
      {
        streams: options.streams ?? (() => undefined),
        metrics: options.metrics,
        live: options.live,
        peers,
        stores,
        views: options.views ?? buildingViews,
        sendCommand: options.commands,
        zwave: options.zwave ?? (() => undefined),
        readiness: [...(options.streams ? [streamsCheck(options.streams)] : []), ...(options.readiness ?? [])],
        clock,
        version: options.version ?? '0',
        startedAtMs: clock.nowMs(),
        isStopping: () => isStopping,
      },
      token !== undefined,
    ),
    pages: fileURLToPath(new URL('./dashboard/', import.meta.url)),
    token,
    isAllowedHost: (name) => isLoopbackName(name) || allowedHosts.has(name),
    rateLimit: options.rateLimit ?? { windowMs: 10_000, limit: 1_000 },
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    metrics: options.metrics,
    log,
    isStopping: () => isStopping,
  })
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 5_000, maxHeaderSize: 16 * 1024 },
    app,
  )
  server.maxConnections = 10_000
  return {
    start: async () => {
      const { port: bound } = await listen(server, host, port)
      const shown = host.includes(':') ? `[${host}]` : host
      return { url: `http://${shown}:${bound}`, port: bound }
    },
    stop: () => {
      isStopping = true
      stopping ??= stop(server, [options.live, stores], options.stopTimeoutMs ?? 5_000).finally(() => peers.close())
      return stopping
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(new HttpListenError(host, port, error))
    server.once('error', onError)
    server.listen({ host, port }, () => {
      server.off('error', onError)
      resolve(server.address() as AddressInfo)
    })
  })
}

async function stop(server: Server, hubs: readonly { close(): void }[], timeoutMs: number): Promise<void> {
  if (!server.listening) return
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  for (const hub of hubs) hub.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await closed
  clearTimeout(timer)
}
