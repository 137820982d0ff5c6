import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import type { LogReader, Producer } from '../../../kafka/port.ts'
import {
  type DueTime,
  KafkaStreams,
  type Processor,
  type ProcessorContext,
  Stores,
  StreamRecord,
  StreamsBuilder,
  serdes,
  type Timers,
  TopologyTestDriver,
} from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

/** `+100` sets the key's timer 100 ms after the record, `@100` at 100 ms, `-` cancels it, `?` says when it goes off; others pass. */
class Alarm implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>
  #timers!: Timers<string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#timers = context.timers<string>('alarms', ({ key, dueMs }) => {
      expect(context.recordMetadata()).toBeUndefined()
      if (key === 'again') this.#timers.schedule(key, dueMs)
      return context.forward(new StreamRecord(key, 'rings', dueMs))
    })
  }

  process(record: StreamRecord<string, string>): void | Promise<void> {
    const { key, value, timestampMs } = record
    if (value.startsWith('+')) return this.#timers.schedule(key, timestampMs + Number(value.slice(1)))
    if (value.startsWith('@')) return this.#timers.schedule(key, Number(value.slice(1)))
    if (value === '-') return this.#timers.cancel(key)
    if (value === '?') return void this.#context.forward(record.withValue(String(this.#timers.scheduledAt(key))))
    return this.#context.forward(record)
  }
}

function alarms(time: DueTime = 'stream-time'): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder.addStateStore(Stores.timerStore('alarms', { key: serdes.string, time }))
  builder
    .stream('in', TEXT)
    .process(() => new Alarm(), { stores: ['alarms'] })
    .to('out', TEXT)
  return builder
}

async function driven(time?: DueTime) {
  const driver = await TopologyTestDriver.create(alarms(time).build())
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  const read = (): string[] => output.readRecords().map((r) => `${r.key} ${r.value} ${r.timestampMs}`)
  return { driver, input, read }
}

describe('timers by stream time', () => {
  test('go off before the record that moves time there, by time and then by key', async () => {
    const { driver, input, read } = await driven()
    input.pipeInput('b', '+100', 0)
    input.pipeInput('c', '+50', 10)
    input.pipeInput('a', '@100', 20)
    input.pipeInput('x', 'hello', 59)
    expect(read()).toEqual(['x hello 59'])
    input.pipeInput('x', 'hello', 60)
    expect(read()).toEqual(['c rings 60', 'x hello 60'])
    input.pipeInput('x', 'hello', 500)
    input.pipeInput('x', 'hello', 501)
    expect(read()).toEqual(['a rings 100', 'b rings 100', 'x hello 500', 'x hello 501'])
    await driver.close()
  })

  test('are one per key: set again, cancelled, asked for', async () => {
    const { driver, input, read } = await driven()
    for (let time = 0; time < 50; time++) input.pipeInput('a', '+100', time)
    input.pipeInput('a', '?', 50)
    input.pipeInput('b', '+10', 50)
    input.pipeInput('b', '-', 51)
    input.pipeInput('b', '?', 52)
    input.pipeInput('c', '-', 53)
    input.pipeInput('x', 'hello', 148)
    input.pipeInput('x', 'hello', 149)
    expect(read()).toEqual(['a 149 50', 'b undefined 52', 'x hello 148', 'a rings 149', 'x hello 149'])
    await driver.close()
  })

  test('that are due at once go off when the task looks again, and once', async () => {
    const { driver, input, read } = await driven()
    input.pipeInput('a', '@5', 50)
    expect(read()).toEqual(['a rings 5'])
    input.pipeInput('again', '@60', 50)
    input.pipeInput('x', 'hello', 70)
    // It sets itself anew each time, and goes off once each time that the task looks: before the record, and after it.
    expect(read()).toEqual(['again rings 60', 'x hello 70', 'again rings 60'])
    await driver.close()
  })

  test('are refused where they are no time', async () => {
    const { driver, input } = await driven()
    expect(() => input.pipeInput('a', '@-1', 50)).toThrow(/cannot go off/)
    expect(() => input.pipeInput('a', '@1.5', 50)).toThrow(/cannot go off/)
    await driver.close()
  })
})

test('timers by the wall clock go off while nothing comes', async () => {
  const { driver, input, read } = await driven('wall-clock-time')
  input.pipeInput('a', '@1000', 5)
  input.pipeInput('b', '@2000', 5_000)
  expect(read()).toEqual([])
  driver.advanceWallClockTime(999)
  expect(read()).toEqual([])
  driver.advanceWallClockTime(1)
  expect(read()).toEqual(['a rings 1000'])
  driver.advanceWallClockTime(10_000)
  expect(read()).toEqual(['b rings 2000'])
  await driver.close()
})

describe.each([
  ['of the same instance', true],
  ['on another instance, from the changelog', false],
])('after a restart %s', (_what, keepsState) => {
  let directory: string
  let kafka: EmbeddedProvider
  let producer: Producer
  let reader: LogReader
  let rings: string[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-timers-'))
    kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
    await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
    producer = kafka.createProducer()
    reader = kafka.createReader({ isolationLevel: 'read_uncommitted' })
    await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
    rings = []
  })

  afterEach(async () => {
    await reader.close()
    await producer.close()
    await kafka.close()
    await rm(directory, { recursive: true, force: true })
  })

  async function start(time: DueTime, state: string): Promise<KafkaStreams> {
    const streams = new KafkaStreams(alarms(time).build(), {
      applicationId: 'alarms',
      kafka,
      stateDir: join(directory, state),
      commitInterval: 20,
    })
    await streams.start()
    await streams.waitFor('RUNNING')
    return streams
  }

  async function send(...records: readonly (readonly [key: string, value: string, timestampMs: number])[]) {
    for (const [key, value, timestampMs] of records)
      producer.send('in', undefined, { key: Buffer.from(key), value: Buffer.from(value), timestampMs })
    await producer.flush()
  }

  async function read(count: number): Promise<readonly string[]> {
    for (const deadline = Date.now() + 8_000; rings.length < count && Date.now() < deadline; )
      for (const { records } of await reader.poll(50))
        for (const { key, value, timestampMs } of records) rings.push(`${key} ${value} ${timestampMs}`)
    return rings
  }

  test('timers go off by the wall clock', { timeout: 30_000 }, async () => {
    const first = await start('wall-clock-time', 'first')
    const nowMs = Date.now()
    const soonMs = nowMs + 1_500
    await send(['a', `@${soonMs}`, nowMs], ['b', `@${soonMs}`, nowMs], ['b', '-', nowMs], ['c', '@7', nowMs])
    await send(['d', '+3600000', nowMs])
    expect(await read(1)).toEqual(['c rings 7'])
    await first.close()
    const second = await start('wall-clock-time', keepsState ? 'first' : 'second')
    expect(await read(2)).toEqual(['c rings 7', `a rings ${soonMs}`])
    const pending = second.queries.keyValueStore<string, number>('alarms')
    expect(await pending.get('a')).toBeUndefined()
    expect(await pending.get('d')).toBe(nowMs + 3_600_000)
    await second.close()
  })

  test('timers go off by stream time', { timeout: 30_000 }, async () => {
    const first = await start('stream-time', 'first')
    await send(['a', '@200', 100], ['b', '@150', 100], ['c', '@120', 100], ['b', '-', 110], ['x', 'hello', 130])
    expect(await read(2)).toEqual(['c rings 120', 'x hello 130'])
    await first.close()
    const second = await start('stream-time', keepsState ? 'first' : 'second')
    await send(['x', 'hello', 199], ['x', 'hello', 200])
    expect((await read(5)).slice(2)).toEqual(['x hello 199', 'a rings 200', 'x hello 200'])
    await second.close()
  })
})

test('100,000 timers do not slow the records', async () => {
  const records = 20_000
  const time = async (timers: number): Promise<number> => {
    const driver = await TopologyTestDriver.create(alarms().build(), { commitEveryRecord: false })
    const input = driver.createInputTopic('in', TEXT)
    for (let i = 0; i < timers; i++) input.pipeInput(`k${i}`, `@${1_000_000 + i}`, 0)
    driver.commit()
    const startMs = performance.now()
    for (let i = 0; i < records; i++) input.pipeInput('x', 'hello', i)
    const tookMs = performance.now() - startMs
    expect(driver.createOutputTopic('out', TEXT).size).toBe(records)
    await driver.close()
    return tookMs
  }
  await time(0)
  const none = Math.min(await time(0), await time(0))
  const many = Math.min(await time(100_000), await time(100_000))
  // A look at each of them per record would take hours.
  expect(many).toBeLessThan(4 * none + 300)
}, 60_000)
