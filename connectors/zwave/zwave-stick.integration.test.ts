import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Supervisor } from '../supervisor.ts'
import { command } from '../testing/fixtures.ts'
import { roomNodes, SerialSimulator } from './serial-simulator.ts'
import { MULTISENSOR_BINARY_FAHRENHEIT } from './simulated-node.ts'
import { building, COMMANDS } from './testing/building.ts'
import { ZwaveConnector } from './zwave-connector.ts'
import { ZwaveJsDriver } from './zwave-js-driver.ts'

/** Two rooms (nodes 2 to 5) and a sensor at the far end of the address space, known to the building as z2 to z5 and z232. */
const NODES = [2, 3, 4, 5, 232]
const POLL = { timeout: 15_000, interval: 20 }

/** One connector on zwave-js on the simulated stick, from its first start to its last; the tests are steps of it. */
describe('Z-Wave from the radio to the log', { timeout: 30_000 }, () => {
  const levels: [number, number][] = []
  let sim: SerialSimulator
  let cacheDir: string
  let world: Awaited<ReturnType<typeof building>>
  let connector: ZwaveConnector
  let supervisor: Supervisor

  beforeAll(async () => {
    // zwave-js and its database work otherwise when they find themselves under test: locks then outlive a close.
    vi.stubEnv('NODE_ENV', 'production')
    cacheDir = await mkdtemp(join(tmpdir(), 'brook-zwave-'))
    sim = new SerialSimulator({
      nodes: roomNodes(2).set(232, MULTISENSOR_BINARY_FAHRENHEIT),
      onLevel: (nodeId, level) => void levels.push([nodeId, level]),
    })
    await sim.start()
    world = await building(NODES)
    connector = new ZwaveConnector({
      createDriver: () =>
        new ZwaveJsDriver({
          path: sim.path,
          cacheDir,
          softReset: false,
          confirmTimeoutMs: 1000,
          probeIntervalMs: 200,
          probeTimeoutMs: 500,
        }),
      devices: world.devices,
      publisher: world.publisher,
      status: world.status,
      commands: { ...world.commands, drainMs: 100 },
    })
    supervisor = new Supervisor({ connectors: [connector], backoff: { baseMs: 50, capMs: 200 } })
    supervisor.start()
    await vi.waitFor(() => {
      expect(connector.status().nodes.filter((n) => n.ready)).toHaveLength(NODES.length)
      expect(world.joined()).toBe(true)
    }, POLL)
  }, 30_000)

  afterAll(async () => {
    await supervisor.stop()
    await world.devices.stop()
    await sim.stop()
    await rm(cacheDir, { recursive: true, force: true })
    vi.unstubAllEnvs()
  })

  const order = (nodeId: number, commandId: string, value: number): void => {
    world.log.append(COMMANDS, `z${nodeId}`, command({ commandId, deviceId: `z${nodeId}`, value }))
  }
  const outcome = (commandId: string): string | undefined =>
    world
      .results()
      .filter((r) => r.commandId === commandId)
      .at(-1)?.status

  it('tells what every node measures, in the units of the building, without having set anything', async () => {
    await expect.poll(() => world.readings().length, POLL).toBe(17)
    const told = world.readings().map((r) => `${r.deviceId} ${r.kind} ${r.value} ${r.unit}`)
    const sensor = (id: string): string[] => [
      `${id} battery 100 percent`,
      `${id} humidity 44 percent`,
      `${id} luminance 320 lux`,
      `${id} motion 0 boolean`,
      `${id} temperature 21.5 celsius`,
    ]
    const expected = [...sensor('z2'), 'z3 light 0 percent', ...sensor('z4'), 'z5 light 0 percent', ...sensor('z232')]
    expect(told.sort()).toEqual(expected.sort())
    expect(levels).toEqual([])
    expect([...sim.unhandledCommands]).toEqual([])
    // 0xf3 is a function of one maker's sticks that zwave-js asks every stick for.
    expect([...sim.unknownFunctions]).toEqual([0xf3])
  })

  it('passes on what nodes report by themselves, once each', async () => {
    const before = world.readings().length
    sim.report(2, 'temperature', 23.4)
    sim.report(2, 'luminance', 15)
    sim.setMotion(2, true)
    sim.setMotion(232, true)
    sim.report(232, 'temperature', 50)
    sim.setBattery(4, 12)
    sim.turnByHand(5, 99)
    sim.setMotion(2, false)
    await expect.poll(() => world.readings().length, POLL).toBe(before + 8)
    const fresh = world.readings().slice(before)
    expect(fresh.map((r) => `${r.deviceId} ${r.kind} ${r.value}`)).toEqual([
      'z2 temperature 23.4',
      'z2 luminance 15',
      'z2 motion 1',
      'z232 motion 1',
      'z232 temperature 10',
      'z4 battery 12',
      'z5 light 100',
      'z2 motion 0',
    ])
    for (const { eventTimeMs } of fresh) expect(Math.abs(Date.now() - eventTimeMs)).toBeLessThan(10_000)
  })

  it('passes on a report that says the same again: it is a measurement too', async () => {
    const before = world.told('z2', 'humidity').length
    sim.report(2, 'humidity')
    sim.report(2, 'humidity')
    await expect.poll(() => world.told('z2', 'humidity').length, POLL).toBe(before + 2)
  })

  it('sets a dimmer and confirms it by what the dimmer tells', async () => {
    order(3, 'dim', 42)
    await expect.poll(() => outcome('dim'), POLL).toBe('confirmed')
    expect(sim.level(3)).toBe(42)
    await expect.poll(() => world.told('z3', 'light').at(-1), POLL).toBe(42)
  })

  it('confirms a slow dimmer when it has arrived', async () => {
    sim.node(3).rampMs = 300
    order(3, 'slow', 100)
    await expect.poll(() => outcome('slow'), POLL).toBe('confirmed')
    expect(sim.level(3)).toBe(99)
    expect(world.told('z3', 'light').at(-1)).toBe(100)
    sim.node(3).rampMs = 0
  })

  it('sends again what the stick took for damaged, and reads on after garbage on the line', async () => {
    sim.refuseNext(1)
    sim.sendGarbage(Buffer.from('aabbccddeeff', 'hex'))
    order(3, 'damaged', 20)
    await expect.poll(() => outcome('damaged'), POLL).toBe('confirmed')
    expect(sim.level(3)).toBe(20)
  })

  it('refuses what a sensor cannot do', async () => {
    order(2, 'sensor', 50)
    await expect.poll(() => outcome('sensor'), POLL).toBe('refused')
  })

  it('refuses for a dead node, is degraded, and notices when the node is back', async () => {
    sim.setDead(5, true)
    order(5, 'dead', 50)
    await expect.poll(() => outcome('dead'), POLL).toBe('refused')
    expect(connector.status()).toMatchObject({ state: 'degraded', lastError: 'node 5 (z5) is dead' })
    sim.setDead(5, false)
    await expect.poll(() => connector.status().state, POLL).toBe('running')
    order(5, 'alive', 50)
    await expect.poll(() => outcome('alive'), POLL).toBe('confirmed')
  })

  it('fails when the stick is pulled, and comes back by itself with what has changed meanwhile, setting nothing', async () => {
    const before = world.readings().length
    levels.length = 0
    await sim.unplug()
    await expect.poll(() => supervisor.statuses()[0]?.state, POLL).toBe('failed')
    expect(supervisor.statuses()[0]?.lastError).toContain('stick')
    sim.setSensor(4, 'temperature', 30)
    await sim.start()
    await expect.poll(() => world.told('z4', 'temperature').at(-1), POLL).toBe(30)
    await expect.poll(() => world.readings().length, POLL).toBe(before + 17)
    expect(connector.status()).toMatchObject({ state: 'running', reconnects: 1 })
    expect(levels).toEqual([])
  })

  it('notices a stick that hangs although it is plugged in', async () => {
    sim.setSilent(true)
    await expect.poll(() => supervisor.statuses()[0]?.state, POLL).toBe('failed')
    expect(supervisor.statuses()[0]?.lastError).toMatch(/stick/)
    sim.setSilent(false)
    await expect.poll(() => connector.status().state, POLL).toBe('running')
  })

  it('leaves nothing open, and no log file, when it is stopped', async () => {
    await supervisor.stop()
    await expect.poll(() => sim.connected, POLL).toBe(false)
    expect((await readdir(cacheDir)).filter((name) => !/\.jsonl$/.test(name))).toEqual([])
  })
})
