import { describe, expect, it } from 'vitest'
import type { Serde } from '../../../common/serde.ts'
import { StreamsBuilder, serdes, type TableJoined, TopologyError, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function joined(options: TableJoined<string, string, string> = {}, value: Serde<string> = serdes.string) {
  const builder = new StreamsBuilder()
  builder
    .table('left', { key: serdes.string, value })
    .join(
      builder.table('right', TEXT),
      (v) => v,
      (a, b, key) => `${key}:${a}|${b}`,
      options,
    )
    .toStream()
    .to('out', TEXT)
  return builder.build()
}

async function run(options?: TableJoined<string, string, string>, value?: Serde<string>) {
  const driver = await TopologyTestDriver.create(joined(options, value), { applicationId: 'app' })
  const output = driver.createOutputTopic('out', TEXT)
  return {
    driver,
    left: driver.createInputTopic('left', TEXT),
    right: driver.createInputTopic('right', TEXT),
    out: () => output.readRecords().map((r) => r.value),
  }
}

describe('a foreign-key join', () => {
  it('names what it lacks a serde for, before anything starts', () => {
    const builder = new StreamsBuilder()
    const left = builder.table('left', TEXT).mapValues((v) => v.length)
    const join = () =>
      left.join(
        builder.table('right', TEXT),
        (v) => String(v),
        (v) => v,
        { name: 'mine' },
      )
    expect(join).toThrow(TopologyError)
    expect(join).toThrow(/mine-subscription-registration-topic \(left table\) needs a value serde/)
  })

  it('gives the joiner the key, and a null of the extractor is no foreign key', async () => {
    const { driver, left, right, out } = await run()
    right.pipeInput('a', 'r')
    left.pipeInput('k', 'a')
    expect(out()).toEqual(['k:a|r'])
    await driver.close()
  })

  it('refuses a partitioner that gives several partitions, or none', async () => {
    for (const partitions of [[0, 0], []]) {
      const { driver, left, right } = await run({ partitioner: () => partitions })
      right.pipeInput('a', 'r')
      expect(() => left.pipeInput('k', 'a')).toThrow(/must give one partition/)
      await driver.close()
      const other = await run({ otherPartitioner: () => partitions })
      expect(() => other.left.pipeInput('k', 'a')).toThrow(/must give one partition/)
      await other.driver.close()
    }
  })

  it('can be queried when its store has a name', async () => {
    const { driver, left, right } = await run({ store: 'result', value: serdes.string })
    right.pipeInput('a', 'r')
    left.pipeInput('k', 'a')
    expect(driver.getKeyValueStore('result').get('k')).toBe('k:a|r')
    await driver.close()
  })

  it('hashes values and writes keys for topics of its own', async () => {
    const topics = new Set<string>()
    const spy: Serde<string> = {
      ...serdes.string,
      serialize: (value, topic) => {
        topics.add(topic)
        return Buffer.from(value)
      },
    }
    const { driver, left } = await run({ name: 'j' }, spy)
    left.pipeInput('k', 'a')
    expect([...topics]).toContain('app-j-subscription-registration-topic-vh')
    await driver.close()
  })

  it('leaves rows alone that their table changes in place', async () => {
    const builder = new StreamsBuilder()
    const bags = builder
      .stream('left', TEXT)
      .groupByKey()
      .aggregate(
        () => ({ items: [] as string[] }),
        (bag, value) => {
          bag.items.push(value)
          return bag
        },
        { store: 'bags', value: serdes.json<{ items: string[] }>() },
      )
    bags
      .join(
        builder.table('right', TEXT),
        (bag) => bag.items[0],
        (bag, other) => ({ bag, other }),
        { store: 'result', value: serdes.json<{ bag: { items: string[] }; other: string }>() },
      )
      .toStream()
      .to('out', { key: serdes.string, value: serdes.json() })
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false, cacheMaxBytes: 0 })
    const [left, right] = [driver.createInputTopic('left', TEXT), driver.createInputTopic('right', TEXT)]
    right.pipeInput('a', 'r')
    left.pipeInput('k', 'a')
    const stored = driver.getKeyValueStore<string, { bag: { items: string[] } }>('result')
    const before = stored.get('k')
    left.pipeInput('k', 'b')
    expect(before).toEqual({ bag: { items: ['a'] }, other: 'r' })
    expect(stored.get('k')).toEqual({ bag: { items: ['a', 'b'] }, other: 'r' })
    await driver.close()
  })
})
