import { expect, test } from 'vitest'
import { ManualClock } from '../common/clock.ts'
import type { Connector, ConnectorStatus } from './connector.ts'
import { StatusTracker } from './status.ts'
import { type Schedule, type SupervisedEvent, type SupervisedState, Supervisor, TRANSITIONS } from './supervisor.ts'

class ManualTimers {
  readonly clock = new ManualClock(0)
  #timers: { atMs: number; run: () => void }[] = []

  readonly schedule: Schedule = (delayMs, run) => {
    const timer = { atMs: this.clock.nowMs() + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  get pending(): number {
    return this.#timers.length
  }

  async advance(byMs: number): Promise<void> {
    this.clock.advance(byMs)
    const due = this.#timers.filter((timer) => timer.atMs <= this.clock.nowMs())
    this.#timers = this.#timers.filter((timer) => !due.includes(timer))
    for (const timer of due) timer.run()
    await settled()
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

class FakeConnector implements Connector {
  readonly name: string
  readonly #status: StatusTracker
  starts = 0
  stops = 0
  startError: Error | undefined
  stopWork: () => Promise<void> = async () => {}
  startWork: () => Promise<void> = async () => {}
  fail: (error: Error) => void = () => {}

  constructor(name: string) {
    this.name = name
    this.#status = new StatusTracker(name)
  }

  async start(onFailure: (error: Error) => void): Promise<void> {
    this.starts++
    this.fail = onFailure
    await this.startWork()
    if (this.startError) throw this.startError
    this.#status.moveTo('running')
  }

  async stop(): Promise<void> {
    this.stops++
    await this.stopWork()
    this.#status.moveTo('stopped')
  }

  status(): ConnectorStatus {
    return this.#status.snapshot()
  }
}

function supervised(...connectors: FakeConnector[]) {
  const timers = new ManualTimers()
  const supervisor = new Supervisor({
    connectors,
    clock: timers.clock,
    schedule: timers.schedule,
    backoff: { random: () => 1 },
  })
  return { timers, supervisor }
}

test('a connector that fails is stopped and started again after the back-off, the others go on', async () => {
  const [a, b] = [new FakeConnector('a'), new FakeConnector('b')]
  const { timers, supervisor } = supervised(a, b)
  supervisor.start()
  await settled()
  a.fail(new Error('bus gone'))
  await settled()
  expect(supervisor.statuses()).toMatchObject([
    { name: 'a', state: 'failed', lastError: 'bus gone' },
    { state: 'running' },
  ])
  expect(a.stops).toBe(1)
  await timers.advance(499)
  expect(a.starts).toBe(1)
  await timers.advance(1)
  expect(a.starts).toBe(2)
  expect(b).toMatchObject({ starts: 1, stops: 0 })
  expect(supervisor.statuses()[0]?.state).toBe('running')
  await supervisor.stop()
})

test('waits double up to 4 s and start over after a stable time', async () => {
  const a = new FakeConnector('a')
  a.startError = new Error('no broker')
  const { timers, supervisor } = supervised(a)
  supervisor.start()
  await settled()
  for (const waitMs of [500, 1000, 2000, 4000, 4000]) {
    const before = a.starts
    await timers.advance(waitMs - 1)
    expect(a.starts).toBe(before)
    await timers.advance(1)
    expect(a.starts).toBe(before + 1)
  }
  a.startError = undefined
  await timers.advance(4_000)
  await timers.advance(60_000)
  a.fail(new Error('again'))
  await settled()
  const before = a.starts
  await timers.advance(500)
  expect(a.starts).toBe(before + 1)
  await supervisor.stop()
})

test('a connector that fails soon after each start keeps its long wait', async () => {
  const a = new FakeConnector('a')
  const { timers, supervisor } = supervised(a)
  supervisor.start()
  await settled()
  for (const waitMs of [500, 1000, 2000]) {
    a.fail(new Error('flapping'))
    await settled()
    await timers.advance(waitMs - 1)
    const before = a.starts
    await timers.advance(1)
    expect(a.starts).toBe(before + 1)
  }
  await supervisor.stop()
})

test('a connector that throws or hangs at start does not keep the others from starting', async () => {
  const [throws, hangs, fine] = [new FakeConnector('t'), new FakeConnector('h'), new FakeConnector('f')]
  throws.start = () => {
    throw new Error('at once')
  }
  hangs.startWork = () => new Promise(() => {})
  const { supervisor } = supervised(throws, hangs, fine)
  supervisor.start()
  await settled()
  expect(supervisor.statuses().map((status) => status.state)).toEqual(['failed', 'created', 'running'])
  await supervisor.stop()
})

test('stop ends everything: running, starting, waiting; no timer stays', async () => {
  const [runs, hangs, waits] = [new FakeConnector('r'), new FakeConnector('h'), new FakeConnector('w')]
  hangs.startWork = () => new Promise(() => {})
  waits.startError = new Error('no')
  const { timers, supervisor } = supervised(runs, hangs, waits)
  supervisor.start()
  await settled()
  await supervisor.stop()
  expect([runs.stops, hangs.stops]).toEqual([1, 1])
  expect(timers.pending).toBe(0)
  await timers.advance(100_000)
  expect(waits.starts).toBe(1)
})

test('stop does not wait for ever for one that hangs, nor mind one that rejects', async () => {
  const [hangs, rejects] = [new FakeConnector('h'), new FakeConnector('r')]
  hangs.stopWork = () => new Promise(() => {})
  rejects.stopWork = () => Promise.reject(new Error('ugly'))
  const { timers, supervisor } = supervised(hangs, rejects)
  supervisor.start()
  await settled()
  let stopped = false
  const stopping = supervisor.stop().then(() => {
    stopped = true
  })
  await settled()
  expect(stopped).toBe(false)
  await timers.advance(10_000)
  await stopping
})

test('stop while a failed connector is being cleared does not call its stop twice at a time', async () => {
  const a = new FakeConnector('a')
  const clearing = Promise.withResolvers<void>()
  a.stopWork = () => clearing.promise
  const { supervisor } = supervised(a)
  supervisor.start()
  await settled()
  a.fail(new Error('gone'))
  const stopping = supervisor.stop()
  await settled()
  expect(a.stops).toBe(1)
  clearing.resolve()
  await stopping
})

test('a failure told after the stop, or twice, changes nothing', async () => {
  const a = new FakeConnector('a')
  const { timers, supervisor } = supervised(a)
  supervisor.start()
  await settled()
  const { fail } = a
  fail(new Error('one'))
  fail(new Error('two'))
  await settled()
  expect(timers.pending).toBe(1)
  await supervisor.stop()
  fail(new Error('late'))
  await settled()
  expect(timers.pending).toBe(0)
  expect(a.starts).toBe(1)
})

test('can be started again after a stop', async () => {
  const a = new FakeConnector('a')
  const { supervisor } = supervised(a)
  supervisor.start()
  await settled()
  await supervisor.stop()
  supervisor.start()
  await settled()
  expect(a.starts).toBe(2)
  await supervisor.stop()
})

test('every state but idle can be stopped, and every state leads back to idle', () => {
  const leadsTo = (state: SupervisedState): SupervisedState[] => Object.values(TRANSITIONS[state])
  for (const state of Object.keys(TRANSITIONS) as SupervisedState[]) {
    const stop: SupervisedEvent = 'stop'
    if (state !== 'idle' && state !== 'stopping') expect(TRANSITIONS[state][stop]).toBe('stopping')
    expect(leadsTo(state).length).toBeGreaterThan(0)
  }
  expect(TRANSITIONS.stopping.stopped).toBe('idle')
})
