import { describe, expect, it } from 'vitest'
import {
  JoinWindows,
  type Processor,
  Stores,
  StreamsBuilder,
  serdes,
  Topology,
  TopologyError,
  type TopologyProblemCode,
} from './index.ts'
import { Application } from './runtime/client/application.ts'
import { planTopics } from './runtime/group/internal-topics.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const LONG = { key: serdes.string, value: serdes.long }
const JOINED = { ...TEXT, otherValue: serdes.string }
const noop = (): Processor<string, string> => ({ process: () => {} })
const joined = (a: string, b: string): string => a + b

type Expected = readonly [code: TopologyProblemCode, nodes: readonly string[], message: RegExp]

/** All that an error says is wrong. */
function problemsOf(make: () => unknown): TopologyError['problems'] {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(TopologyError)
    return (error as TopologyError).problems
  }
  throw new Error('nothing was wrong')
}

function expectProblems(make: () => unknown, expected: readonly Expected[]): void {
  const problems = problemsOf(make)
  expect(problems.map((p) => p.code)).toEqual(expected.map(([code]) => code))
  for (const [i, [, nodes, message]] of expected.entries()) {
    expect(problems[i]?.nodes).toEqual(expect.arrayContaining([...nodes]))
    expect(problems[i]?.message).toMatch(message)
    for (const node of nodes) expect(problems[i]?.message).toContain(node)
  }
}

describe('a topology of nodes that cannot work', () => {
  const base = (): Topology => new Topology().addSource('s', 'a', TEXT).addProcessor('p', noop, 's')
  it.each<[what: string, build: (t: Topology) => void, ...expected: Expected]>([
    ['two nodes with one name', (t) => t.addSink('p', 'out', TEXT, 's'), 'duplicate-node', ['p'], /after s.*rename/],
    ['a source without topics', (t) => t.addSource('s2', [], TEXT), 'no-topic', ['s2'], /at least one/],
    [
      'a topic with two sources',
      (t) => t.addSource('s2', 'a', TEXT),
      'duplicate-topic',
      ['s', 's2', 'a'],
      /read it once/,
    ],
    ['no parent', (t) => t.addProcessor('q', noop), 'no-parent', ['q'], /name what comes before it/],
    ['an unknown parent', (t) => t.addProcessor('q', noop, 'x'), 'unknown-parent', ['q', 'x'], /add it first/],
    ['its own parent', (t) => t.addProcessor('q', noop, 'q'), 'own-parent', ['q'], /its own parent/],
    [
      'a sink as a parent',
      (t) => t.addSink('k', 'out', TEXT, 's').addSink('l', 'out', TEXT, 'k'),
      'sink-as-parent',
      ['k', 'l'],
      /nothing comes out of it/,
    ],
    [
      'a store used twice with other types',
      (t) =>
        t
          .addStateStore(Stores.keyValueStore('rows', TEXT), 'p')
          .addProcessor('q', noop, 's')
          .addStateStore(Stores.keyValueStore('rows', LONG), 'q'),
      'duplicate-store',
      ['rows', 'p', 'q'],
      /value serde string and long.*another name/,
    ],
    [
      'a store used twice with other kinds',
      (t) =>
        t
          .addStateStore(Stores.keyValueStore('rows', TEXT), 'p')
          .addStateStore(Stores.windowStore('rows', { ...TEXT, windowSize: 5, retention: 10 }), 'p'),
      'duplicate-store',
      ['rows', 'p'],
      /type key-value and window/,
    ],
    [
      'two builders for one store',
      (t) =>
        t.addStateStore(Stores.keyValueStore('rows', TEXT), 'p').addStateStore(Stores.keyValueStore('rows', TEXT), 'p'),
      'duplicate-store',
      ['rows', 'p'],
      /one builder for both/,
    ],
    [
      'a store that is not there',
      (t) => t.addStateStore(Stores.keyValueStore('rows', TEXT)).connectProcessorAndStateStores('p', 'row'),
      'unknown-store',
      ['p', 'row'],
      /addStateStore first, or take one of rows/,
    ],
    [
      'a store for a source',
      (t) => t.addStateStore(Stores.keyValueStore('rows', TEXT), 's'),
      'store-not-of-a-processor',
      ['s', 'rows'],
      /a source/,
    ],
    [
      'a step after a global store',
      (t) =>
        t
          .addGlobalStore(
            Stores.keyValueStore('rows', TEXT),
            { name: 'gs', topic: 'g', ...TEXT },
            { name: 'gp', supplier: noop },
          )
          .addSink('k', 'out', TEXT, 'gp'),
      'global-store-misuse',
      ['gp', 'k'],
      /nothing may come after it/,
    ],
    [
      'a global store that brings another',
      (t) =>
        t.addGlobalStore(
          Stores.keyValueStore('rows', TEXT),
          { name: 'gs', topic: 'g', ...TEXT },
          { name: 'gp', supplier: { get: noop, stores: () => [Stores.keyValueStore('more', TEXT)] } },
        ),
      'global-store-misuse',
      ['gp', 'rows', 'more'],
      /no other store/,
    ],
    [
      'a global store whose nodes have one name',
      (t) =>
        t.addGlobalStore(
          Stores.keyValueStore('rows', TEXT),
          { name: 'g', topic: 'g', ...TEXT },
          { name: 'g', supplier: noop },
        ),
      'duplicate-node',
      ['g', 'rows'],
      /both named g/,
    ],
    [
      'a supplier of one processor for all',
      (t) => {
        const one = noop()
        t.addProcessor('q', () => one, 's')
      },
      'shared-processor',
      ['q'],
      /make a new one/,
    ],
    ['co-partitioning of a processor', (t) => t.copartitionSources(['s', 'p']), 'not-copartitioned', ['p'], /sources/],
    [
      'a store restored from two topics',
      (t) => t.connectSourceStoreAndTopic('rows', 'a').connectSourceStoreAndTopic('rows', 'b'),
      'duplicate-store',
      ['rows', 'a', 'b'],
      /already/,
    ],
  ])('%s', (_what, build, ...expected) => {
    expectProblems(() => build(base()), [expected])
  })
})

describe('a topology that cannot be started', () => {
  it.each<[what: string, build: (t: Topology) => void, ...expected: Expected]>([
    ['has no source', () => {}, 'no-source', [], /Add a stream/],
    [
      'has a store that nobody uses',
      (t) => t.addSource('s', 'a', TEXT).addStateStore(Stores.keyValueStore('rows', TEXT)),
      'unconnected-store',
      ['rows'],
      /leave it out/,
    ],
    [
      'feeds a source with its own records',
      (t) => t.addSource('s', 'a', TEXT).addSink('k', 'a', TEXT, 's'),
      'endless-loop',
      ['s', 'k', 'a'],
      /another topic/,
    ],
    [
      'restores a store from a topic that others read',
      (t) =>
        t
          .addSource('s', 'a', TEXT)
          .addSource('t', 'b', TEXT)
          .addProcessor('p', noop, 's')
          .addStateStore(Stores.keyValueStore('rows', TEXT), 'p')
          .connectSourceStoreAndTopic('rows', 'b'),
      'unknown-store',
      ['rows', 'b'],
      /add a source for it there/,
    ],
    [
      'writes into its own changelog',
      (t) =>
        t
          .addSource('s', 'a', TEXT)
          .addProcessor('p', noop, 's')
          .addStateStore(Stores.keyValueStore('rows', TEXT), 'p')
          .addSink('k', 'app-rows-changelog', TEXT, 'p'),
      'topic-name-clash',
      ['k', 'app-rows-changelog'],
      /changelog of store rows/,
    ],
  ])('%s', (_what, build, ...expected) => {
    const topology = new Topology()
    build(topology)
    expectProblems(() => new Application('app', topology), [expected])
  })

  it('may write to a topic that it reads, with a step between', () => {
    const topology = new Topology().addSource('s', 'a', TEXT).addProcessor('p', noop, 's').addSink('k', 'a', TEXT, 'p')
    expect(() => new Application('app', topology)).not.toThrow()
  })

  it('says all that is wrong in one error', () => {
    const topology = new Topology()
      .addSource('s', 'a', TEXT)
      .addSink('k', 'a', TEXT, 's')
      .addStateStore(Stores.keyValueStore('rows', TEXT))
      .addStateStore(Stores.keyValueStore('more', TEXT))
    expectProblems(
      () => new Application('app', topology),
      [
        ['unconnected-store', ['rows'], /rows/],
        ['unconnected-store', ['more'], /more/],
        ['endless-loop', ['k'], /k/],
      ],
    )
    expect(() => new Application('app', topology)).toThrow(/the topology has 3 problems:\n {2}- store rows/)
  })
})

describe('a plan that cannot be built', () => {
  const stream = (b: StreamsBuilder, topic = 'a') => b.stream(topic, TEXT)
  it.each<[what: string, build: (b: StreamsBuilder) => void, ...expected: Expected[]]>([
    [
      'two operators with one name',
      (b) => {
        stream(b).filter(() => true, { name: 'x' })
        stream(b).mapValues((v) => v, { name: 'x' })
      },
      ['duplicate-node', ['x'], /rename one/],
    ],
    [
      'two tables in one store',
      (b) => {
        stream(b).groupByKey().count({ store: 'rows' })
        stream(b).toTable({ store: 'rows' })
      },
      [
        'duplicate-store',
        ['rows', 'KSTREAM-AGGREGATE-0000000001', 'KSTREAM-TOTABLE-0000000003'],
        /value serde long and string/,
      ],
    ],
    [
      'a repartition topic of a name that is taken',
      (b) => {
        stream(b).repartition({ name: 'x' }).to('out')
        stream(b).repartition({ name: 'x' }).to('out2')
      },
      ['duplicate-node', ['x-repartition-filter'], /rename/],
    ],
    [
      'topics that overlap',
      (b) => {
        stream(b)
        b.stream(['a', 'b'], TEXT)
      },
      ['duplicate-topic', ['KSTREAM-SOURCE-0000000000', 'KSTREAM-SOURCE-0000000001', 'a'], /read it once/],
    ],
    [
      'a topic as stream and table',
      (b) => {
        stream(b)
        b.table('a', TEXT)
      },
      ['duplicate-topic', ['KSTREAM-SOURCE-0000000000', 'KSTREAM-SOURCE-0000000002', 'a'], /already/],
    ],
    [
      'a processor without its store',
      (b) => stream(b).process(noop, { stores: ['rows'] }),
      ['unknown-store', ['KSTREAM-PROCESSOR-0000000001', 'rows'], /add it/],
    ],
    [
      'a sink to a repartition topic',
      (b) => {
        stream(b).repartition({ name: 'x' })
        stream(b, 'b').to('x-repartition')
      },
      ['topic-name-clash', ['KSTREAM-SINK-0000000005', 'x-repartition-source'], /rename/],
    ],
    [
      'several at once, each said once',
      (b) => {
        stream(b).filter(() => true, { name: 'x' })
        stream(b)
          .filter(() => true, { name: 'x' })
          .to('out')
        b.table('a', TEXT).toStream().to('out2')
        stream(b, 'b').process(noop, { stores: ['rows'] })
      },
      ['duplicate-node', ['x'], /rename/],
      ['duplicate-topic', ['a'], /already/],
      ['unknown-store', ['rows'], /add it/],
    ],
  ])('%s', (_what, build, ...expected) => {
    const builder = new StreamsBuilder()
    build(builder)
    expectProblems(() => builder.build(), expected)
  })

  it.each<[what: string, build: (b: StreamsBuilder) => void, ...expected: Expected]>([
    [
      'two policies for a topic',
      (b) => {
        stream(b)
        b.stream('a', { ...TEXT, offsetReset: 'latest' })
      },
      'source-mismatch',
      ['KSTREAM-SOURCE-0000000000', 'KSTREAM-SOURCE-0000000001', 'a'],
      /offset reset/,
    ],
    [
      'two serdes for a topic',
      (b) => {
        stream(b)
        b.stream('a', LONG)
      },
      'source-mismatch',
      ['KSTREAM-SOURCE-0000000000', 'KSTREAM-SOURCE-0000000001', 'a'],
      /value serde/,
    ],
    [
      'a sink without a serde',
      (b) =>
        stream(b)
          .mapValues((v) => v.length)
          .to('out'),
      'missing-serde',
      ['sink KSTREAM-SINK-0000000002 to out'],
      /value: …/,
    ],
    [
      'a grouping without a serde',
      (b) =>
        stream(b)
          .selectKey((v) => v.length)
          .groupByKey()
          .count(),
      'missing-serde',
      ['repartition topic KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition'],
      /key: …/,
    ],
    [
      'two stores with one name',
      (b) => b.addStateStore(Stores.keyValueStore('rows', TEXT)).addStateStore(Stores.keyValueStore('rows', LONG)),
      'duplicate-store',
      ['rows'],
      /value serde string and long/,
    ],
  ])('%s, at the call', (_what, build, ...expected) => {
    expectProblems(() => build(new StreamsBuilder()), [expected])
  })
})

describe('partition counts that do not fit', () => {
  const joinOf = (b: StreamsBuilder, left: string, right: string): void =>
    b
      .stream(left, TEXT)
      .join(b.stream(right, TEXT), joined, JoinWindows.ofTimeDifferenceWithNoGrace(1), JOINED)
      .to('out', TEXT)
  const started = (build: (b: StreamsBuilder) => void, counts: Record<string, number>) => {
    const builder = new StreamsBuilder()
    build(builder)
    return planTopics(new Application('app', builder.build()), new Map(Object.entries(counts)))
  }

  it('of several joins are one error', () => {
    expectProblems(
      () =>
        started(
          (b) => {
            joinOf(b, 'a', 'b')
            joinOf(b, 'c', 'd')
          },
          { a: 1, b: 2, c: 3, d: 4 },
        ),
      [
        ['not-copartitioned', ['KSTREAM-SOURCE-0000000000', 'KSTREAM-SOURCE-0000000001', 'a', 'b'], /a has 1, b has 2/],
        ['not-copartitioned', ['c', 'd'], /c has 3, d has 4.*Repartition one/],
      ],
    )
  })

  it('are known before Kafka is asked where the user has said them', () => {
    expectProblems(
      () =>
        started((b) => {
          const left = b.stream('a', TEXT).repartition({ name: 'l', partitions: 2 })
          const right = b.stream('b', TEXT).repartition({ name: 'r', partitions: 3 })
          left.join(right, joined, JoinWindows.ofTimeDifferenceWithNoGrace(1), JOINED).to('out', TEXT)
        }, {}),
      [['not-copartitioned', ['l-repartition', 'r-repartition'], /to have 2.*to have 3/]],
    )
  })

  it('go round in a circle', () => {
    const topology = new Topology()
      .addRepartitionTopic({ name: 'loop', partitions: undefined })
      .addSource('s', 'loop', TEXT)
      .addProcessor('p', noop, 's')
      .addSink('k', 'loop', TEXT, 'p')
    expectProblems(
      () => planTopics(new Application('app', topology), new Map()),
      [['partition-count-cycle', ['loop', 's', 'k'], /partitions: …/]],
    )
  })
})

describe('ensureExplicitInternalResourceNaming', () => {
  const refused = (build: (b: StreamsBuilder) => void) => {
    const builder = new StreamsBuilder()
    build(builder)
    return () => builder.build({ ensureExplicitInternalResourceNaming: true })
  }
  const windows = JoinWindows.ofTimeDifferenceWithNoGrace(1)

  it('lists stores, changelogs and repartition topics with generated names', () => {
    expectProblems(
      refused((b) => {
        b.stream('a', TEXT)
          .groupBy((v) => v, TEXT)
          .count()
        b.stream('b', TEXT).join(b.stream('c', TEXT), joined, windows, JOINED)
      }),
      [
        ['generated-name', ['KSTREAM-AGGREGATE-STATE-STORE-0000000002', 'KSTREAM-AGGREGATE-0000000003'], /-changelog/],
        ['generated-name', ['KSTREAM-JOINTHIS-0000000011-store'], /-changelog/],
        ['generated-name', ['KSTREAM-JOINOTHER-0000000012-store'], /option store/],
        ['generated-name', ['KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition'], /option name/],
      ],
    )
  })

  it('is content with names of the user', () => {
    expect(
      refused((b) => {
        b.stream('a', TEXT)
          .groupBy((v) => v, { ...TEXT, name: 'by-value' })
          .count({ store: 'counts' })
        b.stream('b', TEXT).join(b.stream('c', TEXT), joined, windows, { ...JOINED, name: 'j', store: 'kept' })
        b.table('d', TEXT)
        b.stream('e', TEXT).filter(() => true)
      }),
    ).not.toThrow()
  })
})
