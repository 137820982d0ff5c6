import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock, systemClock } from '../../common/clock.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import type { Command } from '../../schemas/types.ts'
import { command } from '../testing/fixtures.ts'
import {
  ZwaveNodeDeadError,
  ZwaveNotConfirmedError,
  ZwaveNotSupportedError,
  ZwaveRefusedError,
  ZwaveUnavailableError,
  ZwaveUnknownNodeError,
} from './driver.ts'
import { building, COMMANDS, DEVICES, zwaveDevice } from './testing/building.ts'
import { FakeDriver } from './testing/fake-driver.ts'
import { ZwaveConnector, type ZwaveConnectorOptions } from './zwave-connector.ts'

const START_MS = 1_800_000_000_000

async function rig(nodeIds: readonly number[], options: Partial<ZwaveConnectorOptions> = {}) {
  const world = await building(nodeIds)
  const clock = new ManualClock(START_MS)
  const drivers: FakeDriver[] = []
  const failures: Error[] = []
  const prepare: ((driver: FakeDriver) => void)[] = []
  const connector = new ZwaveConnector({
    createDriver: () => {
      const driver = new FakeDriver()
      driver.nodes = [...nodeIds]
      prepare.shift()?.(driver)
      drivers.push(driver)
      return driver
    },
    devices: world.devices,
    publisher: world.publisher,
    status: world.status,
    commands: { ...world.commands, drainMs: 20 },
    clock,
    ...options,
  })
  cleanUps.push(async () => {
    await connector.stop()
    await world.devices.stop()
  })
  return {
    ...world,
    clock,
    connector,
    drivers,
    failures,
    prepare,
    /** Resolves when commands are listened for as well. */
    start: async () => {
      await connector.start((error) => void failures.push(error))
      await expect.poll(world.joined, { interval: 5 }).toBe(true)
    },
    driver: () => drivers.at(-1)!,
    order: (changes: Partial<Command>) =>
      void world.log.append(COMMANDS, changes.deviceId ?? 'z3', command({ deviceId: 'z3', ...changes })),
  }
}

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

describe('readings from Z-Wave', () => {
  it('are published for the device of the node, with the time the frame arrived', async () => {
    const { start, driver, readings, log, connector } = await rig([2, 3])
    await start()
    driver().listener?.value(2, 'temperature', 21.5, 'celsius', START_MS - 1234)
    await expect.poll(readings).toHaveLength(1)
    expect(readings()[0]).toEqual({
      deviceId: 'z2',
      roomId: 'r1',
      bus: 'zwave',
      kind: 'temperature',
      value: 21.5,
      unit: 'celsius',
      quality: 'good',
      eventTimeMs: START_MS - 1234,
      receivedAtMs: START_MS - 1234,
      sequence: null,
      retained: false,
    })
    expect(log.written[0]).toMatchObject({ timestampMs: START_MS - 1234, key: Buffer.from('z2') })
    await expect.poll(() => connector.status()).toMatchObject({ received: 1, published: 1, queueLength: 0 })
  })

  it('that cannot be true become dead letters with their reason', async () => {
    const { start, driver, log, readings } = await rig([2])
    await start()
    driver().listener?.value(2, 'temperature', 900, 'celsius', START_MS)
    driver().listener?.value(2, 'humidity', 40, 'percent', START_MS)
    await expect.poll(() => log.in('building.dead-letters')).toHaveLength(1)
    expect(String(log.in('building.dead-letters')[0]?.value)).toContain('zwave:2/temperature')
    expect(readings().map((r) => r.kind)).toEqual(['humidity'])
  })

  it('of a node that belongs to no device are counted, shown, and published once a device claims the node', async () => {
    const { start, driver, connector, readings, log } = await rig([2])
    await start()
    driver().listener?.value(9, 'humidity', 40, 'percent', START_MS)
    driver().listener?.value(9, 'humidity', 41, 'percent', START_MS + 1)
    driver().listener?.value(9, 'battery', 90, 'percent', START_MS + 2)
    expect(connector.status()).toMatchObject({ received: 3, unknownNodes: [9] })
    expect(connector.status().nodes.find((n) => n.nodeId === 9)).toMatchObject({ deviceId: undefined, values: 3 })
    expect(readings()).toEqual([])

    log.append(DEVICES, 'z9', zwaveDevice(9))
    await expect.poll(readings).toHaveLength(2)
    expect(readings().map((r) => [r.deviceId, r.kind, r.value, r.eventTimeMs])).toEqual([
      ['z9', 'humidity', 41, START_MS + 1],
      ['z9', 'battery', 90, START_MS + 2],
    ])
    expect(connector.status().unknownNodes).toEqual([])
  })

  it('keep the last value per address while the log is away, and the connector says it is degraded', async () => {
    const { start, driver, connector, log, told } = await rig([2], { outbox: { backoff: { baseMs: 10 } } })
    await start()
    log.refuse = () => new KafkaUnavailableError('no broker')
    for (const value of [20, 21, 22]) {
      driver().listener?.value(2, 'temperature', value, 'celsius', START_MS)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await expect.poll(() => connector.status()).toMatchObject({ state: 'degraded', lastError: 'no broker' })
    log.refuse = undefined
    await expect.poll(() => told('z2', 'temperature')).toEqual([22])
    await expect.poll(() => connector.status()).toMatchObject({ state: 'running', dropped: 2, queueLength: 0 })
  })
})

describe('commands to Z-Wave', () => {
  it('are confirmed by what the node tells', async () => {
    const { start, driver, order, results } = await rig([2, 3])
    await start()
    order({ commandId: 'c1', value: 42 })
    await expect.poll(() => results().map((r) => r.status)).toEqual(['sent', 'confirmed'])
    expect(driver().set).toEqual([{ nodeId: 3, percent: 42 }])
    expect(results()[1]).toMatchObject({ commandId: 'c1', deviceId: 'z3', detail: 'the node tells 42 %' })
  })

  it.each([
    ['a dead node', new ZwaveNodeDeadError('node 3 does not answer'), 'refused'],
    ['a node that is not there', new ZwaveUnknownNodeError('no node 3'), 'refused'],
    ['a node without a level', new ZwaveNotSupportedError('no level'), 'refused'],
    ['a node that says no', new ZwaveRefusedError('no'), 'refused'],
    ['a fault of ours', new TypeError('undefined is not a function'), 'refused'],
    ['a node that does not tell its level', new ZwaveNotConfirmedError('stays at 0'), 'timed_out'],
  ])('to %s end with the reason', async (_, error, status) => {
    const { start, prepare, order, results } = await rig([3])
    prepare.push((driver) => {
      driver.answer = () => Promise.reject(error)
    })
    await start()
    order({ commandId: 'c1' })
    await expect.poll(() => results().at(-1)).toMatchObject({ commandId: 'c1', status, detail: error.message })
  })

  it.each([
    ['another kind than light', { kind: 'blinds' } as const, 'cannot be told blinds'],
    ['more than 100 percent', { value: 101 }, 'from 0 to 100'],
    ['less than none', { value: -1 }, 'from 0 to 100'],
  ])('for %s are refused without a word on the bus', async (_, changes, detail) => {
    const { start, driver, order, results } = await rig([3])
    await start()
    order(changes)
    await expect.poll(results).toHaveLength(1)
    expect(results()[0]).toMatchObject({ status: 'refused', detail: expect.stringContaining(detail) })
    expect(driver().set).toEqual([])
  })

  it('that came before the first start are not carried out', async () => {
    const { start, driver, order, results } = await rig([3])
    order({ commandId: 'old' })
    await start()
    order({ commandId: 'new', value: 70 })
    await expect.poll(() => results().at(-1)).toMatchObject({ commandId: 'new', status: 'confirmed' })
    expect(driver().set).toEqual([{ nodeId: 3, percent: 70 }])
  })

  it('that meet a lost stick come again after the restart', async () => {
    const { start, prepare, connector, order, results, drivers } = await rig([3])
    prepare.push((driver) => {
      driver.answer = () => Promise.reject(new ZwaveUnavailableError('the stick is gone'))
    })
    await start()
    order({ commandId: 'before', value: 10 })
    await expect.poll(() => drivers[0]?.set.length).toBe(1)
    await connector.stop()
    expect(results().map((r) => r.status)).toEqual(['sent'])
    await start()
    await expect.poll(() => results().at(-1)).toMatchObject({ commandId: 'before', status: 'confirmed' })
    expect(drivers[1]?.set).toEqual([{ nodeId: 3, percent: 10 }])
  })

  it('that meet a lost stick time out when they expire first', async () => {
    const { start, prepare, order, results } = await rig([3], { clock: systemClock })
    prepare.push((driver) => {
      driver.answer = () => Promise.reject(new ZwaveUnavailableError('the stick is gone'))
    })
    await start()
    order({ expiresAtMs: Date.now() + 300 })
    await expect.poll(() => results().at(-1)).toMatchObject({ status: 'timed_out', detail: 'the stick is gone' })
  })
})

describe('the life of the connector', () => {
  it('sends nothing because of a start', async () => {
    const { start, driver, connector } = await rig([2, 3])
    await start()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await connector.stop()
    await start()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(driver().set).toEqual([])
  })

  it('runs, stops, and makes a new driver for each start', async () => {
    const { start, connector, drivers } = await rig([2])
    expect(connector.status().state).toBe('created')
    await start()
    expect(connector.status()).toMatchObject({ name: 'test', state: 'running', reconnects: 0 })
    await connector.stop()
    expect(connector.status().state).toBe('stopped')
    await start()
    expect(connector.status()).toMatchObject({ state: 'running', reconnects: 1 })
    expect(drivers.map((d) => d.closed)).toEqual([true, false])
  })

  it('tells once that the stick is gone, and closes its driver when it is stopped', async () => {
    const { start, driver, failures, connector } = await rig([2])
    await start()
    driver().listener?.failure(new ZwaveUnavailableError('the stick is gone'))
    driver().listener?.failure(new ZwaveUnavailableError('and once more'))
    expect(failures.map((e) => e.message)).toEqual(['the stick is gone'])
    expect(connector.status()).toMatchObject({ state: 'failed', lastError: 'the stick is gone' })
    await connector.stop()
    expect(driver().closed).toBe(true)
  })

  it('does not start without its stick, and lets go of it', async () => {
    const { start, prepare, driver, failures } = await rig([2])
    prepare.push((d) => {
      d.openError = new ZwaveUnavailableError('no stick')
    })
    await expect(start()).rejects.toThrow('no stick')
    expect(driver().closed).toBe(true)
    expect(failures).toEqual([])
    await start()
    expect(driver().closed).toBe(false)
  })

  it('can be stopped while it starts', async () => {
    const { start, prepare, driver, connector } = await rig([2])
    let release = (): void => {}
    prepare.push((d) => {
      d.opening = new Promise((resolve) => {
        release = resolve
      })
    })
    const starting = start()
    await expect.poll(() => driver()?.listener).toBeDefined()
    await connector.stop()
    release()
    await expect(starting).rejects.toThrow()
    expect(driver().closed).toBe(true)
    expect(connector.status().state).toBe('stopped')
  })

  it('is degraded while a node of a device is dead, and not for one of nobody', async () => {
    const { start, driver, connector } = await rig([2, 3])
    await start()
    driver().listener?.nodeState(77, 'dead')
    expect(connector.status().state).toBe('running')
    driver().listener?.nodeState(3, 'dead')
    expect(connector.status()).toMatchObject({ state: 'degraded', lastError: 'node 3 (z3) is dead' })
    driver().listener?.nodeState(3, 'alive')
    expect(connector.status().state).toBe('running')
  })

  it('calls a sensor unavailable that has said nothing for too long, and no lamp', async () => {
    const { start, driver, connector, clock } = await rig([2, 3], { silentAfterMs: 1000 })
    await start()
    clock.advance(900)
    driver().listener?.value(2, 'temperature', 20, 'celsius', clock.nowMs())
    clock.advance(900)
    expect(connector.status().nodes.map((n) => n.state)).toEqual(['unknown', 'unknown'])
    clock.advance(101)
    expect(connector.status().nodes.map((n) => n.state)).toEqual(['unavailable', 'unknown'])
    driver().listener?.nodeState(3, 'alive')
    expect(connector.status()).toMatchObject({ state: 'degraded', lastError: 'node 2 (z2) is unavailable' })
  })

  it('names a node that floods, and publishes its last value', async () => {
    const { start, driver, connector, told } = await rig([2, 4], { clock: systemClock })
    await start()
    for (let i = 0; i <= 1000; i++) driver().listener?.value(2, 'humidity', i / 10, 'percent', Date.now())
    driver().listener?.value(4, 'humidity', 50, 'percent', Date.now())
    expect(connector.status()).toMatchObject({ state: 'degraded', lastError: 'node 2 (z2) is flooding' })
    await expect.poll(() => told('z4', 'humidity')).toEqual([50])
    await expect.poll(() => told('z2', 'humidity').at(-1)).toBe(100)
    expect(told('z2', 'humidity').length).toBeLessThan(120)
  })

  it('takes a device in once it runs, and tells how that ends when the stick goes', async () => {
    const { start, driver, connector } = await rig([2])
    await expect(connector.include()).rejects.toThrow('the Z-Wave stick is not there')
    await start()
    await connector.include()
    driver().listener?.inclusion('node-found')
    driver().listener?.nodeAdded(8)
    driver().listener?.nodeInfo(8, { label: 'Maker Lamp' })
    expect(connector.status()).toMatchObject({ inclusion: { state: 'interviewing', nodeId: 8 } })
    driver().listener?.nodeState(8, 'ready')
    expect(connector.status().inclusion.state).toBe('done')
    expect(connector.status().nodes.find((n) => n.nodeId === 8)).toMatchObject({ label: 'Maker Lamp', ready: true })
    await connector.exclude()
    driver().listener?.failure(new ZwaveUnavailableError('the stick is gone'))
    expect(connector.status().inclusion).toMatchObject({ state: 'failed', detail: 'the stick is gone' })
    expect(driver().asked).toEqual(['include', 'exclude'])
  })

  it('holds a command for a node that sleeps until it wakes up, and drops it for a newer one', async () => {
    const { start, driver, order, results } = await rig([3], { clock: systemClock })
    await start()
    driver().listener?.nodeState(3, 'asleep')
    const expiresAtMs = Date.now() + 60_000
    order({ commandId: 'older', value: 10, expiresAtMs })
    order({ commandId: 'newer', value: 20, expiresAtMs })
    await expect.poll(() => results().map((r) => `${r.commandId} ${r.status}`)).toEqual(['older superseded'])
    expect(driver().set).toEqual([])
    driver().listener?.nodeState(3, 'awake')
    await expect.poll(() => results().at(-1)).toMatchObject({ commandId: 'newer', status: 'confirmed' })
    expect(driver().set).toEqual([{ nodeId: 3, percent: 20 }])
    driver().listener?.nodeState(3, 'asleep')
    order({ commandId: 'late', value: 30, expiresAtMs: Date.now() + 100 })
    await expect.poll(() => results().at(-1)).toMatchObject({ commandId: 'late', status: 'expired' })
    expect(driver().set).toHaveLength(1)
  })

  it('keeps what the log did not take over a restart', async () => {
    const { start, driver, connector, log, told } = await rig([2])
    await start()
    log.refuse = () => new KafkaUnavailableError('no broker')
    driver().listener?.value(2, 'humidity', 55, 'percent', START_MS)
    await connector.stop()
    log.refuse = undefined
    await start()
    await expect.poll(() => told('z2', 'humidity')).toEqual([55])
  })
})
