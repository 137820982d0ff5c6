import { describe, expect, it } from 'vitest'
import { JoinWindows, type KStream, type KTable, StreamsBuilder, serdes, TopologyTestDriver } from '../../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type TextStream = KStream<string, string>
type Next = (below: number) => number

/** A generator of numbers that the seed decides. */
function random(seed: number): Next {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const pick = <T>(next: Next, list: readonly T[]): T => list[next(list.length)] as T

/** Streams made of others at random, and aggregations of some of them. */
function grow(b: StreamsBuilder, seed: number): readonly string[] {
  const next = random(seed)
  const streams: TextStream[] = ['in', 'second'].map((topic) => b.stream(topic, TEXT))
  const rows = b.table('rows', { ...TEXT, store: 'rows' })
  const stores = ['rows']
  for (let i = 0; i < 14; i++) {
    const s = pick(next, streams)
    const store = `store-${i}`
    switch (next(11)) {
      case 0:
      case 1:
      case 2:
        streams.push(s.selectKey((v) => v.slice(0, 1 + (i % 2))))
        break
      case 3:
        streams.push(s.filter((v) => v.length > 1))
        break
      case 4:
        streams.push(s.mapValues((v) => `${v}${i % 3}`))
        break
      case 5:
        streams.push(s.merge(pick(next, streams)))
        break
      case 6:
        streams.push(
          s.leftJoin(rows, (v, row) => v + (row === undefined ? '' : row.slice(0, 1)), { ...TEXT, name: `j${i}` }),
        )
        break
      case 7:
        s.join(s, (a, c) => a + c, JoinWindows.ofTimeDifferenceAndGrace(2, 50), {
          ...TEXT,
          otherValue: serdes.string,
          store,
          name: store,
        })
          .groupByKey(TEXT)
          .count({ store })
        stores.push(store)
        break
      default:
        lengths(s, store)
        stores.push(store)
    }
  }
  return stores
}

/** The order of what is summed does not matter. */
function lengths(s: TextStream, store: string): KTable<string, number> {
  return s.groupByKey(TEXT).aggregate(
    () => 0,
    (sum, v) => sum + v.length,
    { store, value: serdes.integer },
  )
}

async function endOf(seed: number, optimised: boolean): Promise<unknown> {
  const builder = new StreamsBuilder()
  const stores = grow(builder, seed)
  const topology = builder.build({ topologyOptimization: optimised ? 'all' : 'none' })
  const driver = await TopologyTestDriver.create(topology, { cacheMaxBytes: 0 })
  const next = random(seed + 1)
  const topics = ['in', 'second', 'rows'].filter((topic) =>
    [...topology.nodes.values()].some((n) => n.kind === 'source' && n.topics.includes(topic)),
  )
  for (let i = 0; i < 40; i++)
    driver
      .createInputTopic(pick(next, topics), TEXT)
      .pipeInput(pick(next, ['a', 'b', 'ab']), pick(next, ['a', 'ab', 'ba', 'bb']), { timestampMs: i })
  const end = await Promise.all(
    stores.map(async (store) => [
      store,
      (await driver.getKeyValueStore(store).entries(undefined, undefined)).map(({ key, value }) => [key, value]),
    ]),
  )
  await driver.close()
  return end
}

describe('a random topology', () => {
  it.each(Array.from({ length: 60 }, (_, i) => [i + 1]))(
    '%i ends with the same rows when it is optimised',
    async (seed) => {
      expect(await endOf(seed, true)).toEqual(await endOf(seed, false))
    },
  )
})
