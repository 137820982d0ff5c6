import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import { Metrics } from '../common/metrics.ts'
import { HttpListenError } from './errors.ts'
import { LiveHub } from './live/live-hub.ts'
import { createHttpServer } from './server.ts'
import { type DemoServer, startDemoServer } from './testing/demo-server.ts'
import { rawGet } from './testing/raw-get.ts'

let demo: DemoServer
beforeAll(async () => {
  demo = await startDemoServer({ tickMs: 0 })
})
afterAll(() => demo.stop())

const ask = (path: string) => fetch(demo.url + path)

describe('pages', () => {
  test.each([
    ['/', 'text/html'],
    ['/docs', 'text/html'],
    ['/app.js', 'text/javascript'],
    ['/style.css', 'text/css'],
    ['/icon.svg', 'image/svg+xml'],
  ])('%s is served as %s, to be asked for again, under a strict policy', async (path, type) => {
    const response = await ask(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain(type)
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none';script-src 'self'/)
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
    const again = await rawGet(demo.url, path, { 'if-none-match': response.headers.get('etag') ?? '' })
    expect(again.status).toBe(304)
  })

  test('every file that the page asks for is there', async () => {
    const html = await (await ask('/')).text()
    const files = [...html.matchAll(/(?:href|src)="(\/[^"#]+)"/g)].map(([, file]) => file as string)
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) expect([file, (await ask(file)).status]).toEqual([file, 200])
  })
})

describe('the server', () => {
  const bare = (options: Partial<Parameters<typeof createHttpServer>[0]> = {}) =>
    createHttpServer({ port: 0, streams: () => undefined, metrics: new Metrics(), live: new LiveHub(), ...options })

  test('refuses to be reached from outside without a token', () => {
    expect(() => bare({ host: '0.0.0.0' })).toThrow(ConfigError)
    expect(() => bare({ host: '192.0.2.1' })).toThrow(/BROOK_HTTP_TOKEN/)
    expect(() => bare({ host: '0.0.0.0', token: 'a-long-secret-token' })).not.toThrow()
  })

  test('says which setting to change when its port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const error = await bare({ port })
      .start()
      .catch((e: unknown) => e)
    other.close()
    expect(error).toBeInstanceOf(HttpListenError)
    expect((error as Error).message).toBe(`port ${port} on 127.0.0.1 is taken: set BROOK_HTTP_PORT to another one`)
  })

  test('lives but is not ready before the client runs, and tells why', async () => {
    const server = bare({
      readiness: [
        { name: 'kafka', check: async () => undefined },
        { name: 'registry', check: async () => 'does not answer' },
        { name: 'broken', check: () => Promise.reject(new Error('boom')) },
      ],
    })
    const { url } = await server.start()
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    const ready = await fetch(`${url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({
      ready: false,
      checks: [
        { name: 'server', ready: true },
        { name: 'streams', ready: false, reason: 'the stream application has not been started yet' },
        { name: 'kafka', ready: true },
        { name: 'registry', ready: false, reason: 'does not answer' },
        { name: 'broken', ready: false, reason: 'boom' },
      ],
    })
    const read = await fetch(`${url}/v1/stores`)
    expect([read.status, read.headers.get('retry-after')]).toEqual([503, '2'])
    expect(await read.json()).toMatchObject({ code: 'NOT_RUNNING' })
    await server.stop()
    await expect(fetch(`${url}/livez`)).rejects.toThrow()
  })

  test('answers 504 when an answer takes too long, and hides what failed otherwise', async () => {
    const never = Promise.withResolvers<never>()
    const server = await startDemoServer({
      tickMs: 0,
      requestTimeoutMs: 100,
      commands: ({ value }) => (value === 1 ? never.promise : Promise.reject(new Error('secret detail'))),
    })
    const post = (value: number) =>
      fetch(`${server.url}/v1/commands`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ deviceId: 'dimmer-101', kind: 'light', value }),
      })
    const late = await post(1)
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([504, 'TIMEOUT'])
    const failed = await post(2)
    expect(failed.status).toBe(500)
    expect(await failed.text()).not.toContain('secret detail')
    await server.stop()
  })

  test('measures what it answers by route, never by room', async () => {
    await ask('/v1/rooms/room-101')
    const text = await (await ask('/metrics')).text()
    expect(text).toContain('route="/v1/rooms/{room}"')
    expect(text).not.toContain('room-101')
    expect(text).toContain('http_live_clients 0')
  })

  test('refuses host names that only point here, and an address that asks too often', async () => {
    const server = await startDemoServer({
      tickMs: 0,
      rateLimit: { windowMs: 60_000, limit: 3 },
      allowedHosts: ['building.example'],
    })
    const { port } = new URL(server.url)
    const get = async (host: string) => (await rawGet(server.url, '/v1/stores', { host })).status
    expect(await get('evil.example')).toBe(403)
    expect(await get('building.example')).toBe(200)
    expect(await get(`localhost:${port}`)).toBe(200)
    expect(await get(`127.0.0.1:${port}`)).toBe(200)
    const refused = await fetch(`${server.url}/v1/stores`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect(await refused.json()).toMatchObject({ code: 'RATE' })
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    await server.stop()
  })
})

describe('with a token', () => {
  const token = 'a-long-secret-token'
  let guarded: DemoServer
  beforeAll(async () => {
    guarded = await startDemoServer({ tickMs: 0, token, host: '127.0.0.1' })
  })
  afterAll(() => guarded.stop())
  const status = async (path: string, authorization?: string) =>
    (await fetch(guarded.url + path, authorization === undefined ? {} : { headers: { authorization } })).status

  test('probes answer anyone, everything else only who knows it', async () => {
    expect(await status('/livez')).toBe(200)
    expect(await status('/readyz')).toBe(200)
    for (const path of [
      '/',
      '/app.js',
      '/v1/stores',
      '/v1/live',
      '/metrics',
      '/info',
      '/openapi.json',
      '/docs',
      '/nope',
    ])
      expect([path, await status(path)]).toEqual([path, 401])
    expect(await status('/v1/stores', `Bearer ${token}`)).toBe(200)
    expect(await status('/v1/stores', `bearer ${token}`)).toBe(200)
    expect(await status('/v1/stores', `Basic ${btoa(`anyone:${token}`)}`)).toBe(200)
  })

  test.each(['Bearer wrong', `Bearer ${token}x`, 'Bearer', token, `Basic ${btoa(token.slice(1))}`, 'Basic ***'])(
    '%s does not open',
    async (authorization) => {
      expect(await status('/v1/stores', authorization)).toBe(401)
    },
  )

  test('it is not taken from the address', async () => {
    expect(await status(`/v1/stores?token=${token}&access_token=${token}`)).toBe(401)
  })

  test('guessing is stopped, and says how to log in until then', async () => {
    const first = await fetch(`${guarded.url}/v1/stores`)
    expect(first.headers.get('www-authenticate')).toContain('Bearer')
    const statuses: number[] = []
    for (let i = 0; i < 25; i++) statuses.push(await status('/v1/stores', `Bearer guess-${i}`))
    expect(statuses.at(-1)).toBe(429)
  })
})
