import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../common/log.ts'
import { Metrics } from '../../common/metrics.ts'
import { roomNodes, SerialSimulator } from '../../connectors/zwave/serial-simulator.ts'
import { DIMMER } from '../../connectors/zwave/simulated-node.ts'
import { LiveHub } from '../../http/live/live-hub.ts'
import { createHttpServer, type HttpServer } from '../../http/server.ts'
import { type Field, startField } from '../field.ts'
import { openPlatform, type Platform } from '../platform.ts'
import { loadBuildingSettings } from '../settings.ts'
import { brook, brookJson } from './testing/run-cli.ts'

const TOKEN = 'a-token-of-more-than-sixteen'
const POLL = { timeout: 15_000, interval: 20 }

interface Network {
  readonly nodes: readonly { readonly nodeId: number; readonly deviceId?: string; readonly ready: boolean }[]
  readonly inclusion: { readonly state: string }
}

/** The whole way: command line, HTTP, connector, zwave-js, and the simulated stick. */
describe('brook zwave', { timeout: 30_000 }, () => {
  let directory: string
  let sim: SerialSimulator
  let platform: Platform
  let field: Field
  let http: HttpServer
  let withoutStick: HttpServer
  let url: string
  let port: string
  let portWithout: string

  beforeAll(async () => {
    vi.stubEnv('NODE_ENV', 'production')
    directory = await mkdtemp(join(tmpdir(), 'brook-cli-zwave-'))
    sim = new SerialSimulator({ nodes: roomNodes(1) })
    await sim.start()
    const { settings } = loadBuildingSettings(['--data-dir', directory], {})
    platform = await openPlatform(settings, silentLogger, new AbortController().signal)
    const plan = {
      directory,
      answersUnknownDevices: true,
      zwave: { path: sim.path, simulated: true, driver: 'zwave-js' },
    }
    field = await startField(plan as Parameters<typeof startField>[0], platform, new Metrics(), silentLogger)
    const serve = (zwave: () => Field['zwave']): HttpServer =>
      createHttpServer({ port: 0, token: TOKEN, metrics: new Metrics(), live: new LiveHub(), zwave })
    http = serve(() => field.zwave)
    withoutStick = serve(() => undefined)
    const started = await http.start()
    url = started.url
    port = String(started.port)
    portWithout = String((await withoutStick.start()).port)
    await vi.waitFor(async () => expect((await network()).nodes.filter((n) => n.ready)).toHaveLength(2), POLL)
  }, 60_000)

  afterAll(async () => {
    await http.stop()
    await withoutStick.stop()
    await field.stop()
    await platform.close()
    await sim.stop()
    await rm(directory, { recursive: true, force: true })
    vi.unstubAllEnvs()
  })

  const env = { BROOK_HTTP_TOKEN: TOKEN }
  const run = (...args: string[]) => brook(['zwave', ...args, '--http-port', port], env)
  const network = () => brookJson<Network>(['zwave', 'nodes', '--http-port', port], env)
  const post = (path: string, body: object, token: string | undefined = TOKEN) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })

  it('shows the nodes, with or without a device', async () => {
    const { code, out } = await run('nodes')
    expect(code).toBe(0)
    expect(out).toContain('driven by zwave-js')
    expect(out).toMatch(/2 +alive +100 % +- +- +- +AEON Labs ZW100 +\d{4}-/)
  })

  it('takes a device in, names it, and lets it go', async () => {
    const including = run('include', '--timeout', '20s')
    await expect.poll(() => sim.inclusion.mode, POLL).toBe('adding')
    const busy = await post('/v1/zwave/exclusion', {})
    expect(busy.status).toBe(409)
    expect(await busy.json()).toMatchObject({ code: 'BUSY', status: 409 })
    expect(sim.pressNewDevice(DIMMER)).toBe(4)
    const included = await including
    expect(included.err).toContain('press the button of the device (20 s)')
    expect(included.err).toContain('done node 4')
    expect(included.code).toBe(0)
    const named = await run('name', '--node', '4', '--name', 'Desk lamp', '--room', 'room-7')
    expect(named).toMatchObject({ code: 0, out: 'node 4 is zwave-4, Desk lamp in room-7\n' })
    await expect
      .poll(async () => (await network()).nodes.find((n) => n.nodeId === 4), POLL)
      .toMatchObject({ deviceId: 'zwave-4', name: 'Desk lamp', roomId: 'room-7', kinds: ['light'] })
    const excluding = run('exclude')
    await expect.poll(() => sim.inclusion.mode, POLL).toBe('removing')
    expect(sim.pressDevice(4)).toBe(true)
    expect(await excluding).toMatchObject({ code: 0 })
    const after = await network()
    expect(after).toMatchObject({ missingDevices: ['zwave-4'], inclusion: { state: 'done', kind: 'exclusion' } })
    expect(after.nodes.map((n) => n.nodeId)).toEqual([2, 3])
  })

  it('gives up by itself, and when it is told to', async () => {
    const late = await run('include', '--timeout', '1s')
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('timed-out: nobody has pressed the button') })
    const including = run('include')
    await expect.poll(() => sim.inclusion.mode, POLL).toBe('adding')
    expect(await run('stop')).toMatchObject({ code: 0, out: 'stopped\n' })
    expect((await including).code).toBe(1)
    expect(sim.inclusion.mode).toBeUndefined()
  })

  it('refuses what cannot be, with the way out', async () => {
    expect(await run('name', '--node', '99', '--name', 'x', '--room', 'r')).toMatchObject({
      code: 1,
      err: 'brook: the Z-Wave network has no node 99 (NODE_UNKNOWN)\n',
    })
    expect((await run('name', '--node', 'x')).code).toBe(2)
    expect((await post('/v1/zwave/inclusion', { timeoutMs: 1 })).status).toBe(400)
    expect((await post('/v1/zwave/nodes/2', { name: 'x', roomId: 'a b' })).status).toBe(400)
    expect((await post('/v1/zwave/inclusion', {}, 'wrong')).status).toBe(401)
    expect(sim.inclusion.mode).toBeUndefined()
    const elsewhere = await brook(['zwave', 'nodes', '--http-port', portWithout], env)
    expect(elsewhere.err).toContain('this process has no Z-Wave stick')
    const nobody = await brook(['zwave', 'nodes', '--http-port', '1'], env)
    expect(nobody.err).toContain('name the process with --http-host and --http-port')
  })

  it('says that the stick is away', async () => {
    await sim.unplug()
    await expect.poll(() => field.statuses()[0]?.state, POLL).toBe('failed')
    const answer = await post('/v1/zwave/inclusion', {})
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'BUS_UNAVAILABLE' })
    await sim.start()
    await expect.poll(() => field.statuses()[0]?.state, POLL).toBe('running')
  })
})
