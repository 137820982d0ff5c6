import { describe, expect, it } from 'vitest'
import { SerdeError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import {
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  Stores,
  type StreamRecord,
  StreamsBuilder,
  serdes,
  TopologyTestDriver,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

type Context = ProcessorContext<string, string>

/** A processor from two functions. */
function processor(
  init: (context: Context) => void,
  process: (record: StreamRecord<string, string>, context: Context) => void | Promise<void> = () => {},
) {
  let context: Context
  return (): Processor<string, string, string, string> => ({
    init(given) {
      context = given
      init(given)
    },
    process: (record) => process(record, context),
  })
}

async function open(build: (b: StreamsBuilder) => void, options = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), options)
  return { driver, input: driver.createInputTopic('in', TEXT), output: driver.createOutputTopic('out', TEXT) }
}

const passing = (b: StreamsBuilder): void => b.stream('in', TEXT).to('out')

describe('test topics', () => {
  it('carry key, value, time and headers, in order, each record once', async () => {
    const { driver, input, output } = await open(passing)
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    input.pipeInput('a', '1', { timestampMs: 5, headers })
    input.pipeInput(null, null, 6)
    expect(output.size).toBe(2)
    expect(output.readRecord()).toEqual({ key: 'a', value: '1', timestampMs: 5, headers })
    expect(output.readRecords()).toEqual([{ key: null, value: null, timestampMs: 6, headers: [] }])
    expect(output.readRecord()).toBeUndefined()
    await driver.close()
  })

  it('have a time of their own, that goes on by itself where asked', async () => {
    const { driver, output } = await open(passing, { initialWallClockMs: 100 })
    const still = driver.createInputTopic('in', TEXT)
    const moving = driver.createInputTopic('in', TEXT, { startMs: 1_000, autoAdvanceMs: 5 })
    still.pipeInput('a', '')
    still.advanceTime(7)
    still.pipeInput('a', '')
    for (let i = 0; i < 3; i++) moving.pipeInput('b', '')
    expect(output.readRecords().map((r) => r.timestampMs)).toEqual([100, 107, 1_000, 1_005, 1_010])
    await driver.close()
  })

  it('read as a map give the last value of each key', async () => {
    const { driver, input, output } = await open(passing)
    for (const [key, value] of [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
      ['b', null],
    ] as const)
      input.pipeInput(key, value, 0)
    expect(output.readToMap()).toEqual(new Map([['a', '2']]))
    await driver.close()
  })

  it('that the topology does not read are refused', async () => {
    const { driver } = await open(passing)
    expect(() => driver.createInputTopic('out', TEXT)).toThrow(/does not read out; it reads in/)
    await driver.close()
  })
})

describe('time', () => {
  it('runs wall clock punctuations when it is moved, and stream time ones as records come', async () => {
    const calls: string[] = []
    const { driver, input, output } = await open((b) =>
      b
        .stream('in', TEXT)
        .process(
          processor((context) => {
            context.schedule(100, 'wall-clock-time', (t) => {
              calls.push(`wall ${t} ${context.currentSystemTimeMs()} ${context.recordMetadata()?.topic}`)
              return context.forward({ key: 'tick', value: String(t), timestampMs: t, headers: [] } as never)
            })
            context.schedule(10, 'stream-time', (t) => void calls.push(`stream ${t}`))
          }),
        )
        .to('out', TEXT),
    )
    driver.advanceWallClockTime(99)
    expect(calls).toEqual([])
    driver.advanceWallClockTime(1)
    driver.advanceWallClockTime(250)
    for (const time of [3, 4, 12, 11, 55]) input.pipeInput('k', 'v', time)
    expect(calls).toEqual(['wall 100 100 undefined', 'wall 350 350 undefined', 'stream 3', 'stream 12', 'stream 55'])
    expect(output.readRecords().map((r) => [r.value, r.timestampMs])).toEqual([
      ['100', 100],
      ['350', 350],
    ])
    await driver.close()
  })
})

describe('stores', () => {
  it('can be read and filled from outside, and are read by processors that named them', async () => {
    const { driver, input, output } = await open((b) => {
      b.addStateStore(Stores.keyValueStore('names', TEXT))
      b.stream('in', TEXT)
        .process(
          processor(
            () => {},
            (record, context) => {
              const names = context.getStateStore<KeyValueStore<string, string>>('names')
              const name = names.get(record.key) as string | undefined
              names.put(record.key, record.value, record.timestampMs)
              return context.forward(record.withValue(name ?? 'nobody'))
            },
          ),
          { stores: ['names'] },
        )
        .to('out', TEXT)
    })
    driver.getKeyValueStore<string, string>('names').put('a', 'Ann', 0)
    input.pipeInput('a', 'Bob', 1)
    input.pipeInput('b', 'Cid', 2)
    expect(output.readKeyValues()).toEqual([
      ['a', 'Ann'],
      ['b', 'nobody'],
    ])
    expect(driver.getKeyValueStore<string, string>('names').get('a')).toBe('Bob')
    expect(driver.producedTopicNames()).toEqual(['out', 'test-names-changelog'])
    expect(() => driver.getKeyValueStore('nowhere')).toThrow(/no store nowhere/)
    await driver.close()
  })

  it('of global tables are filled by their topics before and between records', async () => {
    const { driver, input, output } = await open((b) => {
      const names = b.globalTable('names', { ...TEXT, store: 'global' })
      b.stream('in', TEXT)
        .join(
          names,
          (v) => v,
          (v, name) => `${v}=${name}`,
        )
        .to('out', TEXT)
    })
    const names = driver.createInputTopic('names', TEXT)
    names.pipeInput('x', 'one', 50)
    names.pipeInput(null, 'dropped', 51)
    input.pipeInput('k', 'x', 1)
    names.pipeInput('x', null, 2)
    input.pipeInput('k', 'x', 3)
    expect(output.readKeyValues()).toEqual([['k', 'x=one']])
    expect(driver.getKeyValueStore('global').get('x')).toBeUndefined()
    expect(driver.dropped.get('null-key')).toBe(1)
    await driver.close()
  })
})

describe('commits', () => {
  it('come after every record, or when asked', async () => {
    const build = (b: StreamsBuilder): void =>
      b.stream('in', TEXT).groupByKey().count({ store: 'counts' }).toStream().to('out', { value: serdes.long })
    const each = await open(build)
    for (let i = 0; i < 3; i++) each.input.pipeInput('a', 'x', i)
    expect(each.output.size).toBe(3)
    expect(each.driver.capturedRecords('test-counts-changelog')).toHaveLength(3)
    const late = await open(build, { commitEveryRecord: false })
    for (let i = 0; i < 3; i++) late.input.pipeInput('a', 'x', i)
    expect(late.output.size).toBe(0)
    late.driver.commit()
    expect(late.driver.createOutputTopic('out', { key: serdes.string, value: serdes.long }).readKeyValues()).toEqual([
      ['a', 3],
    ])
    expect(late.driver.capturedRecords('test-counts-changelog')).toHaveLength(1)
    await each.driver.close()
    await late.driver.close()
  })

  it('come when a processor asks', async () => {
    const { driver, input } = await open(
      (b) => {
        b.stream('in', TEXT).groupByKey().count({ store: 'counts' })
        b.stream('in', TEXT).process(
          processor(
            () => {},
            (_record, context) => context.commit(),
          ),
        )
      },
      { commitEveryRecord: false },
    )
    input.pipeInput('a', 'x', 1)
    expect(driver.capturedRecords('test-counts-changelog')).toHaveLength(1)
    await driver.close()
  })
})

describe('errors', () => {
  it('of a processor name task, node and record', async () => {
    const { driver, input } = await open((b) =>
      b
        .stream('in', TEXT)
        .mapValues(
          (): string => {
            throw new Error('no')
          },
          { name: 'mapper' },
        )
        .to('out', TEXT),
    )
    expect(() => input.pipeInput('a', 'x', 1)).toThrow('processor mapper of task 0_0 failed on in-0@0: no')
    await driver.close()
  })

  it('of a serde are failures, or dropped records when so decided', async () => {
    const picky: Serde<string> = {
      ...serdes.string,
      deserialize: (data) => {
        if (data.length === 0) throw new SerdeError('empty')
        return data.toString()
      },
    }
    const build = (b: StreamsBuilder): void => b.stream('in', { key: serdes.string, value: picky }).to('out')
    const failing = await open(build)
    expect(() => failing.input.pipeInput('a', '', 1)).toThrow(/in-0@0 cannot be read: empty/)
    await failing.driver.close()
    const going = await open(build, { onDeserializationError: () => 'continue' as const })
    going.input.pipeInput('a', '', 1)
    going.input.pipeInput('a', 'x', 2)
    expect(going.output.readKeyValues()).toEqual([['a', 'x']])
    expect([...going.driver.dropped]).toEqual([['deserialization-error', 1]])
    await going.driver.close()
  })

  it('asynchronous operators are refused: the driver has no turn to wait in', async () => {
    const { driver, input } = await open((b) =>
      b
        .stream('in', TEXT)
        .process(
          processor(
            () => {},
            async () => {},
          ),
        )
        .to('out', TEXT),
    )
    expect(() => input.pipeInput('a', 'x', 1)).toThrow(/became asynchronous/)
    await driver.close()
  })
})

describe('headers', () => {
  it('go through every operator with the record that causes a result', async () => {
    const { driver, output } = await open((b) => {
      const rows = b.table('rows', TEXT)
      b.stream('in', TEXT)
        .filter(() => true)
        .mapValues((v) => v)
        .map((v, k) => [k, v])
        .flatMap((v, k) => [[k, v] as const])
        .flatMapValues((v) => [v])
        .selectKey((_v, k) => k)
        .leftJoin(rows, (v, row) => `${v}${row ?? ''}`, TEXT)
        .repartition(TEXT)
        .groupByKey(TEXT)
        .reduce((_a, v) => v)
        .filter(() => true)
        .mapValues((v) => v, TEXT)
        .join(rows, (v, row) => `${v}|${row}`, TEXT)
        .groupBy((v, k) => [k, v], TEXT)
        .reduce(
          (_a, v) => v,
          (a) => a,
        )
        .toStream()
        .to('out')
    })
    const headerOf = (value: string) => [{ key: 'h', value: Buffer.from(value) }]
    driver.createInputTopic('rows', TEXT).pipeInput('a', 'row', { timestampMs: 1, headers: headerOf('row') })
    driver.createInputTopic('in', TEXT).pipeInput('a', 'v', { timestampMs: 2, headers: headerOf('stream') })
    expect(output.readRecords()).toEqual([{ key: 'a', value: 'vrow|row', timestampMs: 2, headers: headerOf('stream') }])
    await driver.close()
  })
})

describe('print', () => {
  it('writes label, key and value, and the name of the parent where there is no label', async () => {
    const written: string[] = []
    const write = process.stdout.write
    process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0
    try {
      const { driver, input } = await open((b) => {
        b.stream('in', TEXT).print({ label: 'seen' })
        b.stream('in', { ...TEXT, name: 'ignored' }).print()
      })
      input.pipeInput('a', null, 1)
      await driver.close()
    } finally {
      process.stdout.write = write
    }
    expect(written).toEqual(['[seen]: a, null\n', '[KSTREAM-SOURCE-0000000000]: a, null\n'])
  })
})
