import { afterEach, describe, expect, it } from 'vitest'
import {
  type DroppedRecord,
  JoinWindows,
  type KStream,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  serdes,
  TimeWindows,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type Side<V> = (stream: KStream<string | null, DroppedRecord<V>>) => void

const open: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.close()
})

/** Writes what is dropped to topic `dropped`, as JSON. */
const written: Side<string> = (stream) => stream.to('dropped', { value: serdes.json<DroppedRecord<string>>() })

async function drive(plan: (builder: StreamsBuilder) => unknown, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  plan(builder)
  const driver = await TopologyTestDriver.create(builder.build(), options)
  open.push(driver)
  const output = driver.createOutputTopic('dropped', {
    key: serdes.string,
    value: serdes.json<DroppedRecord<string>>(),
  })
  return {
    driver,
    input: (topic = 'in') => driver.createInputTopic(topic, TEXT),
    dropped: () => output.readRecords(),
    brief: () => output.readRecords().map(({ key, value }) => `${key}=${value?.value}: ${value?.reason}`),
  }
}

const stream = (builder: StreamsBuilder, topic = 'in') => builder.stream(topic, TEXT)

describe('a dropped record', () => {
  it('comes with its key, time, headers, and all that is known of why and where', async () => {
    const { input, dropped, driver } = await drive((b) =>
      stream(b)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
        .count({ store: 'counts', name: 'counting', dropped: written }),
    )
    const headers = [{ key: 'trace', value: Buffer.from('1') }]
    input().pipeInput('k', 'a', 25)
    input().pipeInput('k', 'b', { timestampMs: 7, headers })
    expect(dropped()).toEqual([
      {
        key: 'k',
        value: {
          value: 'b',
          reason: 'late',
          node: 'counting',
          timestampMs: 7,
          streamTimeMs: 25,
          windowStartMs: 0,
          windowEndMs: 10,
          topic: 'in',
          partition: 0,
          offset: 1,
        },
        timestampMs: 7,
        headers,
      },
    ])
    expect(driver.dropped.get('late')).toBe(1)
  })

  it('comes once for each of its windows', async () => {
    const windows = TimeWindows.ofSizeWithNoGrace(10).advanceBy(5)
    const { input, dropped } = await drive((b) =>
      stream(b).groupByKey().windowedBy(windows).count({ dropped: written }),
    )
    input().pipeInput('k', 'a', 30)
    input().pipeInput('k', 'b', 12)
    expect(dropped().map(({ value }) => [value?.windowStartMs, value?.windowEndMs])).toEqual([
      [5, 15],
      [10, 20],
    ])
  })

  it('goes on in the order of the records, before what the operator forwards next', async () => {
    const seen: string[] = []
    const { input } = await drive((b) =>
      stream(b)
        .groupByKey()
        .count({ dropped: (d) => d.foreach((r) => void seen.push(`dropped ${r.reason}`)) })
        .toStream()
        .foreach((count) => void seen.push(`count ${count}`)),
    )
    for (const value of ['a', null, 'b']) input().pipeInput('k', value)
    expect(seen).toEqual(['count 1', 'dropped null-value', 'count 2'])
  })

  it('may be grouped and counted like any other', async () => {
    const { input, driver } = await drive((b) =>
      stream(b)
        .groupByKey()
        .count({
          dropped: (d) =>
            d.groupBy((r) => r.reason, { key: serdes.string, value: serdes.json() }).count({ store: 'reasons' }),
        }),
    )
    input().pipeInput(null, 'a')
    input().pipeInput('k', null)
    input().pipeInput(null, 'b')
    const reasons = driver.getKeyValueStore<string, number>('reasons')
    expect([await reasons.get('null-key'), await reasons.get('null-value')]).toEqual([2, 1])
  })

  it('leaves the names of other nodes as they are, and is in the description of the topology', () => {
    const plan = (options: object) => {
      const builder = new StreamsBuilder()
      stream(builder).groupByKey().count(options).toStream().to('out', { value: serdes.long })
      return builder.build().describe().toString()
    }
    const plain = plan({})
    const named = plan({ dropped: (d: KStream<string, unknown>) => d.foreach(() => {}, { name: 'look' }) })
    const nodes = (text: string) => [...text.matchAll(/(?:Processor|Source|Sink): (\S+)/g)].map((m) => m[1])
    expect(nodes(named).filter((n) => !n?.endsWith('-dropped') && n !== 'look')).toHaveLength(nodes(plain).length)
    expect(named).toContain('Processor: KSTREAM-AGGREGATE-0000000002-dropped')
  })
})

describe('every operator that drops has the option:', () => {
  const before = JoinWindows.ofTimeDifferenceWithNoGrace(10)
  const cases: Record<string, [plan: (b: StreamsBuilder) => unknown, expected: readonly string[]]> = {
    aggregate: [
      (b) =>
        stream(b)
          .groupByKey()
          .aggregate(
            () => '',
            (a, v) => a + v,
            { value: serdes.string, dropped: written },
          ),
      ['null=x: null-key', 'k=null: null-value'],
    ],
    reduce: [
      (b) =>
        stream(b)
          .groupByKey()
          .reduce((a) => a, { dropped: written }),
      ['null=x: null-key', 'k=null: null-value'],
    ],
    'windowed reduce': [
      (b) =>
        stream(b)
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeWithNoGrace(5))
          .reduce((a) => a, { dropped: written }),
      ['null=x: null-key', 'k=y: late'],
    ],
    'sliding windows': [
      (b) =>
        stream(b).groupByKey().windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(5)).count({ dropped: written }),
      ['null=x: null-key', 'k=null: null-value', 'k=y: late'],
    ],
    'session windows': [
      (b) =>
        stream(b).groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5)).count({ dropped: written }),
      ['null=x: null-key', 'k=y: late'],
    ],
    toTable: [(b) => stream(b).toTable({ dropped: written }), ['null=x: null-key']],
    table: [(b) => b.table('in', { ...TEXT, dropped: written }), ['null=x: null-key']],
    'stream-table join': [
      (b) =>
        stream(b)
          .join(b.table('other', TEXT), (v) => v, { dropped: written })
          .foreach(() => {}),
      ['null=x: null-key', 'k=null: null-value'],
    ],
    'stream-global table join': [
      (b) =>
        stream(b)
          .join(
            b.globalTable('other', TEXT),
            (_v, k) => k,
            (v) => v,
            { dropped: written },
          )
          .foreach(() => {}),
      ['null=x: null-key', 'k=null: null-value'],
    ],
    'stream-stream join': [
      (b) =>
        stream(b)
          .join(stream(b, 'other'), (v) => v, before, { dropped: written })
          .foreach(() => {}),
      ['null=x: null-key', 'k=null: null-value'],
    ],
    'table-table join': [
      (b) =>
        b
          .table('in', { ...TEXT, store: 'kept' })
          .join(b.table('other', TEXT), (v) => v, { dropped: written })
          .toStream()
          .foreach(() => {}),
      [],
    ],
    'a sink': [
      (b) =>
        stream(b)
          .filter((value) => value !== null)
          .to('out', { partitioner: (_t, _k, value) => (value === 'x' ? [] : undefined), dropped: written }),
      ['null=x: production-error'],
    ],
    'process, of what it drops itself': [
      (b) =>
        stream(b).process<string, string>(
          () => {
            let drop: ((record: never) => unknown) | undefined
            return {
              init: (context) => {
                drop = (record) => context.drop(record, 'expired-window')
              },
              process: (record) => void (record.value === 'y' && drop?.(record as never)),
            }
          },
          { dropped: written },
        ),
      ['k=y: expired-window'],
    ],
  }

  it.each(Object.entries(cases))('%s', async (_name, [plan, expected]) => {
    const { input, brief } = await drive(plan)
    const topic = input()
    topic.pipeInput('k', 'a', 50)
    topic.pipeInput(null, 'x', 51)
    topic.pipeInput('k', null, 52)
    topic.pipeInput('k', 'y', 1)
    expect(brief()).toEqual(expected)
  })

  it('foreign-key joins: left rows and overtaken answers, and right rows apart', async () => {
    const other: string[] = []
    const reference = (value: string): string | null => (value === 'alone' ? null : value)
    const { input, brief } = await drive((b) =>
      b
        .table('in', TEXT)
        .join(b.table('other', TEXT), reference, (left, right) => `${left} ${right}`, {
          value: serdes.string,
          dropped: written,
          droppedOther: (d) => d.foreach((r) => void other.push(r.reason)),
        })
        .toStream()
        .foreach(() => {}),
    )
    input('other').pipeInput('r', 'right', 1)
    input('in').pipeInput('k', 'r', 2)
    input('in').pipeInput('l', 'alone', 3)
    expect(brief()).toEqual(['l=alone: null-foreign-key'])
    expect(other).toEqual([])
  })

  it('a self join in one store too', async () => {
    const builder = new StreamsBuilder()
    const both = stream(builder)
    both.join(both, (v) => v, before, { dropped: written }).foreach(() => {})
    const driver = await TopologyTestDriver.create(builder.build({ topologyOptimization: 'all' } as never))
    open.push(driver)
    driver.createInputTopic('in', TEXT).pipeInput(null, 'x')
    const output = driver.createOutputTopic('dropped', {
      key: serdes.string,
      value: serdes.json<DroppedRecord<string>>(),
    })
    expect(output.readRecords().map(({ value }) => value?.reason)).toContain('null-key')
  })

  it('asynchronous operators, with what was thrown', async () => {
    const { input, dropped } = await drive((b) =>
      stream(b)
        .mapValuesAsync(
          async (value) => {
            if (value === 'bad') throw new Error('refused')
            return value
          },
          { onError: 'drop', dropped: written },
        )
        .to('out', TEXT),
    )
    await input().pipeInputAsync('k', 'a')
    await input().pipeInputAsync('k', 'bad')
    expect(dropped()).toMatchObject([
      { value: { value: 'bad', reason: 'processing-error', error: 'refused', offset: 1 } },
    ])
  })
})

describe('a source', () => {
  const number = { key: serdes.string, value: serdes.integer }

  it('hands over the bytes of what cannot be read, with the reason, in the place of the record', async () => {
    const seen: string[] = []
    const { driver } = await drive(
      (b) =>
        b
          .stream('in', {
            ...number,
            droppedUnread: (d) =>
              d.foreach(({ value, reason, error, offset }, key) => {
                seen.push(`${key}=${value}: ${reason} ${error} @${offset}`)
              }),
          })
          .foreach((value) => void seen.push(`read ${value}`)),
      { onDeserializationError: () => 'continue' },
    )
    const good = driver.createInputTopic('in', number)
    good.pipeInput('k', 1)
    driver.createInputTopic('in', TEXT).pipeInput('k', 'wrong')
    driver.createInputTopic('in', TEXT).pipeInput('k', 'never')
    good.pipeInput('k', 2)
    expect(seen).toEqual([
      'read 1',
      'k=wrong: deserialization-error integer needs 4 bytes, got 5 @1',
      'k=never: deserialization-error integer needs 4 bytes, got 5 @2',
      'read 2',
    ])
    expect(driver.dropped.get('deserialization-error')).toBe(2)
  })

  it('and of what has no valid time', async () => {
    const seen: unknown[] = []
    const { input } = await drive((b) =>
      b
        .stream('in', {
          ...TEXT,
          timestampExtractor: ({ value, timestampMs }) => (value === 'x' ? -1 : timestampMs),
          droppedUnread: (d) => d.foreach((r) => void seen.push([String(r.value), r.reason, r.timestampMs])),
        })
        .foreach(() => {}),
    )
    input().pipeInput('k', 'a', 5)
    input().pipeInput('k', 'x', 6)
    expect(seen).toEqual([['x', 'invalid-timestamp', 6]])
  })
})
