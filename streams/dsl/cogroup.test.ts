import { describe, expect, it } from 'vitest'
import { StreamsBuilder, serdes, TimeWindows, TopologyError, TopologyTestDriver } from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const total = { store: 'totals', value: serdes.json<Total>() }

interface Total {
  sum: number
  names: string[]
}

/** Values of two types, aggregated into an object that is changed in place. */
function totals(builder: StreamsBuilder) {
  const numbers = builder.stream('numbers', { key: serdes.string, value: serdes.integer }).groupByKey()
  const names = builder.stream('names', TEXT).groupByKey()
  return numbers
    .cogroup((t: Total, n) => {
      t.sum += n
      return t
    })
    .cogroup(names, (t, name) => {
      t.names.push(name)
      return t
    })
}
const empty = (): Total => ({ sum: 0, names: [] })

async function start(build: (b: StreamsBuilder) => void, commitEveryRecord = true) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app', commitEveryRecord })
  const numbers = driver.createInputTopic('numbers', { key: serdes.string, value: serdes.integer })
  const names = driver.createInputTopic('names', TEXT)
  const output = driver.createOutputTopic('out', { key: serdes.string, value: serdes.json<Total>() })
  return {
    driver,
    numbers,
    names,
    sent: () =>
      output.readRecords().map(({ key, value, timestampMs }) => [key, value?.sum, value?.names.join(), timestampMs]),
  }
}

describe('an aggregation of several streams', () => {
  it('is one for values of any type, in the order of their coming', async () => {
    const { driver, numbers, names, sent } = await start((b) =>
      totals(b).aggregate(empty, total).toStream().to('out', total),
    )
    numbers.pipeInput('a', 1, { timestampMs: 5 })
    names.pipeInput('a', 'x', { timestampMs: 3 })
    names.pipeInput('b', 'y', { timestampMs: 9 })
    numbers.pipeInput('a', 2, { timestampMs: 7 })
    expect(sent()).toEqual([
      ['a', 1, '', 5],
      ['a', 1, 'x', 5],
      ['b', 0, 'y', 9],
      ['a', 3, 'x', 7],
    ])
    expect(driver.getKeyValueStore<string, Total>('totals').get('a')).toEqual({ sum: 3, names: ['x'] })
    await driver.close()
  })

  it('sends one update of a key per commit, whichever input made it', async () => {
    const { driver, numbers, names, sent } = await start(
      (b) => totals(b).aggregate(empty, total).toStream().to('out', total),
      false,
    )
    numbers.pipeInput('a', 1, { timestampMs: 1 })
    names.pipeInput('b', 'y', { timestampMs: 2 })
    names.pipeInput('a', 'x', { timestampMs: 3 })
    numbers.pipeInput('a', 1, { timestampMs: 4 })
    expect(sent()).toEqual([])
    driver.commit()
    expect(sent()).toEqual([
      ['b', 0, 'y', 2],
      ['a', 2, 'x', 4],
    ])
    driver.commit()
    expect(sent()).toEqual([])
    await driver.close()
  })

  it('sends in one commit what a table above one of its inputs has held back, with what the other has', async () => {
    const { driver, numbers, names, sent } = await start((b) => {
      const latest = b
        .table('names', { ...TEXT, store: 'latest' })
        .toStream()
        .groupByKey(TEXT)
      const sums = b.stream('numbers', { key: serdes.string, value: serdes.integer }).groupByKey()
      sums
        .cogroup((t: Total, n) => ({ ...t, sum: t.sum + n }))
        .cogroup(latest, (t, name) => ({ ...t, names: [...t.names, name] }))
        .aggregate(empty, total)
        .toStream()
        .to('out', total)
    }, false)
    numbers.pipeInput('a', 1, { timestampMs: 1 })
    names.pipeInput('a', 'x', { timestampMs: 2 })
    names.pipeInput('a', 'y', { timestampMs: 3 })
    driver.commit()
    expect(sent()).toEqual([['a', 1, 'y', 3]])
    await driver.close()
  })

  it('gives old values that do not change afterwards', async () => {
    const { driver, numbers, names, sent } = await start((b) =>
      totals(b)
        .aggregate(empty, { ...total, caching: false })
        .groupBy((t) => ['all', t] as const, { key: serdes.string, value: total.value })
        .aggregate(
          empty,
          (all, t) => ({ sum: all.sum + t.sum, names: [...all.names, ...t.names] }),
          (all, t) => ({ sum: all.sum - t.sum, names: all.names.filter((name) => !t.names.includes(name)) }),
          { store: 'all', value: total.value, caching: false },
        )
        .toStream()
        .to('out', total),
    )
    numbers.pipeInput('a', 1, { timestampMs: 1 })
    names.pipeInput('a', 'x', { timestampMs: 1 })
    numbers.pipeInput('b', 5, { timestampMs: 1 })
    numbers.pipeInput('a', 2, { timestampMs: 1 })
    expect(sent().at(-1)).toEqual(['all', 8, 'x', 1])
    await driver.close()
  })

  it('hands over what all of its inputs drop', async () => {
    const late: unknown[] = []
    const { driver, numbers, names } = await start((b) =>
      totals(b)
        .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
        .aggregate(empty, { ...total, dropped: (s) => s.foreach((drop) => late.push([drop.reason, drop.value])) })
        .toStream((_t, k) => k.key)
        .to('out', { key: serdes.string, value: total.value }),
    )
    numbers.pipeInput('a', 1, { timestampMs: 25 })
    numbers.pipeInput('a', 2, { timestampMs: 5 })
    names.pipeInput('a', 'x', { timestampMs: 30 })
    names.pipeInput('a', 'y', { timestampMs: 5 })
    expect(late).toEqual([
      ['late', 2],
      ['late', 'y'],
    ])
    await driver.close()
  })

  it('needs the serde of its aggregate', () => {
    const cogrouped = totals(new StreamsBuilder())
    expect(() => cogrouped.aggregate(empty, { store: 's' })).toThrow(TopologyError)
    expect(() => cogrouped.aggregate(empty, { store: 's' })).toThrow(/cogrouped table of store s needs a value serde/)
  })

  it('keeps windows for at least as long as they can change', () => {
    const windowed = totals(new StreamsBuilder()).windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
    expect(() => windowed.aggregate(empty, { ...total, retention: 14 })).toThrow(/keeps windows for 14 ms/)
  })
})

/** Where Kafka Streams begins the window anew, or has the record cache find what its store hides. */
it('a record of an input that is behind, for a window that the store has let go, is late', async () => {
  const build = (retention?: number) => (b: StreamsBuilder) =>
    totals(b)
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .aggregate(empty, { ...total, ...(retention === undefined ? {} : { retention }) })
      .toStream((_t, k) => k.key)
      .to('out', { key: serdes.string, value: total.value })
  const short = await start(build())
  const long = await start(build(100))
  for (const { numbers, names } of [short, long]) {
    numbers.pipeInput('a', 1, { timestampMs: 0 })
    names.pipeInput('a', 'x', { timestampMs: 25 })
    numbers.pipeInput('a', 2, { timestampMs: 5 })
  }
  const before = [
    ['a', 1, '', 0],
    ['a', 0, 'x', 25],
  ]
  expect(short.sent()).toEqual(before)
  expect(short.driver.dropped.get('late')).toBe(1)
  expect(long.sent()).toEqual([...before, ['a', 3, '', 5]])
  await short.driver.close()
  await long.driver.close()
})
