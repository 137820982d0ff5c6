import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import {
  BufferConfig,
  type Change,
  type Joined,
  type KStream,
  type KTable,
  type ProcessorContext,
  type RecordMetadata,
  StreamsBuilder,
  Suppressed,
  serdes,
  TopologyError,
  TopologyTestDriver,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const join = (value: string, row: string | undefined): string => `${value}|${row ?? 'none'}`
const versioned = (historyRetention: number) => ({ versioned: { historyRetention } })

type Row = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]

/** What comes out of `out`, as `value@time`, one list per record that went in. */
async function run(build: (b: StreamsBuilder) => void, rows: readonly Row[]): Promise<string[][]> {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build())
  const out = driver.createOutputTopic('out', TEXT)
  const results = rows.map(([topic, key, value, timestampMs]) => {
    driver.createInputTopic(topic, TEXT).pipeInput(key, value, timestampMs)
    return out.readRecords().map((record) => `${record.value}@${record.timestampMs}`)
  })
  await driver.close()
  return results
}

const streamOf = (b: StreamsBuilder): KStream<string, string> => b.stream('stream', TEXT)
const tableOf = (b: StreamsBuilder, ms = 100): KTable<string, string> => b.table('table', { ...TEXT, ...versioned(ms) })

describe('a versioned table', () => {
  it('says of each update whether it is the newest of its row', async () => {
    const seen: string[] = []
    await run(
      (b) => {
        const table = tableOf(b).mapValues((v) => v.toUpperCase())
        expect(table.isVersioned).toBe(true)
        expect(table.filter(() => true).isVersioned).toBe(true)
        expect(table.filter(() => true, { ...TEXT, store: 'plain' }).isVersioned).toBe(false)
        expect(table.join(tableOf2(b), join).isVersioned).toBe(false)
        expect(b.table('other', TEXT).mapValues((v) => v, { store: 'm', ...TEXT, ...versioned(5) }).isVersioned).toBe(true) // biome-ignore format: one line
        const updates = table.table
        updates.context.processor('watch', [updates.node], () => ({
          process: ({ value }: { value: Change<string> }) => void seen.push(`${value.newValue} ${value.isLatest}`),
        }))
      },
      [['table', 'a', 'x', 50], ['table', 'a', 'old', 20], ['table', 'a', 'y', 60], ['table', 'a', null, 55], ['table', 'a', null, 70], ['table', 'a', 'z', 65]], // biome-ignore format: a table
    )
    expect(seen).toEqual(['X true', 'OLD false', 'Y true', 'null false', 'null true', 'Z false'])
  })

  it('drops what is older than its history, and counts it', async () => {
    const builder = new StreamsBuilder()
    tableOf(builder, 10).toStream().to('out')
    const driver = await TopologyTestDriver.create(builder.build())
    const input = driver.createInputTopic('table', TEXT)
    for (const time of [50, 40, 39]) input.pipeInput('a', 'x', time)
    expect(driver.dropped.get('late')).toBe(1)
    expect(driver.createOutputTopic('out', TEXT).readRecords()).toHaveLength(2)
    await driver.close()
  })

  it('can be read as of a time, and told in full', async () => {
    const builder = new StreamsBuilder()
    builder.table('table', { ...TEXT, store: 'rows', versioned: { historyRetention: '1m' } })
    const driver = await TopologyTestDriver.create(builder.build())
    const input = driver.createInputTopic('table', TEXT)
    for (const [value, time] of [['x', 10], ['y', 20], [null, 30]] as const) input.pipeInput('a', value, time) // biome-ignore format: a table
    const rows = driver.getVersionedStore<string, string>('rows')
    expect([rows.get('a', 9), rows.get('a', 19), rows.get('a', 29), rows.get('a')]).toEqual([undefined, 'x', 'y', undefined]) // biome-ignore format: one line
    expect(rows.history('a', 0, 100)).toEqual([
      { value: 'x', timestampMs: 10, validToMs: 20 },
      { value: 'y', timestampMs: 20, validToMs: 30 },
    ])
    await driver.close()
  })

  it('of an aggregate keeps each version as it was, though the aggregator changes what it is given', async () => {
    const builder = new StreamsBuilder()
    const list = serdes.json<string[]>()
    const add = (all: string[], value: string): string[] => {
      all.push(value)
      return all
    }
    const table = streamOf(builder).groupByKey().aggregate(() => [], add, { store: 's', value: list, ...versioned(100) }) // biome-ignore format: one line
    table
      .groupBy((all) => ['all', all.join('')], TEXT)
      .aggregate(() => [], add, (all, value) => all.filter((v) => v !== value), { store: 'g', value: list, ...versioned(100) }) // biome-ignore format: one line
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    const input = driver.createInputTopic('stream', TEXT)
    for (const [value, time] of [['x', 10], ['y', 20], ['z', 30]] as const) input.pipeInput('a', value, time) // biome-ignore format: a table
    const single = driver.getVersionedStore<string, string[]>('s')
    const group = driver.getVersionedStore<string, string[]>('g')
    for (const commits of [false, true]) {
      if (commits) driver.commit()
      expect([10, 20, 30].map((time) => single.get('a', time))).toEqual([['x'], ['x', 'y'], ['x', 'y', 'z']])
      expect([10, 20, 30].map((time) => group.get('all', time))).toEqual([['x'], ['xy'], ['xyz']])
    }
    await driver.close()
  })
})

const tableOf2 = (b: StreamsBuilder): KTable<string, string> => b.table('table2', { ...TEXT, ...versioned(100) })

describe('a stream-table join with grace', () => {
  const joinWith = (b: StreamsBuilder, left: boolean, options: Joined<string, string>): KStream<string, string> =>
    left ? streamOf(b).leftJoin(tableOf(b), join, options) : streamOf(b).join(tableOf(b), join, options)

  it('joins rows that come late, in the order of time, and what is too late at once', async () => {
    const out = await run((b) => joinWith(b, false, { grace: 10 }).to('out', TEXT), [
      ['stream', 'a', 's15', 15],
      ['stream', 'a', 's12', 12],
      ['table', 'a', 't10', 10],
      ['table', 'a', 't14', 14],
      ['stream', 'a', 's30', 30],
      ['stream', 'a', 'late', 11],
      ['stream', 'b', 's31', 50],
    ]) // biome-ignore format: a table
    expect(out).toEqual([[], [], [], [], ['s12|t10@12', 's15|t14@15'], ['late|t10@11'], ['s30|t14@30']])
  })

  it('left, joins a record without a key with nothing, at once: Kafka Streams stops there', async () => {
    const rows: Row[] = [['stream', 'a', 'x', 5], ['stream', null, 'y', 6], ['stream', null, null, 7], ['stream', 'a', 'z', 20]] // biome-ignore format: a table
    const out = await run((b) => joinWith(b, true, { grace: 5 }).to('out', TEXT), rows)
    expect(out).toEqual([[], ['y|none@6'], [], ['x|none@5']])
    expect(await run((b) => joinWith(b, false, { grace: 5 }).to('out', TEXT), rows)).toEqual([[], [], [], []])
  })

  it('sends each record on as the record that it is', async () => {
    const origins: (RecordMetadata | undefined)[] = []
    await run(
      (b) =>
        joinWith(b, true, { grace: 5 }).process(() => {
          let context: ProcessorContext<string, string>
          return {
            init: (given) => {
              context = given
            },
            process: () => void origins.push(context.recordMetadata()),
          }
        }),
      [
        ['stream', 'a', 'first', 10],
        ['stream', 'a', 'second', 9],
        ['stream', 'a', 'third', 30],
      ],
    )
    expect(origins.map((origin) => origin?.offset)).toEqual([1, 0])
  })

  it('keeps what waits over commits and between them', async () => {
    const rows: Row[] = Array.from(
      { length: 60 },
      (_, i): Row => [i % 3 === 0 ? 'table' : 'stream', 'abc'[i % 2] as string, `${i}`, i * 2 + ((i * 7) % 11)],
    )
    const build = (b: StreamsBuilder): void => joinWith(b, true, { grace: 8 }).to('out', TEXT)
    const expected = (await run(build, rows)).flat()
    for (const every of [2, 7, 100]) {
      const builder = new StreamsBuilder()
      build(builder)
      const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
      for (const [i, [topic, key, value, time]] of rows.entries()) {
        driver.createInputTopic(topic, TEXT).pipeInput(key, value, time)
        if (i % every === 0) driver.commit()
      }
      const out = driver.createOutputTopic('out', TEXT).readRecords()
      expect(out.map((record) => `${record.value}@${record.timestampMs}`)).toEqual(expected)
      await driver.close()
    }
    expect(expected.length).toBeGreaterThan(30)
  })
})

describe('a mistake is an error that names what is wrong', () => {
  it.each<[string, (b: StreamsBuilder) => void, RegExp]>([
    ['grace with a table without history', (b) => streamOf(b).join(b.table('t', TEXT), join, { grace: 5 }), /KTABLE-SOURCE-0000000003 is joined with grace by KSTREAM-JOIN-\d+ and must be a versioned table/],
    ['grace with a table derived into a plain store', (b) => streamOf(b).join(tableOf(b).mapValues((v) => v, { ...TEXT, store: 'm' }), join, { grace: 5 }), /must be a versioned table/],
    ['grace with a join of versioned tables', (b) => streamOf(b).join(tableOf(b).join(tableOf2(b), join), join, { grace: 5 }), /must be a versioned table/],
    ['grace beyond the history', (b) => streamOf(b).join(tableOf(b, 10).mapValues((v) => v), join, { grace: 11 }), /waits 11 ms and needs a history .* not shorter: it has 10 ms/],
    ['grace without a value serde', (b) => streamOf(b).mapValues((v) => v).join(tableOf(b), join, { grace: 5 }), /buffer KSTREAM-JOIN-\d+-Buffer needs a value serde/],
    ['an as-of join with a table without history', (b) => streamOf(b).joinAsOf(b.table('t', TEXT), join), /joined as of a time and must be a versioned table/],
    ['suppress', (b) => tableOf(b).suppress(Suppressed.untilTimeLimit('1m', BufferConfig.unbounded())), /is a versioned table/],
    ['suppress of a derived table', (b) => tableOf(b).filter(() => true).suppress(Suppressed.untilTimeLimit('1m', BufferConfig.unbounded())), /is a versioned table/],
    ['a global table', (b) => b.globalTable('t', { ...TEXT, ...versioned(5) } as typeof TEXT), /the table of t is global: it cannot be versioned/],
  ])('%s', (_, build, message) => {
    expect(() => build(new StreamsBuilder())).toThrow(message)
    expect(() => build(new StreamsBuilder())).toThrow(TopologyError)
  }) // biome-ignore format: a table

  it.each<[string, (b: StreamsBuilder) => void]>([
    ['a negative history', (b) => tableOf(b, -1).toStream()],
    ['a negative grace', (b) => streamOf(b).join(tableOf(b), join, { grace: -1 })],
    ['a negative tolerance', (b) => streamOf(b).joinAsOf(tableOf(b), join, { tolerance: -1 })],
  ])('%s', (_, build) => {
    expect(() => build(new StreamsBuilder())).toThrow(InvalidArgumentError)
  })
})
