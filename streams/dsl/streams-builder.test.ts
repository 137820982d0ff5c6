import { describe, expect, it } from 'vitest'
import {
  JoinWindows,
  type KStream,
  Stores,
  StreamsBuilder,
  serdes,
  TimeWindows,
  TopologyError,
  TopologyTestDriver,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const NUMBERS = { key: serdes.string, value: serdes.integer }

function stream(builder: StreamsBuilder, topic = 'in'): KStream<string, string> {
  return builder.stream(topic, TEXT)
}

describe('a mistake is a TopologyError that names what is wrong', () => {
  const windows = JoinWindows.ofTimeDifferenceWithNoGrace(10)
  const noop = () => ({ process: () => {} })
  it.each<[what: string, build: (b: StreamsBuilder) => void, message: RegExp]>([
    [
      'a sink without a value serde',
      (b) =>
        stream(b)
          .mapValues((v) => v.length)
          .to('out'),
      /sink KSTREAM-SINK-0000000002 to out needs a value serde/,
    ],
    [
      'a sink without a key serde',
      (b) =>
        stream(b)
          .selectKey((v) => v)
          .to('out'),
      /sink KSTREAM-SINK-\d+ to out needs a key serde/,
    ],
    [
      'a repartition without a key serde',
      (b) =>
        stream(b)
          .groupBy((v) => v.length)
          .count(),
      /repartition topic KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition needs a key serde/,
    ],
    [
      'an aggregate without a serde',
      (b) =>
        stream(b)
          .groupByKey()
          .aggregate(
            () => 0,
            (n) => n,
            { store: 'sums' },
          ),
      /store sums\) needs a value serde/,
    ],
    [
      'a table store without a serde',
      (b) => b.table('in', TEXT).mapValues((v) => v.length, { store: 'lengths' }),
      /store lengths\) needs a value serde/,
    ],
    [
      'a grouped table without serdes',
      (b) =>
        b
          .table('in', TEXT)
          .groupBy((v) => [v, v])
          .count(),
      /KTABLE-AGGREGATE-STATE-STORE-\d+-repartition needs a key serde/,
    ],
    [
      'a join without a serde',
      (b) =>
        stream(b).join(
          stream(b, 'in2').mapValues((v) => v),
          (a) => a,
          windows,
        ),
      /join KSTREAM-MERGE-\d+ \(other side\) needs a value serde/,
    ],
    [
      'one name for two nodes',
      (b) =>
        stream(b)
          .filter(() => true, { name: 'f' })
          .filter(() => true, { name: 'f' }),
      /two nodes with the name f/,
    ],
    [
      'one store for two tables',
      (b) => {
        b.table('a', { ...TEXT, store: 's' })
        b.table('b', { ...TEXT, store: 's' })
      },
      /store s is defined twice/,
    ],
    [
      'one name for a store of its own and a table',
      (b) => {
        b.addStateStore(Stores.keyValueStore('s', TEXT))
        b.table('a', { ...TEXT, store: 's' })
      },
      /store s is defined twice/,
    ],
    [
      'another store under a known name',
      (b) => {
        b.addStateStore(Stores.keyValueStore('s', TEXT))
        b.addStateStore(Stores.keyValueStore('s', NUMBERS))
      },
      /store s is defined twice/,
    ],
    [
      'a processor with a store that is not there',
      (b) => stream(b).process(noop, { stores: ['nowhere'] }),
      /store nowhere, wanted by KSTREAM-PROCESSOR-0000000001, is not in the topology/,
    ],
    [
      'a topic read as a stream and as a table',
      (b) => {
        stream(b)
        b.table('in', TEXT)
      },
      /topic in is read by KSTREAM-SOURCE-0000000000 already/,
    ],
    [
      'topics that overlap',
      (b) => {
        stream(b)
        b.stream(['in', 'more'], TEXT)
      },
      /topic in is read by/,
    ],
    [
      'one topic read with two serdes',
      (b) => {
        stream(b)
        b.stream('in', NUMBERS)
      },
      /both read in and must agree in their value serde/,
    ],
    [
      'one topic read from both ends',
      (b) => {
        stream(b)
        b.stream('in', { ...TEXT, offsetReset: 'latest' })
      },
      /must agree in their offset reset/,
    ],
    [
      'retention below what windows need',
      (b) => stream(b).groupByKey().windowedBy(tenSeconds()).count({ store: 'w', retention: '10s' }),
      /store w keeps windows for 10000 ms, but they can be asked for until 15000 ms/,
    ],
    [
      'a repartition topic twice',
      (b) => {
        stream(b).repartition({ name: 'r' })
        stream(b, 'x').repartition({ name: 'r' })
      },
      /two nodes with the name r-repartition-filter/,
    ],
  ])('%s', (_what, build, message) => {
    const make = () => {
      const builder = new StreamsBuilder()
      build(builder)
      builder.build()
    }
    expect(make).toThrow(TopologyError)
    expect(make).toThrow(message)
  })

  it('a store that no processor is connected to', async () => {
    const builder = new StreamsBuilder()
    stream(builder).to('out')
    builder.addStateStore(Stores.keyValueStore('alone', TEXT))
    await expect(TopologyTestDriver.create(builder.build())).rejects.toThrow(/store alone is connected to no processor/)
  })

  it('nothing at all', async () => {
    await expect(TopologyTestDriver.create(new StreamsBuilder().build())).rejects.toThrow(/no source/)
  })
})

function tenSeconds() {
  return TimeWindows.ofSizeAndGrace('10s', '5s')
}

describe('serdes', () => {
  it('stay known after a merge of streams with the same ones', () => {
    const builder = new StreamsBuilder()
    stream(builder).merge(stream(builder, 'in2')).to('out')
    expect(() => builder.build()).not.toThrow()
  })

  it('are asked for after a merge of streams that write other bytes', () => {
    const builder = new StreamsBuilder()
    const json = builder.stream('in2', { key: serdes.string, value: serdes.json<string>() })
    expect(() => stream(builder).merge(json).to('out')).toThrow(/needs a value serde/)
  })

  it('of the key stay known after a join', () => {
    const builder = new StreamsBuilder()
    const windows = JoinWindows.ofTimeDifferenceWithNoGrace(10)
    stream(builder)
      .join(stream(builder, 'in2'), (a, b) => a + b, windows)
      .to('out', { value: serdes.string })
    expect(() => builder.build()).not.toThrow()
  })
})

describe('a table', () => {
  it.each<
    [what: string, build: (b: StreamsBuilder) => { queryableStoreName: string | undefined }, name: string | undefined]
  >([
    ['without a store', (b) => b.table('in', TEXT), undefined],
    ['with a store', (b) => b.table('in', { ...TEXT, store: 'rows' }), 'rows'],
    ['of a count', (b) => stream(b).groupByKey().count(), undefined],
    ['of a named count', (b) => stream(b).groupByKey().count({ store: 'counts' }), 'counts'],
    ['of a global topic', (b) => b.globalTable('in', { ...TEXT, store: 'global' }), 'global'],
  ])('%s can be queried under its name: %s', (_what, build, name) => {
    expect(build(new StreamsBuilder()).queryableStoreName).toBe(name)
  })

  it('is kept only when somebody reads its rows', () => {
    const stores = (build: (b: StreamsBuilder) => void) => {
      const builder = new StreamsBuilder()
      build(builder)
      return [...builder.build().stores.keys()]
    }
    expect(stores((b) => b.table('in', TEXT).toStream().to('out'))).toEqual([])
    expect(
      stores((b) =>
        b
          .table('in', TEXT)
          .filter(() => true)
          .toStream()
          .to('out'),
      ),
    ).toEqual([])
    expect(
      stores((b) =>
        stream(b, 'x')
          .join(
            b.table('in', TEXT).filter(() => true),
            (v) => v,
          )
          .to('out', TEXT),
      ),
    ).toEqual(['in-STATE-STORE-0000000001'])
    expect(
      stores((b) =>
        b
          .table('in', TEXT)
          .groupBy((v) => [v, v], TEXT)
          .count(),
      ),
    ).toEqual(['in-STATE-STORE-0000000000', 'KTABLE-AGGREGATE-STATE-STORE-0000000004'])
  })
})

describe('a builder', () => {
  it('makes the same topology every time', () => {
    const builder = new StreamsBuilder()
    stream(builder).groupByKey().count().toStream().to('out')
    expect(builder.build().describe().toString()).toBe(builder.build().describe().toString())
  })
})
