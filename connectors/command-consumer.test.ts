import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../common/clock.ts'
import { serdes } from '../common/serde.ts'
import { KafkaUnavailableError } from '../kafka/errors.ts'
import type { Command, CommandResult, DeadLetter, Device } from '../schemas/types.ts'
import { CommandConsumer, type CommandConsumerOptions } from './command-consumer.ts'
import type { CommandOutcome } from './command-lanes.ts'
import type { FakeLog } from './testing/fake-log.ts'
import { command, DEAD_LETTERS, device, fakePublishing, json, RESULTS } from './testing/fixtures.ts'

const TOPIC = 'building.commands'
const GROUP = 'brook-connector-knx'
const running: CommandConsumer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
})

interface Call {
  readonly command: Command
  readonly end: (outcome: CommandOutcome) => void
  readonly reject: (error: Error) => void
  readonly sent: () => void
}

function setUp(options: Partial<CommandConsumerOptions> = {}, devices: readonly Device[] = [device()]) {
  const clock = new ManualClock(1000)
  const { log, publisher } = fakePublishing({ clock })
  log.createTopic(TOPIC)
  const calls: Call[] = []
  const consumer = (): CommandConsumer => {
    const made = new CommandConsumer({
      kafka: log,
      bus: 'knx',
      topic: TOPIC,
      key: serdes.string,
      value: serdes.json<Command>(),
      groupId: GROUP,
      devices: { get: (deviceId) => devices.find((one) => one.deviceId === deviceId) },
      publisher,
      handler: (wanted, _device, context) =>
        new Promise((end, reject) => {
          calls.push({ command: wanted, end, reject, sent: () => context.sent() })
          context.signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
      clock,
      drainMs: 50,
      ...options,
    })
    running.push(made)
    return made
  }
  const results = (): CommandResult[] => log.in(RESULTS).map((record) => json<CommandResult>(record.value))
  const told = (): string[] => results().map((result) => `${result.commandId} ${result.status}`)
  const committed = (): number | undefined => log.commits.get(GROUP)?.get(TOPIC)
  return { clock, log, calls, consumer, results, told, committed }
}

const fail = (error: Error): never => {
  throw error
}
const send = (log: FakeLog, changes: Partial<Command> = {}): number => {
  const wanted = command(changes)
  return log.append(TOPIC, wanted.deviceId, wanted)
}
const begun = (committed: () => number | undefined) => vi.waitFor(() => expect(committed()).toBeDefined())

test('a start sends no command: a group without a commit begins at the end, and remembers where', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  send(log, { commandId: 'old' })
  const first = consumer()
  first.start(fail)
  await vi.waitFor(() => expect(committed()).toBe(1))
  await first.stop()
  send(log, { commandId: 'meanwhile' })
  consumer().start(fail)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  expect(calls[0]?.command.commandId).toBe('meanwhile')
  calls[0]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(committed()).toBe(2))
  expect(told()).toEqual(['meanwhile confirmed'])
})

test('the offset is committed when the command has ended and its result is in the log, not before', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  consumer().start(fail)
  await begun(committed)
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  calls[0]?.sent()
  await vi.waitFor(() => expect(told()).toEqual(['c1 sent']))
  log.holding = true
  calls[0]?.end({ status: 'confirmed' })
  await new Promise((resolve) => setTimeout(resolve, 250))
  expect(committed()).toBe(0)
  log.release()
  await vi.waitFor(() => expect(committed()).toBe(1))
})

test('a result that the log refuses is sent again until it is in', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  consumer().start(fail)
  await begun(committed)
  let refusals = 2
  log.refuse = () => (refusals-- > 0 ? new KafkaUnavailableError('away') : undefined)
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  calls[0]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(told()).toEqual(['c1 confirmed']), 5000)
  await vi.waitFor(() => expect(committed()).toBe(1))
})

test('a command id is carried out once', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  consumer().start(fail)
  await begun(committed)
  send(log)
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  calls[0]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(committed()).toBe(2))
  send(log)
  await vi.waitFor(() => expect(committed()).toBe(3))
  expect(calls).toHaveLength(1)
  expect(told()).toEqual(['c1 confirmed'])
})

test('a device does one command at a time; a newer one of the same kind supersedes one that waits', async () => {
  const { log, calls, consumer, committed, told, results } = setUp()
  consumer().start(fail)
  await begun(committed)
  send(log, { commandId: 'a', value: 10 })
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  send(log, { commandId: 'b', value: 20 })
  send(log, { commandId: 'blinds', kind: 'blinds', value: 0 })
  send(log, { commandId: 'c', value: 30 })
  await vi.waitFor(() => expect(told()).toEqual(['b superseded']))
  expect(results()[0]?.detail).toBe('by command c')
  expect(calls.map((call) => call.command.commandId)).toEqual(['a'])
  calls[0]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(calls).toHaveLength(2))
  calls[1]?.end({ status: 'timed_out', detail: 'no answer in 5 s' })
  await vi.waitFor(() => expect(calls).toHaveLength(3))
  calls[2]?.reject(new Error('bus refuses'))
  await vi.waitFor(() => expect(committed()).toBe(4))
  expect(told()).toEqual(['b superseded', 'a confirmed', 'blinds timed_out', 'c refused'])
  expect(results().at(-1)?.detail).toBe('bus refuses')
})

test('of a backlog only the newest command per device and kind is carried out, whatever came before it', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  const first = consumer()
  first.start(fail)
  await begun(committed)
  await first.stop()
  for (const commandId of ['a', 'b', 'c', 'd']) send(log, { commandId })
  send(log, { commandId: 'void', expiresAtMs: 999 })
  send(log, { commandId: 'blinds', kind: 'blinds' })
  consumer().start(fail)
  for (let i = 0; i < 2; i++) {
    await vi.waitFor(() => expect(calls).toHaveLength(i + 1))
    calls[i]?.end({ status: 'confirmed' })
  }
  await vi.waitFor(() => expect(committed()).toBe(6))
  expect(calls.map((call) => call.command.commandId)).toEqual(['d', 'blinds'])
  expect(told()).toEqual([
    'a superseded',
    'b superseded',
    'c superseded',
    'void expired',
    'd confirmed',
    'blinds confirmed',
  ])
})

describe('over a restart', () => {
  /** Results as the log has them, in the topic that is read back. */
  const results = { topic: 'results-before', value: serdes.json<CommandResult>() }
  const resultBefore = (log: FakeLog, commandId: string, status: CommandResult['status']) =>
    log.append(results.topic, 'd1', { commandId, deviceId: 'd1', roomId: 'r1', status, detail: null, atMs: 0 })

  test('a command that had ended is not carried out again, although its offset was not committed', async () => {
    const { log, calls, consumer, committed, told } = setUp({ results })
    log.commits.set(GROUP, new Map([[TOPIC, 0]]))
    send(log, { commandId: 'done' })
    send(log, { commandId: 'new', deviceId: 'd1', kind: 'blinds' })
    resultBefore(log, 'done', 'sent')
    resultBefore(log, 'done', 'confirmed')
    consumer().start(fail)
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    calls[0]?.end({ status: 'confirmed' })
    await vi.waitFor(() => expect(committed()).toBe(2))
    expect(calls[0]?.command.commandId).toBe('new')
    expect(told()).toEqual(['new confirmed'])
  })

  test('one that was sent and had not ended is told so; what cannot be read of results stops nothing', async () => {
    const wasSent: boolean[] = []
    const { log, consumer, committed, told } = setUp({
      results,
      handler: async (_command, _device, context) => {
        wasSent.push(context.wasSent)
        return { status: 'confirmed' }
      },
    })
    log.commits.set(GROUP, new Map([[TOPIC, 0]]))
    send(log, { commandId: 'under-way' })
    send(log, { commandId: 'new', kind: 'blinds' })
    log.append(results.topic, 'd1', Buffer.from('no JSON'))
    resultBefore(log, 'under-way', 'sent')
    consumer().start(fail)
    await vi.waitFor(() => expect(committed()).toBe(2))
    expect(wasSent).toEqual([true, false])
    expect(told()).toEqual(['under-way confirmed', 'new confirmed'])
  })
})

test('a device has its next command while the end of the last is awaited; the offset waits for that end', async () => {
  let end: (outcome: CommandOutcome) => void = fail as never
  const order: string[] = []
  const { log, consumer, committed, told } = setUp({
    handler: (wanted, _device, context) => {
      order.push(wanted.commandId)
      if (wanted.commandId !== 'slow') return Promise.resolve({ status: 'confirmed' })
      context.sent()
      context.letNext()
      return new Promise((resolve) => {
        end = resolve
      })
    },
  })
  const made = consumer()
  made.start(fail)
  await begun(committed)
  send(log, { commandId: 'slow' })
  await vi.waitFor(() => expect(order).toEqual(['slow']))
  send(log, { commandId: 'next' })
  await vi.waitFor(() => expect(told()).toEqual(['slow sent', 'next confirmed']))
  expect(committed()).toBe(0)
  expect(made.queueLength).toBe(1)
  end({ status: 'timed_out' })
  await vi.waitFor(() => expect(committed()).toBe(2))
  expect(told()).toEqual(['slow sent', 'next confirmed', 'slow timed_out'])
})

test('devices are served side by side, up to a bound', async () => {
  const devices = ['d1', 'd2', 'd3'].map((deviceId) => device({ deviceId }))
  const { log, calls, consumer, committed } = setUp({ maxParallel: 2 }, devices)
  consumer().start(fail)
  await begun(committed)
  for (const { deviceId } of devices) send(log, { commandId: deviceId, deviceId })
  await vi.waitFor(() => expect(calls).toHaveLength(2))
  calls[1]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(calls).toHaveLength(3))
  expect(committed()).toBe(0)
  calls[0]?.end({ status: 'confirmed' })
  calls[2]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(committed()).toBe(3))
})

test('a command that expired, on arrival or while it waited, is not carried out', async () => {
  const { log, calls, consumer, committed, told, clock } = setUp()
  const made = consumer()
  made.start(fail)
  await begun(committed)
  send(log, { commandId: 'late', expiresAtMs: 1000 })
  send(log, { commandId: 'runs' })
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  send(log, { commandId: 'waits', expiresAtMs: 2000 })
  await vi.waitFor(() => expect(made.queueLength).toBe(2))
  clock.set(2000)
  calls[0]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(committed()).toBe(3))
  expect(told()).toEqual(['late expired', 'runs confirmed', 'waits expired'])
  expect(calls).toHaveLength(1)
})

describe('a command that is not for a device of this bus', () => {
  test('is left to others', async () => {
    const { log, calls, consumer, committed } = setUp({}, [device({ bus: 'zwave' })])
    consumer().start(fail)
    await begun(committed)
    send(log)
    log.append(TOPIC, 'd1', Buffer.from('not json'))
    send(log, { deviceId: 'nobody' })
    await vi.waitFor(() => expect(committed()).toBe(3))
    expect(calls).toEqual([])
    expect(log.written).toEqual([])
  })

  test('is answered when nobody knows the device and this consumer answers for those', async () => {
    const { log, consumer, committed, results } = setUp({ answersUnknownDevices: true })
    consumer().start(fail)
    await begun(committed)
    send(log, { deviceId: 'nobody' })
    await vi.waitFor(() => expect(committed()).toBe(1))
    expect(results()).toMatchObject([{ status: 'refused', detail: 'there is no device nobody' }])
  })
})

test('what is no command becomes a dead letter and does not stop the next', async () => {
  const { log, calls, consumer, committed } = setUp()
  consumer().start(fail)
  await begun(committed)
  log.append(TOPIC, 'd1', Buffer.from('not json'))
  log.append(TOPIC, 'd1', command({ deviceId: 'd2' }))
  log.append(TOPIC, 'd1', null)
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  calls[0]?.end({ status: 'sent' })
  await vi.waitFor(() => expect(committed()).toBe(4))
  const letters = log.in(DEAD_LETTERS).map((record) => json<DeadLetter>(record.value))
  expect(letters.map((letter) => letter.code)).toEqual(['SERDE_FAILED', 'COMMAND_KEY_MISMATCH'])
  expect(Buffer.from(letters[0]?.originalValue as Buffer).toString()).toBe('not json')
})

test('what had not ended at a stop comes again after the next start', async () => {
  const { log, calls, consumer, committed, told } = setUp()
  const first = consumer()
  first.start(fail)
  await begun(committed)
  send(log, { commandId: 'runs' })
  send(log, { commandId: 'waits', kind: 'switch' })
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  await first.stop()
  expect(committed()).toBe(0)
  first.start(fail)
  await vi.waitFor(() => expect(calls).toHaveLength(2))
  calls[1]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(calls).toHaveLength(3))
  calls[2]?.end({ status: 'confirmed' })
  await vi.waitFor(() => expect(committed()).toBe(2))
  expect(told()).toEqual(['runs confirmed', 'waits confirmed'])
})

test('a stop lets a running command end and commits it', async () => {
  const { log, calls, consumer, committed, told } = setUp({ drainMs: 5000 })
  const first = consumer()
  first.start(fail)
  await begun(committed)
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  const stopping = first.stop()
  calls[0]?.end({ status: 'confirmed' })
  await stopping
  expect(told()).toEqual(['c1 confirmed'])
  expect(committed()).toBe(1)
})

test('reading pauses while too many commands wait, and goes on after', async () => {
  const devices = Array.from({ length: 12 }, (_, i) => device({ deviceId: `d${i}` }))
  const { log, calls, consumer, committed } = setUp({ maxQueued: 4, maxParallel: 1 }, devices)
  const one = consumer()
  one.start(fail)
  await begun(committed)
  for (const { deviceId } of devices.slice(0, 4)) send(log, { commandId: deviceId, deviceId })
  await vi.waitFor(() => expect(one.queueLength).toBe(4))
  await new Promise((resolve) => setTimeout(resolve, 150))
  for (const { deviceId } of devices.slice(4)) send(log, { commandId: deviceId, deviceId })
  await new Promise((resolve) => setTimeout(resolve, 250))
  expect(one.queueLength).toBe(4)
  for (let i = 0; i < 12; i++) {
    await vi.waitFor(() => expect(calls.length).toBe(i + 1))
    calls[i]?.end({ status: 'confirmed' })
  }
  await vi.waitFor(() => expect(committed()).toBe(12))
})

test('losing Kafka for a while is no failure, anything else is', async () => {
  const { log, calls, consumer, committed } = setUp()
  const failures: Error[] = []
  consumer().start((error) => failures.push(error))
  await begun(committed)
  log.pollError = new KafkaUnavailableError('away')
  send(log)
  await vi.waitFor(() => expect(calls).toHaveLength(1), 3000)
  expect(failures).toEqual([])
  log.pollError = new Error('broken')
  await vi.waitFor(() => expect(failures).toMatchObject([{ message: 'broken' }]))
  calls[0]?.end({ status: 'confirmed' })
})
