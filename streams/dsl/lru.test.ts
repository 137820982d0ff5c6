import { describe, expect, test } from 'vitest'
import {
  Stores,
  StreamsBuilder,
  serdes,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const TWO = { lru: { maxEntries: 2 } }

async function run(build: (builder: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), options)
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  const put = (...records: readonly (readonly [key: string, value: string | null, timestampMs: number])[]): void => {
    for (const [key, value, timestampMs] of records) input.pipeInput(key, value, timestampMs)
  }
  const read = (): string[] => output.readRecords().map((r) => `${r.key}=${r.value}@${r.timestampMs}`)
  return { driver, put, read }
}

const joined = (b: StreamsBuilder): void =>
  b
    .stream('in', TEXT)
    .groupByKey()
    .reduce((a, v) => a + v, { store: 'rows', ...TWO })
    .toStream()
    .to('out')

describe('a table that forgets the least recently used', () => {
  test('begins anew where a row had left, and sends nothing when one leaves', async () => {
    const { driver, put, read } = await run(joined)
    put(['a', '1', 1], ['b', '2', 2], ['a', '3', 3], ['c', '4', 4], ['b', '5', 5], ['a', '6', 6])
    expect(read()).toEqual(['a=1@1', 'b=2@2', 'a=13@3', 'c=4@4', 'b=5@5', 'a=6@6'])
    const left = driver.capturedRecords('test-rows-changelog').filter(({ value }) => value === null)
    expect(left.map(({ key, timestampMs }) => `${key}@${timestampMs}`)).toEqual(['b@4', 'a@5', 'c@6'])
    expect(driver.getKeyValueStore('rows').get('c')).toBeUndefined()
    await driver.close()
  })

  test('sends each update at once, with the old value that the store had', async () => {
    const { driver, put, read } = await run((b) =>
      b
        .stream('in', TEXT)
        .flatMapValues((values) => values.split(' '))
        .toTable({ ...TEXT, store: 'rows', ...TWO })
        .groupBy((value) => ['all', value], TEXT)
        .aggregate(
          () => '',
          (all, value) => `${all}+${value}`,
          (all, value) => `${all}-${value}`,
          TEXT,
        )
        .toStream()
        .to('out'),
    )
    put(['a', '1 2', 1], ['b', '3', 2], ['c', '4', 3], ['a', '5', 4])
    expect(read().at(-1)).toBe('all=+1-1+2+3+4+5@4')
    await driver.close()
  })

  test('has the same rows after a restart', async () => {
    const { driver, put, read } = await run(joined, { restartable: true })
    put(['a', '1', 1], ['b', '2', 2], ['a', '3', 3], ['c', '4', 4])
    await driver.restart({ state: 'lost' })
    put(['b', '5', 5], ['c', '6', 6], ['a', '7', 7])
    expect(read().slice(4)).toEqual(['b=5@5', 'c=46@6', 'a=7@7'])
    await driver.close()
  })

  test('is stored in memory, with or without a name', async () => {
    const builder = new StreamsBuilder()
    const table = builder.table('in', { ...TEXT, ...TWO })
    table.mapValues((v) => v, { ...TEXT, ...TWO })
    const stores = [...builder.build().stores.values()]
    expect(stores.map((store) => [store.persistent, store.maxEntries])).toEqual([
      [false, 2],
      [false, 2],
    ])
  })

  test('needs a store for what is transformed', () => {
    const table = new StreamsBuilder().table('in', TEXT)
    const transform = () => ({ transform: (value: string | null) => value })
    expect(() => table.transformValues(transform, { ...TEXT, ...TWO })).toThrow(TopologyError)
  })

  test('a name that is used for stores of two bounds is refused, and the message says so', () => {
    const builder = new StreamsBuilder()
    builder.addStateStore(Stores.lruMap('rows', { ...TEXT, maxEntries: 2 }))
    expect(() => builder.addStateStore(Stores.lruMap('rows', { ...TEXT, maxEntries: 3 }))).toThrow(
      'most entries 2 and 3',
    )
  })
})
