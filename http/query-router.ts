import type { Router } from 'express'
import { systemClock } from '../common/clock.ts'
import { InvalidArgumentError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { createRouter } from './app.ts'
import { isLoopbackName } from './auth.ts'
import { Peers } from './query/peers.ts'
import type { RateLimit } from './rate-limit.ts'
import { queryRoutes } from './routes/all.ts'
import { StoreHub, type StoreHubOptions } from './store-stream/store-hub.ts'
import type { StreamsProvider, StreamsView } from './streams-view.ts'
import type { Views } from './views.ts'

export interface QueryRouterOptions {
  /** The client whose stores are read, or what gives it once it is made. */
  readonly streams: StreamsView | StreamsProvider
  /**
   * Required from every client and from the other instances (`Authorization: Bearer …`), which must be given the same one. Without it
   * only this machine is answered.
   */
  readonly token?: string | undefined
  /** Host names under which the server is asked without a token, beside those of this machine. */
  readonly allowedHosts?: readonly string[]
  /** Of one address (default 1,000 in 10 s). Other instances are exempt. */
  readonly rateLimit?: RateLimit
  /** How values of stores are shown, by the name of the store (default: as JSON). */
  readonly views?: Views
  readonly peers?: { readonly timeoutMs?: number }
  /** Limits of live queries. */
  readonly storeStreams?: Omit<StoreHubOptions, 'clock' | 'metrics'>
  /** For one answer (default 10 s). */
  readonly requestTimeoutMs?: number
  readonly metrics?: Metrics
  readonly log?: Logger
  /** Of the application, for the OpenAPI document. */
  readonly version?: string
}

export interface QueryRouter {
  /** Mount it at the same path on every instance: `app.use('/queries', queries.router)`. */
  readonly router: Router
  /** Ends live queries with a hint when to come back, and connections to other instances. Before the server is closed. */
  close(): void
}

/**
 * Interactive queries of an application over HTTP, as an express router: any instance answers for any key. The client must tell where its
 * server is reached (`applicationServer`), with the path where the router is not mounted at the root: peers are asked at the path of the request.
 * @throws {InvalidArgumentError} for an empty token.
 */
export function createQueryRouter(options: QueryRouterOptions): QueryRouter {
  const { token, metrics, log = silentLogger } = options
  if (token === '') throw new InvalidArgumentError('the token must not be empty')
  const given = options.streams
  const streams = typeof given === 'function' ? given : () => given
  const peers = new Peers({ token, ...options.peers })
  const stores = new StoreHub({ metrics, ...options.storeStreams })
  const allowedHosts = new Set(options.allowedHosts ?? [])
  const context = {
    streams,
    peers,
    stores,
    views: options.views ?? {},
    clock: systemClock,
    version: options.version ?? '0',
  }
  const router = createRouter({
    routes: queryRoutes(context, token !== undefined),
    token,
    isAllowedHost: (name) => isLoopbackName(name) || allowedHosts.has(name),
    rateLimit: options.rateLimit ?? { windowMs: 10_000, limit: 1_000 },
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    metrics,
    log,
  })
  return {
    router,
    close: () => {
      stores.close()
      peers.close()
    },
  }
}
