import { describe, expect, it } from 'vitest'
import { JoinWindows, SessionWindows, StreamsBuilder, serdes, TimeWindows, TopologyError } from '../../index.ts'
import { Application } from '../client/application.ts'
import { planTopics } from './internal-topics.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function plan(build: (b: StreamsBuilder) => void, counts: Record<string, number>) {
  const builder = new StreamsBuilder()
  build(builder)
  return planTopics(new Application('app', builder.build()), new Map(Object.entries(counts)))
}

const keyed = (b: StreamsBuilder, topic: string) => b.stream(topic, TEXT).selectKey((v) => v)

describe('partition counts', () => {
  it.each<
    [what: string, build: (b: StreamsBuilder) => void, counts: Record<string, number>, expected: Record<string, number>]
  >([
    [
      'of a repartition topic are those of what writes it',
      (b) => keyed(b, 'a').groupByKey(TEXT).count({ store: 's' }),
      { a: 3 },
      { 'app-s-repartition': 3 },
    ],
    [
      'are the largest of several writers',
      (b) => keyed(b, 'a').merge(b.stream('b', TEXT)).groupByKey(TEXT).count({ store: 's' }),
      { a: 3, b: 7 },
      { 'app-s-repartition': 7 },
    ],
    [
      'are as the user says',
      (b) => b.stream('a', TEXT).repartition({ name: 'r', partitions: 5 }).to('out'),
      { a: 3 },
      { 'app-r-repartition': 5 },
    ],
    [
      'go on over a chain',
      (b) => b.stream('a', TEXT).repartition({ name: 'r', partitions: 5 }).repartition({ name: 'r2' }).to('out'),
      { a: 3 },
      { 'app-r-repartition': 5, 'app-r2-repartition': 5 },
    ],
    [
      'follow the topic that is joined',
      (b) =>
        keyed(b, 'a')
          .join(b.table('b', TEXT), (v) => v, { ...TEXT, name: 'j' })
          .to('out', TEXT),
      { a: 3, b: 7 },
      { 'app-j-repartition': 7 },
    ],
    [
      'follow a smaller one too',
      (b) =>
        keyed(b, 'a')
          .join(b.table('b', TEXT), (v) => v, { ...TEXT, name: 'j' })
          .to('out', TEXT),
      { a: 7, b: 3 },
      { 'app-j-repartition': 3 },
    ],
    [
      'are the larger of two that are joined',
      (b) =>
        keyed(b, 'a')
          .join(keyed(b, 'b'), (v) => v, JoinWindows.ofTimeDifferenceWithNoGrace(1), {
            ...TEXT,
            otherValue: serdes.string,
            name: 'j',
          })
          .to('out', TEXT),
      { a: 3, b: 7 },
      { 'app-j-left-repartition': 7, 'app-j-right-repartition': 7 },
    ],
    [
      "of a global topic are nobody else's",
      (b) => {
        const g = b.globalTable('g', TEXT)
        b.stream('a', TEXT)
          .join(
            g,
            (v) => v,
            (v) => v,
          )
          .to('out', TEXT)
      },
      { a: 3, g: 9 },
      {},
    ],
    [
      'of a foreign-key join are those of the right table for subscriptions, of the left for answers',
      (b) =>
        b
          .table('a', TEXT)
          .join(
            b.table('b', TEXT),
            (v) => v,
            (v) => v,
            { name: 'j', value: serdes.string },
          )
          .groupBy((v) => [v, v], TEXT)
          .count({ store: 's' }),
      { a: 2, b: 5 },
      {
        'app-j-subscription-registration-topic': 5,
        'app-j-subscription-response-topic': 2,
        'app-s-repartition': 2,
      },
    ],
    [
      'of a foreign-key join between repartitioned tables are the largest of all',
      (b) =>
        keyed(b, 'a')
          .groupByKey(TEXT)
          .reduce((_, v) => v, { store: 'l' })
          .join(
            keyed(b, 'b')
              .groupByKey(TEXT)
              .reduce((_, v) => v, { store: 'r' }),
            (v) => v,
            (v) => v,
            { name: 'j' },
          ),
      { a: 2, b: 5 },
      {
        'app-l-repartition': 5,
        'app-r-repartition': 5,
        'app-j-subscription-registration-topic': 5,
        'app-j-subscription-response-topic': 5,
      },
    ],
  ])('%s', (_what, build, counts, expected) => {
    const { partitionCounts, internalTopics } = plan(build, counts)
    const isOurs = (topic: string): boolean => /-(repartition|topic)$/.test(topic)
    expect(Object.fromEntries([...partitionCounts].filter(([topic]) => isOurs(topic)))).toEqual(expected)
    for (const topic of internalTopics) if (isOurs(topic.name)) expect(topic.partitions).toBe(expected[topic.name])
  })

  it.each<[what: string, build: (b: StreamsBuilder) => void, counts: Record<string, number>]>([
    [
      'two topics that are joined',
      (b) =>
        b
          .table('a', TEXT)
          .join(b.table('b', TEXT), (v) => v)
          .toStream()
          .to('out', TEXT),
      { a: 3, b: 4 },
    ],
    [
      'a topic and a fixed repartition',
      (b) =>
        b
          .stream('a', TEXT)
          .repartition({ name: 'r', partitions: 2 })
          .join(b.table('b', TEXT), (v) => v)
          .to('out', TEXT),
      { a: 3, b: 3 },
    ],
    [
      'two tables that are joined with the same repartition topic',
      (b) => {
        const stream = keyed(b, 'a')
        for (const [topic, out] of [
          ['b', 'out'],
          ['c', 'out2'],
        ] as const)
          stream.join(b.table(topic, TEXT), (v) => v, TEXT).to(out, TEXT)
      },
      { a: 3, b: 3, c: 4 },
    ],
  ])('that differ between %s are an error that tells them all', (_what, build, counts) => {
    expect(() => plan(build, counts)).toThrow(TopologyError)
    expect(() => plan(build, counts)).toThrow(/must have the same number of partitions: .* has \d, .* has \d/)
  })
})

describe('topics of our own', () => {
  it('of sessions have those of windows', () => {
    const { internalTopics } = plan(
      (b) =>
        b
          .stream('a', TEXT)
          .groupByKey()
          .windowedBy(SessionWindows.ofInactivityGapAndGrace('5m', '1m'))
          .count({ store: 's' }),
      { a: 2 },
    )
    const configs = {
      'message.timestamp.type': 'CreateTime',
      'cleanup.policy': 'compact,delete',
      'retention.ms': String(6 * 60_000 + 86_400_000),
    }
    expect(internalTopics).toEqual([{ name: 'app-s-changelog', partitions: 2, configs }])
  })

  it('of stream joins are not compacted: every put is a row of its own', () => {
    const { internalTopics } = plan(
      (b) => {
        const windows = JoinWindows.ofTimeDifferenceAndGrace('1m', '1m')
        b.stream('a', TEXT).outerJoin(b.stream('b', TEXT), (x) => x ?? '', windows, {
          ...TEXT,
          otherValue: serdes.string,
          store: 'j',
        })
      },
      { a: 2, b: 2 },
    )
    expect(internalTopics.map(({ name, configs }) => [name, configs?.['cleanup.policy']])).toEqual([
      ['app-j-outer-this-join-store-changelog', 'delete'],
      ['app-j-outer-other-join-store-changelog', 'delete'],
      ['app-j-outer-shared-join-store-changelog', 'compact'],
    ])
  })

  it('of versioned tables are compacted a day after their history, of buffers at once', () => {
    const { internalTopics } = plan(
      (b) => {
        const table = b.table('a', { ...TEXT, store: 't', versioned: { historyRetention: '10m' } })
        b.stream('b', TEXT).join(table, (v) => v, { name: 'j', grace: '1m' })
      },
      { a: 2, b: 2 },
    )
    const common = { 'message.timestamp.type': 'CreateTime', 'cleanup.policy': 'compact' }
    const lag = { 'min.compaction.lag.ms': String(10 * 60_000 + 86_400_000) }
    expect(internalTopics).toContainEqual({ name: 'app-t-changelog', partitions: 2, configs: { ...common, ...lag } })
    expect(internalTopics).toContainEqual({ name: 'app-j-Buffer-changelog', partitions: 2, configs: common })
    expect(internalTopics).toHaveLength(2)
  })

  it('have the configs that Kafka Streams gives them', () => {
    const { internalTopics } = plan(
      (b) => {
        keyed(b, 'a')
          .groupByKey(TEXT)
          .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
          .count({ store: 'w', changelogConfigs: { 'segment.bytes': '1' } })
        b.table('b', { ...TEXT, store: 't' })
        b.table('c', { ...TEXT, store: 'silent', logging: false })
      },
      { a: 2, b: 4, c: 1 },
    )
    expect(internalTopics).toEqual([
      {
        name: 'app-w-repartition',
        partitions: 2,
        configs: {
          'cleanup.policy': 'delete',
          'retention.ms': '-1',
          'segment.bytes': String(50 * 1024 * 1024),
          'message.timestamp.type': 'CreateTime',
        },
      },
      {
        name: 'app-w-changelog',
        partitions: 2,
        configs: {
          'message.timestamp.type': 'CreateTime',
          'cleanup.policy': 'compact,delete',
          'retention.ms': String(6 * 60_000 + 86_400_000),
          'segment.bytes': '1',
        },
      },
      {
        name: 'app-t-changelog',
        partitions: 4,
        configs: { 'message.timestamp.type': 'CreateTime', 'cleanup.policy': 'compact' },
      },
    ])
  })
})
