import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Supervisor } from '../../supervisor.ts'
import { command } from '../../testing/fixtures.ts'
import type { ZwaveDriver } from '../driver.ts'
import { OpenzwaveDriver } from '../openzwave-driver.ts'
import { roomNodes } from '../serial-simulator.ts'
import { BATTERY_DIMMER, BATTERY_SENSOR, DIMMER, MULTISENSOR_BINARY_FAHRENHEIT } from '../simulated-node.ts'
import { ZwaveConnector } from '../zwave-connector.ts'
import { building, COMMANDS } from './building.ts'
import { PluggedStick } from './plugged-stick.ts'

/**
 * Two rooms (nodes 2 to 5), a sensor and a dimmer that sleep (6, 7), and a sensor at the far end of the address space, known to
 * the building as z2 to z7 and z232. z9 is known too and not there.
 */
const NODES = [2, 3, 4, 5, 6, 7, 232]
const POLL = { timeout: 15_000, interval: 20 }
/** Short times, so that nothing takes long. */
export const QUICK = { confirmTimeoutMs: 1500, probeIntervalMs: 200, probeTimeoutMs: 1000 }
const RECOVERY_MS = 5_000

export interface StickContract {
  readonly name: 'zwave-js' | 'openzwave'
  /** Gets what the driver needs on this machine. */
  readonly prepare: () => Promise<void>
  readonly createDriver: (path: string, cacheDir: string) => ZwaveDriver
}

/**
 * What every driver does on the simulated stick behind a serial device: one connector on it, from its first start to its last. The
 * tests are steps of it.
 */
export function testStickContract({ name, prepare, createDriver }: StickContract): void {
  const levels: [number, number][] = []
  let stick: PluggedStick
  let sim: PluggedStick['sim']
  let directory: string
  let world: Awaited<ReturnType<typeof building>>
  let connector: ZwaveConnector
  let supervisor: Supervisor
  let driver: ZwaveDriver | undefined

  beforeAll(async () => {
    await prepare()
    // zwave-js and its database work otherwise when they find themselves under test: locks then outlive a close.
    vi.stubEnv('NODE_ENV', 'production')
    directory = await mkdtemp(join(tmpdir(), 'brook-zwave-'))
    stick = await PluggedStick.start(join(directory, 'tty'), {
      nodes: roomNodes(2).set(6, BATTERY_SENSOR).set(7, BATTERY_DIMMER).set(232, MULTISENSOR_BINARY_FAHRENHEIT),
      onLevel: (nodeId, level) => void levels.push([nodeId, level]),
    })
    sim = stick.sim
    world = await building([...NODES, 9])
    connector = new ZwaveConnector({
      createDriver: () => {
        driver = createDriver(stick.path, join(directory, 'cache'))
        return driver
      },
      port: stick.path,
      devices: world.devices,
      publisher: world.publisher,
      status: world.status,
      commands: { ...world.commands, drainMs: 100 },
    })
    supervisor = new Supervisor({ connectors: [connector] })
    supervisor.start()
    await vi.waitFor(() => {
      expect(ready()).toEqual([2, 3, 4, 5, 232])
      expect(world.joined()).toBe(true)
    }, POLL)
  }, 300_000)

  afterAll(async () => {
    await supervisor.stop()
    await world.devices.stop()
    await stick.stop()
    await rm(directory, { recursive: true, force: true })
    vi.unstubAllEnvs()
  })

  const order = (nodeId: number, commandId: string, value: number, expiresAtMs = Date.now() + 60_000): void => {
    const changes = { commandId, deviceId: `z${nodeId}`, value, expiresAtMs }
    world.log.append(COMMANDS, `z${nodeId}`, command(changes))
  }
  const outcome = (commandId: string): string | undefined =>
    world
      .results()
      .filter((r) => r.commandId === commandId)
      .at(-1)?.status
  const node = (nodeId: number) => connector.status().nodes.find((n) => n.nodeId === nodeId)
  const ready = (): number[] =>
    connector
      .status()
      .nodes.filter((n) => n.ready)
      .map((n) => n.nodeId)
      .sort((a, b) => a - b)
  const last = (): Record<string, string> =>
    Object.fromEntries(world.readings().map((r) => [`${r.deviceId} ${r.kind}`, `${r.value} ${r.unit}`]))
  const state = () => supervisor.statuses()[0]?.state

  it('tells what every node measures, in the units of the building, without having set anything', async () => {
    const sensor = (id: string): [string, string][] => [
      [`${id} battery`, '100 percent'],
      [`${id} humidity`, '44 percent'],
      [`${id} luminance`, '320 lux'],
      [`${id} motion`, '0 boolean'],
      [`${id} temperature`, '21.5 celsius'],
    ]
    const lamps = ['z3', 'z5'].map((id) => [`${id} light`, '0 percent'])
    const expected = Object.fromEntries([...['z2', 'z4', 'z232'].flatMap(sensor), ...lamps])
    // OpenZWave does not ask devices that push their notifications, and knows of motion when it begins or ends.
    if (name === 'openzwave') for (const id of ['z2', 'z4']) delete expected[`${id} motion`]
    await expect.poll(last, POLL).toEqual(expected)
    expect(levels).toEqual([])
    expect([...sim.unhandledCommands]).toEqual([])
    // 0xf3 is a function of one maker's sticks that zwave-js asks every stick for.
    expect([...sim.unknownFunctions].filter((func) => func !== 0xf3)).toEqual([])
  })

  it('knows its nodes by name, room, product and state', () => {
    const status = connector.status()
    expect(status).toMatchObject({ driver: name, missingDevices: ['z9'], inclusion: { state: 'idle' } })
    expect(node(2)).toMatchObject({ deviceId: 'z2', name: 'Lamp', roomId: 'r1', state: 'alive', batteryPercent: 100 })
    expect(node(2)?.label).toMatch(/ZW100/)
    expect([node(6)?.state, node(7)?.state]).toEqual(['asleep', 'asleep'])
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
    expect(node(4)?.batteryPercent).toBe(12)
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

  it.each([
    ['took for damaged (NAK)', 'nak', 20],
    ['refused in a collision (CAN)', 'can', 30],
    ['lost', 'nothing', 40],
  ] as const)('sends again what the stick %s', async (_, how, level) => {
    sim.refuseNext(1, how)
    order(3, how, level)
    await expect.poll(() => outcome(how), POLL).toBe('confirmed')
    expect(sim.level(3)).toBe(level)
  })

  it('reads on after garbage on the line', async () => {
    sim.sendGarbage(Buffer.from('aabbccddeeff00fe', 'hex'))
    sim.report(4, 'temperature', 19)
    await expect.poll(() => world.told('z4', 'temperature').at(-1), POLL).toBe(19)
    order(3, 'garbage', 25)
    await expect.poll(() => outcome('garbage'), POLL).toBe('confirmed')
  })

  it('refuses what a sensor cannot do, and what is for a node that is not there', async () => {
    order(2, 'sensor', 50)
    order(9, 'nowhere', 50)
    await expect.poll(() => [outcome('sensor'), outcome('nowhere')], POLL).toEqual(['refused', 'refused'])
  })

  it('refuses for a dead node, is degraded, and notices when the node is back', async () => {
    sim.setDead(5, true)
    order(5, 'dead', 50)
    await expect.poll(() => outcome('dead'), POLL).toBe('refused')
    await expect
      .poll(() => connector.status(), POLL)
      .toMatchObject({
        state: 'degraded',
        lastError: 'node 5 (z5) is dead',
      })
    expect(node(5)?.state).toBe('dead')
    sim.setDead(5, false)
    await expect.poll(() => connector.status().state, POLL).toBe('running')
    order(5, 'alive', 51)
    await expect.poll(() => outcome('alive'), POLL).toBe('confirmed')
  })

  it('asks nodes that sleep when they wake up', async () => {
    for (const nodeId of [6, 7]) {
      sim.wakeUp(nodeId)
      await expect.poll(() => node(nodeId)?.ready, POLL).toBe(true)
      expect(node(nodeId)).toMatchObject({ wakeUpIntervalMs: 3_600_000, batteryPercent: 100 })
    }
    await expect.poll(() => last()['z6 temperature'], POLL).toBe('21.5 celsius')
    await expect.poll(() => node(7)?.state, POLL).toBe('asleep')
  })

  it('tells a node that sleeps when it wakes up, the newest command only, and nothing that is too late', async () => {
    levels.length = 0
    order(7, 'older', 11)
    order(7, 'newer', 22)
    await expect.poll(() => outcome('older'), POLL).toBe('superseded')
    sim.wakeUp(7)
    await expect.poll(() => outcome('newer'), POLL).toBe('confirmed')
    await expect.poll(() => node(7)?.state, POLL).toBe('asleep')
    order(7, 'void', 33, Date.now() + 300)
    await expect.poll(() => outcome('void'), POLL).toBe('expired')
    sim.wakeUp(7)
    await expect.poll(() => node(7)?.state, POLL).toBe('awake')
    await expect.poll(() => node(7)?.state, POLL).toBe('asleep')
    expect(levels).toEqual([[7, 22]])
  })

  it('takes a device in and lets it go, one at a time, and gives up by itself', async () => {
    await connector.include(10_000)
    expect(connector.status().inclusion).toMatchObject({ state: 'including', kind: 'inclusion' })
    await expect(connector.exclude()).rejects.toThrow('another inclusion is under way')
    const nodeId = sim.pressNewDevice(DIMMER)
    expect(nodeId).toBe(233)
    await expect.poll(() => connector.status().inclusion, POLL).toMatchObject({ state: 'done', nodeId })
    expect(node(233)).toMatchObject({ ready: true, deviceId: undefined })
    await connector.exclude(10_000)
    expect(sim.pressDevice(233)).toBe(true)
    await expect
      .poll(() => connector.status().inclusion, POLL)
      .toMatchObject({ state: 'done', kind: 'exclusion', nodeId })
    expect(node(233)).toBeUndefined()
    await connector.include(300)
    await expect.poll(() => connector.status().inclusion.state, POLL).toBe('timed-out')
    await expect.poll(() => sim.inclusion.mode, POLL).toBeUndefined()
    await connector.include(10_000)
    await connector.stopInclusion()
    await expect.poll(() => sim.inclusion.mode, POLL).toBeUndefined()
    expect(connector.status().inclusion.state).toBe('stopped')
    order(3, 'after', 33)
    await expect.poll(() => outcome('after'), POLL).toBe('confirmed')
  })

  it('lets a node that floods not delay the others, and keeps its memory', async () => {
    await expect.poll(() => connector.status().state, POLL).toBe('running')
    const before = process.memoryUsage.rss()
    const droppedBefore = connector.status().dropped
    // Five times what the radio can carry.
    for (let i = 0; i < 1000; i++) {
      sim.report(2, 'temperature', 15 + (i % 100) / 10)
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    sim.report(2, 'temperature', 28)
    sim.report(4, 'humidity', 61)
    await expect.poll(() => world.told('z4', 'humidity').at(-1), POLL).toBe(61)
    await expect.poll(() => world.told('z2', 'temperature').at(-1), POLL).toBe(28)
    expect(connector.status().dropped - droppedBefore).toBeGreaterThan(500)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('notices a pulled stick, and works within 5 s of its return with what has changed meanwhile, setting nothing', async () => {
    levels.length = 0
    await stick.unplug()
    await expect.poll(state, POLL).toBe('failed')
    expect(supervisor.statuses()[0]?.lastError).toContain('stick')
    sim.setSensor(4, 'temperature', 30)
    // Long enough for the waits between tries to have grown.
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const { reconnects } = connector.status()
    const backMs = performance.now()
    await stick.plug()
    await expect.poll(() => world.told('z4', 'temperature').at(-1), POLL).toBe(30)
    const tookMs = Math.round(performance.now() - backMs)
    console.log(`${name}: works ${tookMs} ms after the stick is back`)
    expect(tookMs).toBeLessThan(RECOVERY_MS)
    expect(connector.status().reconnects).toBe(reconnects + 1)
    await expect.poll(() => ready().length, POLL).toBeGreaterThanOrEqual(5)
    expect(levels).toEqual([])
    order(3, 'again', 44)
    await expect.poll(() => outcome('again'), POLL).toBe('confirmed')
  })

  it('notices a stick that hangs although it is plugged in', async () => {
    sim.setSilent(true)
    await expect.poll(state, POLL).toBe('failed')
    expect(supervisor.statuses()[0]?.lastError).toMatch(/stick/)
    sim.setSilent(false)
    await expect.poll(() => connector.status().state, POLL).toBe('running')
  })

  const processTrouble = name === 'openzwave' ? (['SIGSEGV', 'SIGSTOP'] as const) : []
  it.each(processTrouble)('starts the native library anew after %s, and every command ends', async (signal) => {
    const { pid } = driver as OpenzwaveDriver
    process.kill(pid!, signal)
    order(3, signal, 55)
    await expect.poll(state, POLL).toBe('failed')
    expect(supervisor.statuses()[0]?.lastError).toContain('the Z-Wave stick is gone')
    order(5, `after ${signal}`, 56)
    await expect.poll(() => outcome(`after ${signal}`), POLL).toBe('confirmed')
    await expect.poll(() => outcome(signal), POLL).toMatch(/^(confirmed|timed_out)$/)
    expect((driver as OpenzwaveDriver).pid).not.toBe(pid)
    expect(() => process.kill(pid!, 0)).toThrow()
  })

  it('leaves nothing open, and no log file, when it is stopped', async () => {
    await supervisor.stop()
    const files = await readdir(join(directory, 'cache'), { recursive: true })
    expect(files.filter((file) => !/(\.jsonl|^openzwave|OZW_Log\.txt|ozwcache_.*\.xml)$/.test(file))).toEqual([])
    if (driver instanceof OpenzwaveDriver) expect(driver.pid && isAlive(driver.pid)).toBe(false)
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
