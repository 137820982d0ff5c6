import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../../common/errors.ts'
import {
  type BuildOptions,
  JoinWindows,
  type KStream,
  StreamsBuilder,
  serdes,
  type Topology,
  TopologyTestDriver,
} from '../../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const JOINED = { ...TEXT, otherValue: serdes.string }
type TextStream = KStream<string, string>
type Build = (b: StreamsBuilder) => void
type Input = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]

function topology(build: Build, topologyOptimization: BuildOptions['topologyOptimization'] = 'all'): Topology {
  const builder = new StreamsBuilder()
  build(builder)
  return builder.build({ topologyOptimization } as BuildOptions)
}

async function outputs(built: Topology, inputs: readonly Input[], topics: readonly string[] = ['out']) {
  const driver = await TopologyTestDriver.create(built, { cacheMaxBytes: 0 })
  for (const [topic, key, value, timestampMs] of inputs)
    driver.createInputTopic(topic, TEXT).pipeInput(key as never, value as never, { timestampMs })
  const found = topics.map((topic) =>
    driver
      .createOutputTopic(topic, TEXT)
      .readRecords()
      .map((r) => [r.key, r.value, r.timestampMs]),
  )
  await driver.close()
  return found
}

const stream = (b: StreamsBuilder, topic = 'in'): TextStream => b.stream(topic, TEXT)
const rekeyed = (b: StreamsBuilder, topic = 'in'): TextStream => stream(b, topic).selectKey((v) => v.slice(0, 1))
const joined = (a: string | undefined, b: string | undefined): string => `${a ?? '-'}|${b ?? '-'}`
const collected = (s: TextStream, store: string, topic: string): void =>
  s
    .groupByKey(TEXT)
    .aggregate(
      () => '',
      (a, v) => a + v,
      { store, value: serdes.string },
    )
    .toStream()
    .to(topic)
const repartitionTopics = (built: Topology): readonly string[] => [...built.repartitionTopics.keys()]

/** A generator of numbers that the seed decides. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function someInputs(seed: number, count = 80): readonly Input[] {
  const next = random(seed)
  let time = 30
  return Array.from({ length: count }, (_, i): Input => {
    const timestampMs = Math.max(0, time - next(14) + 2)
    time = Math.max(time, timestampMs)
    const key = next(10) === 0 ? null : ['A', 'B'][next(2)]
    return ['in', key ?? null, `${['a', 'b'][next(2)]}${i}`, timestampMs]
  })
}

describe('the join of a stream with itself over one store', () => {
  // A record that is late but still kept is sent by a left join of two stores without a partner first, and then with itself.
  it.each([
    ['inner', 10, 10, 2],
    ['inner', 6, 0, 1],
    ['inner', -2, 6, 3],
    ['inner', 6, -2, 3],
    ['inner', 0, 0, 0],
    ['left', 10, 10, 40],
    ['outer', 10, 10, 40],
    ['left', -2, 6, 3],
    ['outer', 6, -2, 3],
  ] as const)('%s, before %i, after %i, grace %i: gives what two give', async (kind, before, after, grace) => {
    const windows = JoinWindows.ofTimeDifferenceAndGrace(10, grace).before(before).after(after)
    const build: Build = (b) => {
      const s = stream(b)
      const result =
        kind === 'inner'
          ? s.join(s, joined, windows, JOINED)
          : kind === 'left'
            ? s.leftJoin(s, joined, windows, JOINED)
            : s.outerJoin(s, joined, windows, JOINED)
      result.to('out', TEXT)
    }
    for (let seed = 1; seed <= 8; seed++) {
      const inputs = someInputs(seed)
      expect(await outputs(topology(build), inputs), `seed ${seed}`).toEqual(
        await outputs(topology(build, 'none'), inputs),
      )
    }
  })

  it('keeps two where one cannot wait for records without a partner', () => {
    const windows = JoinWindows.ofTimeDifferenceAndGrace(10, 0).before(-2).after(6)
    const built = topology((b) => {
      const s = stream(b)
      s.leftJoin(s, joined, windows, JOINED).to('out', TEXT)
    })
    expect(built.stores.size).toBe(3)
  })
})

describe('one repartition topic in place of several', () => {
  it('stands below the last of several merges: all that is merged goes through it', async () => {
    const build: Build = (b) => collected(rekeyed(b).merge(stream(b, 'second')).merge(stream(b, 'third')), 'all', 'out')
    const built = topology(build)
    expect(repartitionTopics(built)).toEqual(['all-repartition'])
    const node = built.nodes.get('all-repartition-filter')
    expect(node?.kind === 'processor' && node.parents).toEqual(['KSTREAM-MERGE-0000000005'])
    const inputs: readonly Input[] = [
      ['in', 'x', 'a1', 1],
      ['second', 'a', 'a2', 2],
      ['third', 'a', 'a3', 3],
    ]
    expect(await outputs(built, inputs)).toEqual(await outputs(topology(build, 'none'), inputs))
  })

  it('leaves a topic where other records come to it too', () => {
    const built = topology((b) => {
      const s = rekeyed(b)
      collected(s.merge(stream(b, 'second')), 'both', 'out')
      collected(s, 'one', 'out2')
    })
    expect(repartitionTopics(built).toSorted()).toEqual(['both-repartition', 'one-repartition'])
    const filter = built.nodes.get('both-repartition-filter')
    expect(filter?.kind === 'processor' && filter.parents).toEqual(['KSTREAM-MERGE-0000000003'])
  })

  it('stands above a node that several of them are below', async () => {
    const build: Build = (b) => {
      const kept = rekeyed(b).filter((v) => v.length > 1)
      collected(kept, 'first', 'out')
      collected(kept, 'second', 'out2')
    }
    const built = topology(build)
    expect(repartitionTopics(built)).toEqual(['first-repartition'])
    const inputs = someInputs(3).filter(([, key]) => key !== null)
    expect(await outputs(built, inputs, ['out', 'out2'])).toEqual(
      await outputs(topology(build, 'none'), inputs, ['out', 'out2']),
    )
  })

  it('does not pass over a join with a global table, which changes the values', () => {
    const built = topology((b) => {
      const s = rekeyed(b)
      const places = b.globalTable('places', TEXT)
      collected(
        s.join(places, (v) => v, joined),
        'joined',
        'out',
      )
      collected(s, 'plain', 'out2')
    })
    expect(repartitionTopics(built).toSorted()).toEqual(['joined-repartition', 'plain-repartition'])
  })

  it('is co-partitioned with what the topics in its place were', () => {
    const built = topology((b) => {
      const s = rekeyed(b)
      collected(s, 'a', 'out')
      s.join(b.table('rows', TEXT), joined, TEXT).to('out2', TEXT)
    })
    expect(built.copartitionedSources).toEqual([['a-repartition-source', 'KSTREAM-SOURCE-0000000009']])
  })

  it('hands values to aggregators that may change them, each its own', async () => {
    interface Bag {
      readonly items: string[]
    }
    const bags = serdes.json<Bag>()
    const grown = (a: Bag, v: Bag): Bag => {
      a.items.push(...v.items)
      return a
    }
    const built = topology((b) => {
      const s = b.stream('in', { key: serdes.string, value: bags }).selectKey(() => 'k')
      for (const store of ['one', 'two'])
        s.groupByKey({ key: serdes.string, value: bags })
          .reduce(grown, { store })
          .toStream()
          .mapValues((bag) => bag.items.join(''))
          .to(store, TEXT)
    })
    const driver = await TopologyTestDriver.create(built, { cacheMaxBytes: 0 })
    const input = driver.createInputTopic('in', { key: serdes.string, value: bags })
    for (const item of ['a', 'b', 'c']) input.pipeInput('x', { items: [item] })
    for (const topic of ['one', 'two'])
      expect(
        driver
          .createOutputTopic(topic, TEXT)
          .readRecords()
          .map((r) => r.value),
      ).toEqual(['a', 'ab', 'abc'])
    await driver.close()
  })
})

describe('build', () => {
  const build: Build = (b) => {
    const s = rekeyed(b)
    collected(s, 'a', 'out')
    collected(s, 'b', 'out2')
  }

  it('leaves the plan as it is: it may be built again without', () => {
    const builder = new StreamsBuilder()
    build(builder)
    const before = builder.build().describe().toString()
    expect(builder.build({ topologyOptimization: 'all' }).describe().toString()).not.toBe(before)
    expect(builder.build({ topologyOptimization: [] }).describe().toString()).toBe(before)
  })

  it.each(['everything', ['merge'], 'reuse.ktable.source.topics,merge'])('refuses %j', (wrong) => {
    expect(() => topology(build, wrong as never)).toThrow(ConfigError)
    expect(() => topology(build, wrong as never)).toThrow(/merge\.repartition\.topics/)
  })
})
