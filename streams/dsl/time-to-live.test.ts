import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import {
  type KTable,
  type Processor,
  Stores,
  StreamsBuilder,
  serdes,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

async function run(build: (builder: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { cacheMaxBytes: 0, ...options })
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  const read = (): string[] => output.readRecords().map((r) => `${r.key}=${r.value}@${r.timestampMs}`)
  return { driver, input, read }
}

describe.each([
  ['table', (b: StreamsBuilder, ttl: number) => b.table('in', { ...TEXT, store: 'rows', ttl })],
  ['toTable', (b: StreamsBuilder, ttl: number) => b.stream('in', TEXT).toTable({ store: 'rows', ttl })],
  [
    'reduce',
    (b: StreamsBuilder, ttl: number) =>
      b
        .stream('in', TEXT)
        .groupByKey()
        .reduce((_old, value) => value, { store: 'rows', ttl }),
  ],
] as const)(
  'rows of a %s with a time to live',
  (_what, table: (b: StreamsBuilder, ttl: number) => KTable<string, string>) => {
    const rows = (b: StreamsBuilder): void => table(b, 100).toStream().to('out')

    test('go when stream time has gone on by it, before the record that moved it', async () => {
      const { driver, input, read } = await run(rows)
      input.pipeInput('a', '1', 10)
      input.pipeInput('b', '1', 20)
      input.pipeInput('a', '2', 50)
      input.pipeInput('c', '1', 119)
      expect(read()).toEqual(['a=1@10', 'b=1@20', 'a=2@50', 'c=1@119'])
      input.pipeInput('d', '1', 120)
      expect(read()).toEqual(['b=null@120', 'd=1@120'])
      expect(driver.getKeyValueStore('rows').get('b')).toBeUndefined()
      input.pipeInput('c', '2', 1_000)
      expect(read()).toEqual(['a=null@150', 'c=null@219', 'd=null@220', 'c=2@1000'])
      const changelog = driver.capturedRecords('test-rows-changelog').map((r) => `${r.key}=${r.value}@${r.timestampMs}`)
      expect(changelog.slice(-4)).toEqual(['d=1@120', 'a=null@150', 'c=2@1000', 'd=null@220'])
      expect(changelog).toContain('b=null@120')
      await driver.close()
    })

    test('shrink the tables computed from them', async () => {
      const { driver, input, read } = await run((b) => {
        table(b, 100)
          .groupBy((value) => [value, value], TEXT)
          .count({ store: 'counts' })
          .toStream()
          .mapValues((count) => String(count))
          .to('out', TEXT)
      })
      input.pipeInput('a', 'on', 10)
      input.pipeInput('b', 'on', 20)
      input.pipeInput('c', 'off', 115)
      expect(read()).toEqual(['on=1@10', 'on=2@20', 'on=1@110', 'off=1@115'])
      input.pipeInput('c', 'off', 300)
      expect(read()).toEqual(['on=0@120', 'off=0@215', 'off=1@300'])
      await driver.close()
    })

    test('say so at the commit, with the record cache', async () => {
      const { driver, input, read } = await run(rows, { cacheMaxBytes: 10_000, commitEveryRecord: false })
      input.pipeInput('a', '1', 10)
      driver.commit()
      input.pipeInput('b', '1', 20)
      input.pipeInput('c', '1', 200)
      driver.commit()
      // b came and went between two commits: it is not spoken of.
      expect(read()).toEqual(['a=1@10', 'a=null@110', 'c=1@200'])
      await driver.close()
    })
  },
)

test('the wall clock takes rows while nothing comes', async () => {
  const { driver, input, read } = await run(
    (b) =>
      b
        .table('in', { ...TEXT, ttl: { after: '1m', time: 'wall-clock-time' } })
        .toStream()
        .to('out'),
    { initialWallClockMs: 1_000_000 },
  )
  input.pipeInput('a', '1', 1_000_000)
  input.pipeInput('b', '1', 1_030_000)
  driver.advanceWallClockTime(59_999)
  expect(read()).toEqual(['a=1@1000000', 'b=1@1030000'])
  driver.advanceWallClockTime(1)
  expect(read()).toEqual(['a=null@1060000'])
  driver.advanceWallClockTime(60_000)
  expect(read()).toEqual(['b=null@1090000'])
  await driver.close()
})

test('a joined table is without its rows when they are gone', async () => {
  const builder = new StreamsBuilder()
  const table = builder.table('rows', { ...TEXT, ttl: 100 })
  builder
    .stream('in', TEXT)
    .leftJoin(table, (value, row) => `${value}/${row}`)
    .to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  driver.createInputTopic('rows', TEXT).pipeInput('a', 'row', 10)
  const input = driver.createInputTopic('in', TEXT)
  input.pipeInput('a', '1', 109)
  input.pipeInput('a', '2', 110)
  expect(
    driver
      .createOutputTopic('out', TEXT)
      .readRecords()
      .map((r) => r.value),
  ).toEqual(['1/row', '2/undefined'])
  await driver.close()
})

test('an aggregate begins anew, whether it was asked for in time or not', async () => {
  const { driver, input, read } = await run((b) =>
    b
      .stream('in', TEXT)
      .groupByKey()
      .aggregate(
        () => [] as string[],
        (list, value) => {
          list.push(value)
          return list
        },
        { value: serdes.json<string[]>(), ttl: 100 },
      )
      .toStream()
      .mapValues((list) => list?.join('') ?? null)
      .to('out', TEXT as never),
  )
  for (const [value, timeMs] of [
    ['1', 0],
    ['2', 50],
    ['3', 149],
    ['4', 249],
  ] as const)
    input.pipeInput('a', value, timeMs)
  expect(read()).toEqual(['a=1@0', 'a=12@50', 'a=123@149', 'a=null@249', 'a=4@249'])
  await driver.close()
})

describe('a store of a processor', () => {
  class Keep implements Processor<string, string> {
    readonly #told: string[] | undefined
    #rows: { put(key: string, value: string, timestampMs: number): void } | undefined
    constructor(told?: string[]) {
      this.#told = told
    }
    init(context: Parameters<NonNullable<Processor['init']>>[0]): void {
      this.#rows = context.getStateStore('rows') as never
      const told = this.#told
      if (told !== undefined)
        context.onExpired<string, string>('rows', ({ key, value, dueMs }) => void told.push(`${key}=${value}@${dueMs}`))
    }
    process(record: Parameters<Processor<string, string>['process']>[0]): void {
      this.#rows?.put(record.key, record.value, record.timestampMs)
    }
  }
  const build =
    (suppliers: readonly (() => Processor<string, string>)[]) =>
    (b: StreamsBuilder): void => {
      b.addStateStore(Stores.keyValueStore('rows', { ...TEXT, ttl: '1s' }))
      for (const supplier of suppliers) b.stream('in', TEXT).process(supplier, { stores: ['rows'] })
    }

  test('loses its rows by itself', async () => {
    const { driver, input } = await run(build([() => new Keep()]))
    input.pipeInput('a', '1', 0)
    input.pipeInput('b', '1', 1_000)
    expect(driver.getKeyValueStore('rows').get('a')).toBeUndefined()
    expect(driver.getKeyValueStore('rows').get('b')).toBe('1')
    await driver.close()
  })

  test('tells one processor', async () => {
    const told: string[] = []
    const { driver, input } = await run(build([() => new Keep(told), () => new Keep()]))
    input.pipeInput('a', '1', 0)
    input.pipeInput('b', '1', 1_000)
    expect(told).toEqual(['a=1@1000'])
    await driver.close()
    await expect(run(build([() => new Keep(told), () => new Keep(told)]))).rejects.toThrow(TopologyError)
  })

  test('that keeps its rows has nobody to tell', async () => {
    const plain = (b: StreamsBuilder): void => {
      b.addStateStore(Stores.keyValueStore('rows', TEXT))
      b.stream('in', TEXT).process(() => new Keep([]), { stores: ['rows'] })
    }
    await expect(run(plain)).rejects.toThrow(/do not come due/)
  })
})

describe('refused', () => {
  test('a life of nothing, versions with an end, a global store', () => {
    const b = new StreamsBuilder()
    expect(() => b.table('in', { ...TEXT, ttl: 0 })).toThrow(InvalidArgumentError)
    expect(() => b.table('in2', { ...TEXT, ttl: 5, versioned: { historyRetention: 5 } })).toThrow(TopologyError)
    const global = new StreamsBuilder()
    expect(() => {
      global.addGlobalStore(Stores.keyValueStore('g', { ...TEXT, ttl: 5 }), 'g', TEXT, () => ({ process: () => {} }))
      global.build()
    }).toThrow(/cannot come due/)
  })
})
