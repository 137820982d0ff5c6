import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { createEmbeddedProvider } from '../../../kafka/embedded.ts'
import {
  type CountWindow,
  CountWindows,
  countWindowSerde,
  EmitStrategy,
  KafkaStreams,
  StreamsBuilder,
  serdes,
  TopologyTestDriver,
} from '../../index.ts'
import { countStateSerde } from '../../processors/aggregates/count-window-serdes.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type Input = readonly [key: string | null, value: string | null, timestampMs: number]

const show = (key: unknown, w: CountWindow<unknown>, timestampMs: number): string =>
  `${key}#${w.number} ${Array.isArray(w.value) ? w.value.join('') : w.value} ${w.count}${w.isFull ? '!' : ''} ${w.startMs}-${w.endMs} @${timestampMs}`

async function run(windows: CountWindows, emit: EmitStrategy, inputs: readonly Input[]) {
  const builder = new StreamsBuilder()
  const list = serdes.json<string[]>()
  const results: string[] = []
  builder
    .stream('in', TEXT)
    .groupByKey()
    .windowedBy(windows)
    .emitStrategy(emit)
    .aggregate(
      () => [] as string[],
      (letters, value) => {
        letters.push(value)
        return letters
      },
      { store: 'windows', value: list },
    )
    .to('out')
  const driver = await TopologyTestDriver.create(builder.build())
  const input = driver.createInputTopic<string | null, string | null>('in', TEXT as never)
  for (const [key, value, timestampMs] of inputs) input.pipeInput(key, value, timestampMs)
  const output = driver.createOutputTopic('out', { key: serdes.string, value: countWindowSerde(list) })
  for (const { key, value, timestampMs } of output.readRecords())
    results.push(show(key, value as CountWindow<string[]>, timestampMs))
  const { dropped } = driver
  await driver.close()
  return { results, dropped }
}

const letters = (text: string, key = 'a'): Input[] => [...text].map((letter, i) => [key, letter, 10 * (i + 1)])

describe('windows of records', () => {
  test('tumbling, at every update', async () => {
    const { results } = await run(CountWindows.ofCount(3), EmitStrategy.onWindowUpdate(), letters('abcd'))
    expect(results).toEqual(['a#0 a 1 10-10 @10', 'a#0 ab 2 10-20 @20', 'a#0 abc 3! 10-30 @30', 'a#1 d 1 40-40 @40'])
  })

  test('tumbling, when full', async () => {
    const { results } = await run(CountWindows.ofCount(2), EmitStrategy.onWindowClose(), [
      ...letters('abc'),
      ...letters('xyz', 'b'),
      ['a', 'd', 5],
    ])
    expect(results).toEqual(['a#0 ab 2! 10-20 @20', 'b#0 xy 2! 10-20 @20', 'a#1 cd 2! 5-30 @30'])
  })

  test('hopping: a record is in several', async () => {
    const { results } = await run(
      CountWindows.ofCount(4).advanceBy(2),
      EmitStrategy.onWindowClose(),
      letters('abcdefgh'),
    )
    expect(results).toEqual(['a#0 abcd 4! 10-40 @40', 'a#1 cdef 4! 30-60 @60', 'a#2 efgh 4! 50-80 @80'])
    const updates = await run(CountWindows.ofCount(3).advanceBy(2), EmitStrategy.onWindowUpdate(), letters('abcd'))
    expect(updates.results).toEqual([
      'a#0 a 1 10-10 @10',
      'a#0 ab 2 10-20 @20',
      'a#0 abc 3! 10-30 @30',
      'a#1 c 1 30-30 @30',
      'a#1 cd 2 30-40 @40',
    ])
  })

  test('sliding: the last three at each record', async () => {
    const { results } = await run(CountWindows.ofCount(3).advanceBy(1), EmitStrategy.onWindowClose(), letters('abcde'))
    expect(results.map((r) => r.split(' ')[1])).toEqual(['abc', 'bcd', 'cde'])
  })

  test('of one record', async () => {
    const { results } = await run(CountWindows.ofCount(1), EmitStrategy.onWindowClose(), letters('ab'))
    expect(results).toEqual(['a#0 a 1! 10-10 @10', 'a#1 b 1! 20-20 @20'])
  })

  test('count in the order of offsets: no record is late', async () => {
    const { results } = await run(CountWindows.ofCount(2), EmitStrategy.onWindowClose(), [
      ['a', 'x', 1_000_000],
      ['a', 'y', 1],
      ['a', 'z', 0],
      ['a', 'w', 5],
    ])
    expect(results).toEqual(['a#0 xy 2! 1-1000000 @1000000', 'a#1 zw 2! 0-5 @5'])
  })

  test('drop and do not count null keys and values', async () => {
    const { results, dropped } = await run(CountWindows.ofCount(2), EmitStrategy.onWindowClose(), [
      ['a', 'x', 1],
      [null, 'y', 2],
      ['a', null, 3],
      ['a', 'z', 4],
    ])
    expect(results).toEqual(['a#0 xz 2! 1-4 @4'])
    expect(Object.fromEntries(dropped)).toEqual({ 'null-key': 1, 'null-value': 1 })
  })

  test('are those of a list cut by hand, for random sizes', async () => {
    for (const [size, advance] of [
      [1, 1],
      [5, 5],
      [5, 1],
      [7, 3],
      [4, 2],
      [6, 4],
    ] as const) {
      const text = 'abcdefghijklmnopqrstuvwxyz'
      const { results } = await run(
        CountWindows.ofCount(size).advanceBy(advance),
        EmitStrategy.onWindowClose(),
        letters(text),
      )
      const expected: string[] = []
      for (let from = 0; from + size <= text.length; from += advance) expected.push(text.slice(from, from + size))
      expect(results.map((r) => r.split(' ')[1])).toEqual(expected)
    }
  })
})

test('a reducer that changes its aggregate does not change what was sent, or another window', async () => {
  const builder = new StreamsBuilder()
  const list = serdes.json<string[]>()
  const kept: string[][] = []
  builder
    .stream('in', { key: serdes.string, value: list })
    .groupByKey()
    .windowedBy(CountWindows.ofCount(3).advanceBy(1))
    .reduce((all, more) => {
      all.push(...more)
      return all
    })
    .process(() => ({ process: (record) => void kept.push(record.value.value) }))
  const driver = await TopologyTestDriver.create(builder.build())
  const input = driver.createInputTopic('in', { key: serdes.string, value: list })
  for (const letter of 'abcd') input.pipeInput('k', [letter], 1)
  expect(kept.map((letters_) => letters_.join(''))).toEqual(['a', 'ab', 'b', 'abc', 'bc', 'c', 'bcd', 'cd', 'd'])
  await driver.close()
})

test('count, and keys that are let go', async () => {
  const builder = new StreamsBuilder()
  builder.stream('in', TEXT).groupByKey().windowedBy(CountWindows.ofCount(3)).count({ store: 'n', ttl: 100 }).to('out')
  const driver = await TopologyTestDriver.create(builder.build())
  const input = driver.createInputTopic('in', TEXT)
  for (const [key, time] of [
    ['a', 0],
    ['a', 10],
    ['b', 110],
    ['a', 120],
  ] as const)
    input.pipeInput(key, '', time)
  const output = driver.createOutputTopic('out', { key: serdes.string, value: countWindowSerde(serdes.long) })
  expect(output.readRecords().map(({ key, value }) => `${key} ${value?.value}`)).toEqual(['a 1', 'a 2', 'b 1', 'a 1'])
  await driver.close()
})

test.each([
  ['local state', true],
  ['the changelog', false],
])('go on after a restart, with state from %s', { timeout: 30_000 }, async (_what, keepsState) => {
  const directory = await mkdtemp(join(tmpdir(), 'brook-count-'))
  const kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
  const producer = kafka.createProducer()
  const reader = kafka.createReader({ isolationLevel: 'read_uncommitted' })
  await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
  const found: string[] = []
  const serde = countWindowSerde(serdes.string)
  const runOnce = async (state: string, text: string, expected: readonly string[], end: number): Promise<void> => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(CountWindows.ofCount(4).advanceBy(2))
      .emitStrategy(EmitStrategy.onWindowClose())
      .reduce((all, letter) => all + letter, { store: 'windows' })
      .to('out')
    const streams = new KafkaStreams(builder.build(), {
      applicationId: 'app',
      kafka,
      stateDir: join(directory, state),
      commitInterval: 20,
    })
    await streams.start()
    for (const letter of text)
      producer.send('in', undefined, { key: Buffer.from('k'), value: Buffer.from(letter), timestampMs: 1 })
    await producer.flush()
    const committed = async () => (await kafka.admin().committedOffsets('app', ['in'])).get('in-0')?.offset
    for (const deadline = Date.now() + 8_000; (await committed()) !== end && Date.now() < deadline; )
      await new Promise((resolve) => setTimeout(resolve, 10))
    for (const deadline = Date.now() + 8_000; found.length < expected.length && Date.now() < deadline; )
      for (const { records } of await reader.poll(50))
        for (const { value } of records) found.push(serde.deserialize(value as Buffer, 'out').value)
    expect(found).toEqual(expected)
    await streams.close()
  }
  await runOnce('first', 'abcde', ['abcd'], 5)
  await runOnce(keepsState ? 'first' : 'second', 'fgh', ['abcd', 'cdef', 'efgh'], 8)
  await reader.close()
  await producer.close()
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

describe('bytes', () => {
  test('of a window', () => {
    const serde = countWindowSerde(serdes.string)
    const window = { number: 2, count: 3, isFull: true, startMs: 4, endMs: 5, value: 'é' }
    const data = serde.serialize(window, 't')
    expect(data.toString('hex')).toBe(
      '0000000000000002' + '00000003' + '01' + '0000000000000004' + '0000000000000005' + 'c3a9',
    )
    expect(serde.deserialize(data, 't')).toEqual(window)
    expect(() => serde.deserialize(data.subarray(0, 28), 't')).toThrow(/29 bytes/)
  })

  test('of a state', () => {
    const serde = countStateSerde(serdes.string)
    const state = {
      seen: 5,
      firstNumber: 1,
      windows: [
        { startMs: 1, endMs: 2, value: 'x' },
        { startMs: 3, endMs: 4, value: null },
      ],
    }
    const data = serde.serialize(state, 't')
    expect(serde.deserialize(data, 't')).toEqual(state)
    for (const length of [0, 19, 30, data.length - 1])
      expect(() => serde.deserialize(data.subarray(0, length), 't')).toThrow(/not the state/)
  })
})

test('refused', () => {
  for (const size of [0, -1, 1.5, Number.NaN, 2 ** 31])
    expect(() => CountWindows.ofCount(size)).toThrow(InvalidArgumentError)
  for (const advance of [0, 4, 1.5])
    expect(() => CountWindows.ofCount(3).advanceBy(advance)).toThrow(InvalidArgumentError)
  const windowed = new StreamsBuilder().stream('in', TEXT).groupByKey().windowedBy(CountWindows.ofCount(3))
  expect(() => windowed.emitStrategy(EmitStrategy.onWindowClose({ idleTimeout: '1m' }))).toThrow(/not by time/)
})
