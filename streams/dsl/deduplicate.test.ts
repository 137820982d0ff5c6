import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import {
  type Deduplicated,
  KafkaStreams,
  type KStream,
  StreamsBuilder,
  serdes,
  TopologyError,
  TopologyTestDriver,
} from '../index.ts'
import { originSerde, pairSerde } from '../processors/deduplicate-serdes.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type Input = readonly [key: string | null, value: string, timestampMs: number]

const byValue = { by: (value: string) => (value === 'none' ? null : value), id: serdes.string, within: 100 } as const

async function passed(
  inputs: readonly Input[],
  options: Deduplicated<string, string, string>,
  before: (stream: KStream<string, string>) => KStream<string, string> = (stream) => stream,
): Promise<{ output: string[]; duplicates: number }> {
  const builder = new StreamsBuilder()
  before(builder.stream('in', TEXT)).deduplicate(options).to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  const input = driver.createInputTopic<string | null, string>('in', TEXT as never)
  for (const [key, value, timestampMs] of inputs) input.pipeInput(key, value, timestampMs)
  const output = driver
    .createOutputTopic('out', TEXT)
    .readRecords()
    .map((r) => `${r.key} ${r.value} ${r.timestampMs}`)
  const duplicates = driver.dropped.get('duplicate') ?? 0
  await driver.close()
  return { output, duplicates }
}

describe.each([
  ['by key', { within: 100 }],
  ['by key and id', { by: () => 'same', id: serdes.string, within: 100 }],
] as const)('%s', (_what, options) => {
  test.each<[string, readonly Input[], readonly string[]]>([
    [
      'the first passes, one within the interval does not',
      [
        ['a', '1', 0],
        ['a', '2', 50],
      ],
      ['a 1 0'],
    ],
    [
      'the interval is inclusive',
      [
        ['a', '1', 0],
        ['a', '2', 100],
        ['a', '3', 101],
      ],
      ['a 1 0', 'a 3 101'],
    ],
    [
      'it begins with what passed, not with the last duplicate',
      [
        ['a', '1', 0],
        ['a', '2', 90],
        ['a', '3', 110],
      ],
      ['a 1 0', 'a 3 110'],
    ],
    [
      'the first to be read passes, though it is later',
      [
        ['a', '1', 50],
        ['a', '2', 30],
      ],
      ['a 1 50'],
    ],
    [
      'an older one passes when it is further away',
      [
        ['a', '1', 200],
        ['a', '2', 50],
        ['a', '3', 60],
      ],
      ['a 1 200', 'a 2 50'],
    ],
    [
      'one between two that passed is a duplicate of either',
      [
        ['a', '1', 0],
        ['a', '2', 150],
        ['a', '3', 75],
      ],
      ['a 1 0', 'a 2 150'],
    ],
    [
      'a late one is a duplicate of what is remembered',
      [
        ['a', '1', 150],
        ['b', '1', 200],
        ['a', '2', 60],
      ],
      ['a 1 150', 'b 1 200'],
    ],
    [
      'too late to be remembered: it passes',
      [
        ['b', '1', 900],
        ['a', '1', 10],
        ['a', '2', 11],
      ],
      ['b 1 900', 'a 1 10', 'a 2 11'],
    ],
    [
      'keys are apart',
      [
        ['a', '1', 0],
        ['b', '1', 0],
        ['a', '2', 1],
        ['b', '2', 1],
      ],
      ['a 1 0', 'b 1 0'],
    ],
    [
      'records without a key pass',
      [
        [null, '1', 0],
        [null, '1', 1],
      ],
      ['null 1 0', 'null 1 1'],
    ],
  ])('%s', async (_name, inputs, expected) => {
    const { output, duplicates } = await passed(inputs, options)
    expect(output).toEqual(expected)
    expect(duplicates).toBe(inputs.length - expected.length)
  })
})

describe('by id', () => {
  test('ids of a key are apart, and a record without one passes', async () => {
    const inputs: Input[] = [
      ['a', 'x', 0],
      ['a', 'y', 1],
      ['a', 'x', 2],
      ['b', 'x', 3],
      ['a', 'none', 4],
      ['a', 'none', 5],
    ]
    expect((await passed(inputs, byValue)).output).toEqual(['a x 0', 'a y 1', 'b x 3', 'a none 4', 'a none 5'])
  })

  test('needs its serde', () => {
    const stream = new StreamsBuilder().stream('in', TEXT)
    expect(() => stream.deduplicate({ by: (value: string) => value, within: 1 } as never)).toThrow(InvalidArgumentError)
    expect(() => stream.deduplicate({ within: 0 })).toThrow(InvalidArgumentError)
    expect(() => stream.selectKey((v) => v.length).deduplicate({ within: 1 })).toThrow(TopologyError)
  })
})

test('records that one record became are told apart', async () => {
  const { output } = await passed(
    [
      ['a', 'x,x,y', 0],
      ['a', 'y,z', 1],
    ],
    byValue,
    (stream) => stream.flatMapValues((value) => value.split(',')) as KStream<string, string>,
  )
  expect(output).toEqual(['a x 0', 'a y 0', 'a z 1'])
})

test('a changed key goes through a topic, with the records that have none', async () => {
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .selectKey((value) => (value === '' ? null : value) as string)
    .deduplicate({ ...TEXT, within: 10, store: 'seen' })
    .to('out', TEXT)
  const topology = builder.build()
  expect(topology.describe().toString()).toContain('seen-repartition')
  const driver = await TopologyTestDriver.create(topology)
  const input = driver.createInputTopic('in', TEXT)
  for (const [key, value] of [
    ['a', 'x'],
    ['b', 'x'],
    ['a', ''],
    ['b', ''],
    ['c', 'y'],
  ] as const)
    input.pipeInput(key, value, 5)
  expect(
    driver
      .createOutputTopic('out', TEXT)
      .readRecords()
      .map((r) => r.key),
  ).toEqual(['x', null, null, 'y'])
  await driver.close()
})

test('duplicates are a stream for who asks', async () => {
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .deduplicate({
      within: 10,
      dropped: (stream) => stream.mapValues((d) => `${d.reason} ${d.value}`).to('dropped', TEXT as never),
    })
    .to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  const input = driver.createInputTopic('in', TEXT)
  for (const value of ['1', '2']) input.pipeInput('a', value, 5)
  expect(
    driver
      .createOutputTopic('dropped', TEXT)
      .readRecords()
      .map((r) => r.value),
  ).toEqual(['duplicate 2'])
  await driver.close()
})

test('random records, against a list of what passed', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = numbers(seed)
    const inputs: Input[] = []
    let nowMs = 1_000
    for (let i = 0; i < 400; i++) {
      nowMs += random(30)
      inputs.push([`k${random(3)}`, `id${random(4)}`, Math.max(0, nowMs - random(8) ** 3)])
    }
    const expected: string[] = []
    let seen: Input[] = []
    let newestMs = 0
    for (const [key, id, timeMs] of inputs) {
      const isDuplicate = seen.some(([k, v, ms]) => k === key && v === id && Math.abs(ms - timeMs) <= 100)
      if (isDuplicate) continue
      expected.push(`${key} ${id} ${timeMs}`)
      newestMs = Math.max(newestMs, timeMs)
      seen = [...seen, [key, id, timeMs] as const].filter(([, , ms]) => ms >= newestMs - 200)
    }
    expect((await passed(inputs, byValue)).output).toEqual(expected)
    expect(expected.length).toBeLessThan(inputs.length)
  }
})

test.each([
  ['local state', true],
  ['the changelog', false],
])(
  'a record that is read again is no duplicate of itself, with state from %s',
  { timeout: 30_000 },
  async (_what, keepsState) => {
    const directory = await mkdtemp(join(tmpdir(), 'brook-deduplicate-'))
    const kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
    await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
    const producer = kafka.createProducer()
    const values = ['x', 'y', 'x,x', 'z,z,y', 'x', 'w']
    for (const [i, value] of values.entries())
      producer.send('in', undefined, { key: Buffer.from('a'), value: Buffer.from(value), timestampMs: 1_000 + i })
    await producer.flush()
    const reader = kafka.createReader({ isolationLevel: 'read_uncommitted' })
    await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
    const runOnce = async (state: string): Promise<string[]> => {
      const builder = new StreamsBuilder()
      builder
        .stream('in', TEXT)
        .flatMapValues((value) => value.split(','))
        .deduplicate({ ...byValue, value: serdes.string, store: 'seen' })
        .to('out', TEXT)
      const streams = new KafkaStreams(builder.build(), {
        applicationId: 'app',
        kafka,
        stateDir: join(directory, state),
        commitInterval: 20,
      })
      await streams.start()
      const found: string[] = []
      for (const deadline = Date.now() + 8_000; found.length < 4 && Date.now() < deadline; )
        for (const { records } of await reader.poll(50)) for (const { value } of records) found.push(String(value))
      const committed = async () => (await kafka.admin().committedOffsets('app', ['in'])).get('in-0')?.offset
      for (const deadline = Date.now() + 8_000; (await committed()) !== values.length && Date.now() < deadline; )
        await new Promise((resolve) => setTimeout(resolve, 10))
      await streams.close()
      return found
    }
    expect(await runOnce('first')).toEqual(['x', 'y', 'z', 'w'])
    // As after a crash between the changelog and the commit of the offsets: the state knows what the offsets do not.
    await kafka.admin().deleteGroup('app')
    expect(await runOnce(keepsState ? 'first' : 'second')).toEqual(['x', 'y', 'z', 'w'])
    await reader.close()
    await producer.close()
    await kafka.close()
    await rm(directory, { recursive: true, force: true })
  },
)

describe('bytes', () => {
  test('of an origin', () => {
    const origin = { topic: 'tö', partition: 3, offset: 2 ** 40 + 1, ordinal: 7 }
    const data = originSerde.serialize(origin, 't')
    expect(data.toString('hex')).toBe('0000010000000001' + '00000007' + '00000003' + '74c3b6')
    expect(originSerde.deserialize(data, 't')).toEqual(origin)
    expect(() => originSerde.deserialize(data.subarray(0, 15), 't')).toThrow(/16 bytes/)
  })

  test('of a pair', () => {
    const serde = pairSerde(serdes.string, serdes.integer)
    const data = serde.serialize(['ab', 5], 't')
    expect(data.toString('hex')).toBe('00000002' + '6162' + '00000005')
    expect(serde.deserialize(data, 't')).toEqual(['ab', 5])
    expect(() => serde.deserialize(Buffer.from('00000009ff', 'hex'), 't')).toThrow(/pair/)
  })
})

function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}
