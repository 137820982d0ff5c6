import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import { systemClock } from '../common/clock.ts'
import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { hostName, isForeignOrigin, isLoopbackName, TokenCheck } from './auth.ts'
import { asProblem, HttpProblem } from './problem.ts'
import { withDeadline } from './query/deadline.ts'
import { POSITION_HEADER } from './query/freshness.ts'
import { HOP_HEADER } from './query/peers.ts'
import { type RateLimit, requestLimit, WrongTokens } from './rate-limit.ts'
import type { Answer, RawRequest, Route } from './routes/route.ts'
import { STORE_STREAM_PATH } from './routes/store-stream.ts'
import { securityHeaders } from './security-headers.ts'

const MAX_BODY_BYTES = 16 * 1024

export interface AppOptions {
  readonly routes: readonly Route[]
  /** Folder of the page's files. */
  readonly pages: string
  readonly token: string | undefined
  readonly isAllowedHost: (name: string) => boolean
  readonly rateLimit: RateLimit
  readonly requestTimeoutMs: number
  readonly metrics: Metrics
  readonly log: Logger
  readonly isStopping: () => boolean
}

/** Puts routes and pages behind the checks that all requests go through. */
export function createApp(options: AppOptions): Express {
  const { routes, token, metrics, log } = options
  const openPaths = new Set(routes.filter((route) => route.isOpen).map((route) => route.path))
  const isOpen = (path: string) => openPaths.has(path)
  const app = express()
  app.disable('x-powered-by')
  app.set('query parser', 'simple')
  app.set('case sensitive routing', true)
  app.set('etag', false)
  app.use(measure(metrics))
  app.use(securityHeaders())
  app.use((_request, response, next) => {
    if (options.isStopping()) response.setHeader('Connection', 'close')
    next()
  })
  if (token === undefined) app.use(hostCheck(options.isAllowedHost))
  else app.use(tokenCheck(new TokenCheck(token), new WrongTokens(systemClock), isOpen))
  const isPeer = (request: Request) => token !== undefined && isHop(request)
  app.use(requestLimit(options.rateLimit, (request) => isOpen(request.path) || isPeer(request)))
  app.use(originCheck)
  for (const [path, here] of byPath(routes)) mount(app, path, here, options.requestTimeoutMs)
  app.use(pages(options.pages))
  app.use((request) => {
    throw new HttpProblem('NOT_FOUND', `there is nothing at ${request.path}`)
  })
  app.use(problems(log))
  return app
}

export interface RouterOptions
  extends Pick<AppOptions, 'routes' | 'token' | 'isAllowedHost' | 'rateLimit' | 'requestTimeoutMs' | 'log'> {
  readonly metrics: Metrics | undefined
}

/** The routes for somebody else's server, behind the checks that they need there. What they do not know goes on to the next handler. */
export function createRouter(options: RouterOptions): Router {
  const { routes, token, metrics, log } = options
  const router = express.Router({ caseSensitive: true })
  const isPeer = (request: Request) => token !== undefined && isHop(request)
  const checks: RequestHandler[] = [
    ...(metrics === undefined ? [] : [measure(metrics)]),
    token === undefined
      ? localCheck(options.isAllowedHost)
      : tokenCheck(new TokenCheck(token), new WrongTokens(systemClock), () => false),
    requestLimit(options.rateLimit, isPeer),
  ]
  for (const [path, here] of byPath(routes)) {
    router.use(expressPath(path), ...checks)
    mount(router, path, here, options.requestTimeoutMs)
  }
  router.use(problems(log))
  return router
}

/** Without a token nobody else's machine may ask, whatever the server listens on. */
function localCheck(isAllowed: (name: string) => boolean): RequestHandler {
  const checkHost = hostCheck(isAllowed)
  return (request, response, next) => {
    if (!isLoopbackName((request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')))
      throw new HttpProblem('UNAUTHORIZED', 'without a token only this machine is answered')
    return checkHost(request, response, next)
  }
}

function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

function byPath(routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> {
  return Map.groupBy(routes, (route) => route.path)
}

function mount(app: Pick<Express | Router, 'route'>, path: string, routes: readonly Route[], timeoutMs: number): void {
  const at = app.route(expressPath(path))
  const readBody = express.json({ limit: MAX_BODY_BYTES, strict: true, type: 'application/json' })
  for (const route of routes) {
    if (route.body === undefined) at[route.method](handler(route, timeoutMs))
    else at[route.method](requireJson, readBody, handler(route, timeoutMs))
  }
  const methods = routes.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
  const allow = [...methods, 'OPTIONS'].join(', ')
  at.options((_request, response) => void response.status(204).set('Allow', allow).end())
  at.all((request) => {
    throw new HttpProblem('METHOD_NOT_ALLOWED', `${request.method} is not allowed here`, { headers: { Allow: allow } })
  })
}

function handler(route: Route, timeoutMs: number): RequestHandler {
  return async (request, response) => {
    response.locals['route'] = route.path
    const gone = new AbortController()
    const timer = setTimeout(() => gone.abort(), timeoutMs)
    response.once('close', () => gone.abort())
    try {
      const answer = await withDeadline(route.handle(rawRequest(request, gone.signal)), gone.signal)
      send(request, response, answer)
    } finally {
      clearTimeout(timer)
    }
  }
}

function isHop(request: Request): boolean {
  return request.get(HOP_HEADER) !== undefined
}

function rawRequest(request: Request, signal: AbortSignal): RawRequest {
  return {
    params: request.params,
    query: { ...request.query },
    body: request.body as unknown,
    pathAndQuery: request.originalUrl,
    isHop: isHop(request),
    lastEventId: request.get('last-event-id'),
    position: request.get(POSITION_HEADER),
    prefersText: request.accepts(['json', 'text']) === 'text',
    signal,
  }
}

function send(request: Request, response: Response, answer: Answer): void {
  if (answer.stream !== undefined && request.method !== 'HEAD') {
    answer.stream(request, response)
    return
  }
  response.status(answer.status ?? 200).set({ 'Cache-Control': 'no-store', ...answer.headers })
  if (answer.json !== undefined)
    response.type(answer.contentType ?? 'application/json').send(JSON.stringify(answer.json))
  else if (answer.text !== undefined) response.type(answer.contentType ?? 'text/plain').send(answer.text)
  else response.end()
}

const requireJson: RequestHandler = (request, _response, next) => {
  if (!request.is('application/json')) throw new HttpProblem('MEDIA_TYPE', 'the body must be sent as application/json')
  next()
}

export function tokenCheck(check: TokenCheck, wrong: WrongTokens, isOpen: (path: string) => boolean): RequestHandler {
  return (request, _response, next) => {
    if (!isOpen(request.path)) {
      wrong.check(request.ip)
      try {
        check.check(request.get('authorization'))
      } catch (error) {
        wrong.wasWrong(request.ip)
        throw error
      }
    }
    next()
  }
}

/** Without a token only this machine may ask, and no page whose name was made to point here. */
function hostCheck(isAllowed: (name: string) => boolean): RequestHandler {
  return (request, _response, next) => {
    if (!isAllowed(hostName(request.get('host'))))
      throw new HttpProblem('FORBIDDEN_ORIGIN', 'this host name is not served without a token')
    next()
  }
}

const originCheck: RequestHandler = (request, _response, next) => {
  const headers = { host: request.get('host'), origin: request.get('origin'), fetchSite: request.get('sec-fetch-site') }
  if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method) && isForeignOrigin(headers))
    throw new HttpProblem('FORBIDDEN_ORIGIN', 'the request comes from a page of another site')
  next()
}

/** Files are small and change with the program: browsers keep them, and ask each time whether they are still good. */
function pages(folder: string): RequestHandler {
  return express.static(folder, {
    extensions: ['html'],
    dotfiles: 'ignore',
    redirect: false,
    etag: true,
    setHeaders: (response) => void response.setHeader('Cache-Control', 'no-cache'),
  })
}

function measure(metrics: Metrics): RequestHandler {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Time to answer, by route and status.', [
    'method',
    'route',
    'status',
  ])
  return (request, response, next) => {
    const stop = seconds.startTimer()
    response.once('finish', () => {
      const route: unknown = response.locals['route']
      if (route === '/v1/live' || route === STORE_STREAM_PATH) return
      stop({ method: request.method, route: typeof route === 'string' ? route : 'other', status: response.statusCode })
    })
    next()
  }
}

function problems(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem = asProblem(error)
    if (problem.status === 500) log.error({ err: problem.cause, path: request.path }, 'a request failed')
    else log.debug({ code: problem.code, path: request.path, detail: problem.message }, 'a request was refused')
    if (response.headersSent) return void response.destroy()
    response
      .status(problem.status)
      .set({ 'Cache-Control': 'no-store', ...problem.headers })
      .type('application/problem+json')
      .send(JSON.stringify(problem.document(request.path)))
  }
}
