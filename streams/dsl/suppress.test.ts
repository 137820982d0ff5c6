import { describe, expect, it } from 'vitest'
import {
  BufferConfig,
  type KTable,
  type Processor,
  type ProcessorContext,
  StreamRecord,
  StreamsBuilder,
  type SuppressBufferFullError,
  Suppressed,
  serdes,
  TimeWindows,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  type Windowed,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const { unbounded, maxRecords, maxBytes } = BufferConfig
const { untilTimeLimit, untilWindowCloses } = Suppressed
const sum = { add: (a: number, v: number): number => a + v, subtract: (a: number, v: number): number => a - v }

async function run(build: (builder: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app', ...options })
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  return {
    driver,
    pipe: (key: string, value: string | null, timestampMs: number): void =>
      input.pipeInput(key, value as never, { timestampMs }),
    sent: (): string[] => output.readRecords().map((r) => `${r.key}=${r.value}@${r.timestampMs}`),
  }
}

const counts = (builder: StreamsBuilder, windows = TimeWindows.ofSizeAndGrace(10, 5), caching = false) =>
  builder.stream('in', TEXT).groupByKey().windowedBy(windows).count({ store: 'counts', caching })
const out = (table: KTable<Windowed<string>, number>): void =>
  table
    .toStream()
    .map((count, { key, startMs }) => [key, `${startMs}:${count}`])
    .to('out', TEXT)

class Where implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
  }

  process(record: StreamRecord<string, string>) {
    const { topic, partition, offset } = this.#context.recordMetadata() ?? {}
    return this.#context.forward(record.withValue(`${record.value} of ${topic}-${partition}-${offset}`))
  }
}

/** Makes a record every 10 ms of the wall clock. */
function ticking(): Processor<string, string, string, string> {
  let context!: ProcessorContext<string, string>
  return {
    init: (given) => {
      context = given
      context.schedule(10, 'wall-clock-time', (nowMs) => context.forward(new StreamRecord('tick', `${nowMs}`, nowMs)))
    },
    process: (record) => context.forward(record),
  }
}

describe('what is full', () => {
  it.each([
    ['records', maxRecords(1).shutDownWhenFull(), /2 records of 1 and 0 bytes of Infinity/],
    ['bytes', maxBytes(60).shutDownWhenFull(), /2 records of Infinity and 64 bytes of 60/],
  ] as const)('stops with an error that names the node and the limit: %s', async (_what, buffer, message) => {
    const { pipe, driver } = await run((b) =>
      b.table('in', TEXT).suppress(untilTimeLimit('1d', buffer), { name: 'wait' }).toStream().to('out', TEXT),
    )
    pipe('a', '1', 0)
    const stop = (): void => pipe('b', '1', 0)
    expect(stop).toThrow(message)
    expect(stop).toThrow(
      expect.objectContaining({
        name: 'SuppressBufferFullError',
        nodeName: 'wait',
        recovery: 'stop',
      }) as SuppressBufferFullError,
    )
    await driver.close()
  })

  it('counts bytes as they come and go', async () => {
    const { pipe, sent, driver } = await run((b) =>
      b
        .table('in', TEXT)
        .suppress(untilTimeLimit('1d', maxBytes(60)))
        .toStream()
        .to('out', TEXT),
    )
    pipe('a', '1', 0)
    pipe('a', 'more', 1)
    expect(sent()).toEqual([])
    pipe('b', '1', 2)
    expect(sent()).toEqual(['a=more@1'])
    await driver.close()
  })
})

describe('what cannot be', () => {
  it('is to wait for windows of a table that has none: the error names the way', () => {
    const table = new StreamsBuilder().table('in', TEXT).filter(() => true, { name: 'some' })
    expect(() => table.suppress(untilWindowCloses(unbounded()) as never)).toThrow(TopologyError)
    expect(() => table.suppress(untilWindowCloses(unbounded()) as never)).toThrow(
      /windowed aggregation above.*KSTREAM-SOURCE-0000000001 → KTABLE-SOURCE-0000000002 → some/,
    )
  })

  it('is that one side of a join has windows and the other has not', () => {
    const builder = new StreamsBuilder()
    const windowed = counts(builder)
    const keyed = builder.table('rows', { key: windowed.table.serdes.key as never, value: serdes.string })
    const joined = windowed.join(keyed as unknown as KTable<Windowed<string>, string>, (n) => n, { value: serdes.long })
    expect(() => joined.suppress(untilWindowCloses(unbounded()))).toThrow(/KTABLE-SOURCE/)
  })

  it('is a final result that is sent early', () => {
    expect(() => untilWindowCloses(maxRecords(1) as never)).toThrow(/never sends early/)
  })

  it('is a versioned table', () => {
    const table = new StreamsBuilder().table('in', { ...TEXT, store: 'v', versioned: { historyRetention: '1h' } })
    expect(() => table.suppress(untilTimeLimit(1, unbounded()))).toThrow(
      /KTABLE-SOURCE-0000000001 is a versioned table/,
    )
  })

  it.each([
    ['a negative time', () => untilTimeLimit(-1, unbounded()), /must not be negative/],
    ['a negative limit', () => maxRecords(-1), /limited to -1 records/],
    ['a limit that is no number', () => maxBytes(Number.NaN), /limited to NaN bytes/],
    ['no idle timeout', () => untilWindowCloses(unbounded(), { idleTimeout: 0 }), /must be positive/],
    [
      'values of no known serde',
      () =>
        new StreamsBuilder()
          .table('in', TEXT)
          .mapValues((v) => v.length)
          .suppress(untilTimeLimit(1, unbounded())),
      /the buffer KTABLE-SUPPRESS-STATE-STORE-\d+ of KTABLE-SUPPRESS-\d+ needs a value serde/,
    ],
  ] as const)('is %s', (_what, make, message) => {
    expect(make).toThrow(message)
  })

  it('is a serde given late: it may be given here', async () => {
    const { pipe, sent, driver } = await run((b) =>
      b
        .table('in', TEXT)
        .mapValues((v) => v.length)
        .suppress(untilTimeLimit(5, unbounded()), { value: serdes.integer })
        .toStream()
        .mapValues(String)
        .to('out', TEXT),
    )
    pipe('a', 'four', 0)
    pipe('b', 'x', 5)
    expect(sent()).toEqual(['a=4@0'])
    await driver.close()
  })
})

describe('a configuration', () => {
  it('keeps what another call has set', () => {
    const buffer = maxRecords(3).withMaxBytes(9).withLoggingDisabled().shutDownWhenFull().withMaxRecords(4)
    expect(buffer).toMatchObject({ kind: 'strict', maxRecords: 4, maxBytes: 9, changelogConfigs: undefined })
    expect(buffer.withNoBound()).toMatchObject({ kind: 'strict', maxRecords: Number.POSITIVE_INFINITY })
    expect(buffer.withLoggingEnabled({ a: 'b' }).emitEarlyWhenFull()).toMatchObject({
      kind: 'eager',
      changelogConfigs: { a: 'b' },
    })
  })

  it('decides about the changelog', async () => {
    const without = await run((b) =>
      b.table('in', TEXT).suppress(untilTimeLimit(5, unbounded().withLoggingDisabled())).toStream().to('out', TEXT),
    )
    without.pipe('a', '1', 0)
    expect(without.driver.producedTopicNames()).toEqual(['app-in-STATE-STORE-0000000000-changelog'])
    await without.driver.close()
  })
})

/** Where Kafka Streams says of a replaced update that the one before it was there, which nobody has seen. */
describe('the old value of what is sent', () => {
  it('is what was sent before: a group loses what it was given, and nothing else', async () => {
    const { pipe, sent, driver } = await run((b) =>
      b
        .table('in', TEXT)
        .suppress(untilTimeLimit(10, unbounded()))
        .groupBy((v) => ['all', Number(v)] as const, { key: serdes.string, value: serdes.integer })
        .aggregate(() => 0, sum.add, sum.subtract, { store: 'sums', value: serdes.integer, caching: false })
        .toStream()
        .mapValues(String)
        .to('out', TEXT),
    )
    pipe('a', '1', 0)
    pipe('a', '2', 1)
    pipe('tick', '0', 10)
    expect(sent()).toEqual(['all=2@1'])
    pipe('a', '10', 11)
    pipe('a', '20', 12)
    pipe('tick', '0', 30)
    expect(sent().at(-1)).toMatch(/^all=20@/)
    pipe('a', null, 31)
    pipe('tick', '0', 60)
    expect(sent().at(-1)).toMatch(/^all=0@/)
    await driver.close()
  })

  it('tells a filter that a row was there: its deletion is sent', async () => {
    const { pipe, sent, driver } = await run((b) =>
      b
        .table('in', TEXT)
        .suppress(untilTimeLimit(10, unbounded()))
        .filter((v) => v.startsWith('+'))
        .toStream()
        .to('out', TEXT),
    )
    pipe('a', '+1', 0)
    pipe('tick', '', 10)
    pipe('a', '-1', 11)
    pipe('a', '-2', 12)
    pipe('tick', '', 30)
    expect(sent()).toEqual(['a=+1@0', 'a=null@12'])
    await driver.close()
  })
})

describe('what is sent', () => {
  it.each([undefined, 0])('has the origin of its own record (record cache of %s bytes)', async (cacheMaxBytes) => {
    const { pipe, sent, driver } = await run(
      (b) =>
        b
          .table('in', { ...TEXT, store: 'rows' })
          .suppress(untilTimeLimit(5, unbounded()))
          .toStream()
          .process(() => new Where())
          .to('out', TEXT),
      cacheMaxBytes === undefined ? {} : { cacheMaxBytes },
    )
    pipe('a', '1', 0)
    pipe('a', '2', 1)
    pipe('b', '1', 2)
    pipe('c', '1', 7)
    expect(sent()).toEqual(['a=2 of in-0-1@1', 'b=1 of in-0-2@2'])
    await driver.close()
  })

  it('comes once per commit of the table above it, with the last of each key', async () => {
    const { pipe, sent, driver } = await run(
      (b) => out(counts(b, undefined, true).suppress(untilWindowCloses(unbounded()))),
      {
        commitEveryRecord: false,
      },
    )
    for (const at of [0, 1, 2, 3]) pipe('a', 'x', at)
    pipe('b', 'x', 12)
    driver.commit()
    pipe('a', 'x', 4)
    pipe('c', 'x', 30)
    expect(sent()).toEqual([])
    driver.commit()
    expect(sent()).toEqual(['a=0:5@4', 'b=10:1@12'])
    await driver.close()
  })
})

describe('what waits', () => {
  it('does not change with the aggregate that it was made from', async () => {
    const seen: string[][] = []
    const { pipe, driver } = await run((b) =>
      b
        .stream('in', TEXT)
        .groupByKey()
        .aggregate(
          (): string[] => [],
          (list, v) => {
            list.push(v)
            return list
          },
          { store: 'lists', value: serdes.json<string[]>() },
        )
        .suppress(untilTimeLimit('1d', maxRecords(1)))
        .toStream()
        .foreach((list) => seen.push(list)),
    )
    pipe('a', '1', 0)
    pipe('a', '2', 1)
    pipe('b', '1', 2)
    pipe('a', '3', 3)
    pipe('b', '2', 4)
    pipe('a', '4', 5)
    expect(seen).toEqual([['1', '2'], ['1'], ['1', '2', '3'], ['1', '2']])
    await driver.close()
  })

  it('has no origin when it was made in a punctuation, and comes back all the same', async () => {
    const { pipe, sent, driver } = await run(
      (b) => {
        const numbers = b.stream('in', TEXT).processValues(ticking)
        numbers
          .groupByKey(TEXT)
          .reduce((_before, v) => v, { store: 'latest', value: serdes.string })
          .suppress(untilTimeLimit(50, unbounded()))
          .toStream()
          .process(() => new Where())
          .to('out', TEXT)
      },
      { restartable: true },
    )
    driver.advanceWallClockTime(10)
    await driver.restart({ state: 'lost' })
    pipe('a', '1', 60)
    expect(sent()).toEqual(['tick=10 of undefined-undefined-undefined@10'])
    await driver.close()
  })
})

describe('an idle timeout', () => {
  const final = (b: StreamsBuilder): void =>
    out(counts(b).suppress(untilWindowCloses(unbounded(), { idleTimeout: 100 })))

  it('closes windows in silence, once', async () => {
    const { pipe, sent, driver } = await run(final)
    pipe('a', 'x', 3)
    pipe('a', 'x', 4)
    driver.advanceWallClockTime(110)
    expect(sent()).toEqual([])
    driver.advanceWallClockTime(90)
    expect(sent()).toEqual(['a=0:2@4'])
    pipe('a', 'x', 5)
    expect(sent()).toEqual([])
    expect(driver.dropped.get('late')).toBe(1)
    pipe('a', 'x', 110)
    pipe('a', 'x', 150)
    expect(sent()).toEqual(['a=110:1@110'])
    await driver.close()
  })

  it('is not needed while records come', async () => {
    const { pipe, sent, driver } = await run(final)
    for (let at = 0; at < 10; at++) {
      pipe('a', 'x', 0)
      driver.advanceWallClockTime(90)
    }
    expect(sent()).toEqual([])
    await driver.close()
  })

  it('remembers over a restart what silence has closed', async () => {
    const { pipe, sent, driver } = await run(final, { restartable: true })
    pipe('a', 'x', 3)
    driver.advanceWallClockTime(200)
    expect(sent()).toEqual(['a=0:1@3'])
    await driver.restart({ state: 'lost' })
    pipe('a', 'x', 5)
    expect(sent()).toEqual([])
    await driver.close()
  })
})
