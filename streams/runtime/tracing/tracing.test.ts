import { afterEach, describe, expect, it } from 'vitest'
import { type Headers, lastHeader } from '../../../common/record.ts'
import { MemoryTracer } from '../../../test/support/memory-tracer.ts'
import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  type KeyValueStore,
  logAndContinue,
  StreamRecord,
  StreamsBuilder,
  Suppressed,
  serdes,
  TimeWindows,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const COUNTS = { key: serdes.string, value: serdes.long }
const trace = (digit: string): string => digit.repeat(32)
const parent = (digit: string): Headers => [
  { key: 'id', value: Buffer.from(digit) },
  { key: 'traceparent', value: Buffer.from(`00-${trace(digit)}-${digit.repeat(16)}-01`) },
]

const drivers: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.close()
})

async function run(builder: StreamsBuilder, options: TopologyTestDriverOptions & { isSampled?: boolean } = {}) {
  const { isSampled = true, ...given } = options
  const tracer = new MemoryTracer({ isSampled })
  const driver = await TopologyTestDriver.create(builder.build(), { tracing: tracer.tracing, ...given })
  drivers.push(driver)
  return {
    tracer,
    driver,
    topic: (name: string) => {
      const input = driver.createInputTopic(name, TEXT)
      return (key: string, value: string, timestampMs: number, headers?: Headers) =>
        input.pipeInput(key, value, headers === undefined ? { timestampMs } : { timestampMs, headers })
    },
    /** `trace/span` that each record of a topic carries. */
    carried: (name: string) =>
      driver.capturedRecords(name).map(({ headers }) => {
        const [, traceId, spanId] = String(lastHeader(headers, 'traceparent')).split('-')
        return `${traceId}/${spanId}`
      }),
  }
}

const nameOf = ({ context }: { context: { traceId: string; spanId: string } }): string =>
  `${context.traceId}/${context.spanId}`

describe('a record', () => {
  it('goes on the trace that it came with: its span is below that of its header, and what is written carries it', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .mapValues((value) => value.toUpperCase())
      .to('out', TEXT)
    const { tracer, topic, carried } = await run(builder)
    topic('in')('a', 'x', 1, parent('1'))
    const [span] = tracer.spans
    expect(tracer.spans).toHaveLength(1)
    expect(span).toMatchObject({ name: 'process in', kind: 4, isEnded: true, links: [], status: undefined })
    expect(span?.parent).toMatchObject({ traceId: trace('1'), spanId: '1'.repeat(16), isRemote: true })
    expect(span?.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.consumer.group.name': 'test',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'in',
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 0,
      'brook.task.id': '0_0',
    })
    expect(carried('out')).toEqual([nameOf(span as NonNullable<typeof span>)])
    expect(tracer.active).toEqual([span?.context])
  })

  it('without a trace begins one, and keeps its other headers', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).to('out', TEXT)
    const { tracer, driver, topic } = await run(builder)
    topic('in')('a', 'x', 1, [{ key: 'id', value: Buffer.from('7') }])
    expect(tracer.spans[0]?.parent).toBeUndefined()
    expect(driver.capturedRecords('out')[0]?.headers.map(({ key }) => key)).toEqual(['id', 'traceparent'])
  })

  it('is on one trace through a repartition topic', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupBy((value) => value, TEXT)
      .count({ store: 'counts', caching: false })
      .toStream()
      .to('out', COUNTS)
    const { tracer, topic, carried } = await run(builder)
    topic('in')('a', 'x', 1, parent('1'))
    expect(tracer.spans.map(({ name }) => name)).toEqual(['process in', 'process test-counts-repartition'])
    expect(tracer.spans[1]?.parent).toMatchObject({ spanId: tracer.spans[0]?.context.spanId })
    expect(carried('out')).toEqual([`${trace('1')}/${tracer.spans[1]?.context.spanId}`])
  })

  it('that an operator fails at has a span that says so, also where the handler goes on', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .mapValues((): string => {
        throw new Error('no')
      })
      .to('out', TEXT)
    const { tracer, topic } = await run(builder, { onProcessingError: logAndContinue })
    topic('in')('a', 'x', 1)
    expect(tracer.spans[0]).toMatchObject({ status: 2, isEnded: true, errors: [new Error('no')] })
  })
})

describe('state', () => {
  it('of an aggregate links the update to the one before it of the same key', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count({ store: 'c', caching: false }).toStream().to('out', COUNTS)
    const { tracer, topic, carried } = await run(builder)
    const pipe = topic('in')
    pipe('a', 'x', 1, parent('1'))
    pipe('b', 'x', 2, parent('2'))
    pipe('a', 'x', 3, parent('3'))
    const [first, second, third] = tracer.spans
    expect(first?.links).toEqual([])
    expect(second?.links).toEqual([])
    expect(third?.links).toEqual([first?.context])
    expect(carried('out')).toEqual(tracer.spans.map(nameOf))
  })

  it('of a joined table links the result to the update of the row', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .join(builder.table('names', { ...TEXT, store: 'names' }), (value, name) => value + name)
      .to('out', TEXT)
    const { tracer, topic, carried } = await run(builder)
    topic('names')('a', 'Ann', 1, parent('1'))
    topic('in')('a', 'x', 2, parent('2'))
    const [row, record] = tracer.spans
    expect(record?.links).toEqual([row?.context])
    expect(carried('out')).toEqual([`${trace('2')}/${record?.context.spanId}`])
  })

  it('of the other stream links the result to each record that it was joined with', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('left', TEXT)
      .join(builder.stream('right', TEXT), (l, r) => l + r, JoinWindows.ofTimeDifferenceAndGrace(10, 0), TEXT)
      .to('out', TEXT)
    const { tracer, topic, carried } = await run(builder)
    topic('left')('a', '1', 100, parent('1'))
    topic('left')('a', '2', 101, parent('2'))
    topic('right')('a', 'r', 102, parent('3'))
    const [one, two, three] = tracer.spans
    expect(three?.links).toEqual([one?.context, two?.context])
    expect(carried('out')).toEqual(Array(2).fill(nameOf(three as NonNullable<typeof three>)))
  })

  it('of a closed window links the record that closes it to the last that changed it', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(10, 0))
      .emitStrategy(EmitStrategy.onWindowClose())
      .count({ store: 'w' })
      .toStream()
      .selectKey((_count, { key }) => key)
      .to('out', COUNTS)
    const { tracer, topic, carried } = await run(builder)
    const pipe = topic('in')
    pipe('a', 'x', 1, parent('1'))
    pipe('a', 'x', 2, parent('2'))
    pipe('b', 'x', 20, parent('3'))
    const [, last, closing] = tracer.spans
    expect(closing?.links).toEqual([last?.context])
    expect(carried('out')).toEqual([nameOf(closing as NonNullable<typeof closing>)])
  })

  it('has rows without any trace: their bytes are the same as without a tracer', async () => {
    const topology = (): StreamsBuilder => {
      const builder = new StreamsBuilder()
      builder.stream('in', TEXT).groupByKey().count({ store: 'c' })
      return builder
    }
    const values: unknown[] = []
    for (const options of [{}, { tracing: undefined as never }]) {
      const { driver, topic } = await run(topology(), options)
      topic('in')('a', 'x', 1)
      values.push(driver.capturedRecords('test-c-changelog').map(({ key, value }) => [key, value]))
    }
    expect(values[0]).toEqual(values[1])
  })

  it('is not looked after for traces that are not sampled, which are carried on all the same', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count({ store: 'c', caching: false }).toStream().to('out', COUNTS)
    const { tracer, topic, driver } = await run(builder, { isSampled: false })
    topic('in')('a', 'x', 1, parent('1'))
    topic('in')('a', 'x', 2, parent('2'))
    expect(tracer.spans.flatMap(({ links }) => links)).toEqual([])
    const headers = driver.capturedRecords('out').map(({ headers: all }) => String(lastHeader(all, 'traceparent')))
    expect(headers.map((text) => text.slice(3, 35))).toEqual([trace('1'), trace('2')])
    expect(headers.every((text) => text.endsWith('-00'))).toBe(true)
  })
})

describe('what is held back', () => {
  it('by `suppress` goes on the trace of its own record, linked to the one that set it free', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(10, 0))
      .count({ store: 'w', caching: false })
      .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
      .toStream()
      .selectKey((_count, { key }) => key)
      .to('out', COUNTS)
    const { tracer, topic, carried } = await run(builder)
    topic('in')('a', 'x', 1, parent('1'))
    topic('in')('b', 'x', 20, parent('2'))
    const [own, freeing, result] = tracer.spans
    expect(result).toMatchObject({ name: 'continue in', kind: 0, parent: { spanId: own?.context.spanId } })
    expect(result?.links).toEqual([freeing?.context])
    expect(result?.isEnded).toBe(true)
    expect(carried('out')).toEqual([`${trace('1')}/${result?.context.spanId}`])
  })

  it('by `suppress`, over a restart that has lost local state, too', async () => {
    const builder = new StreamsBuilder()
    builder
      .table('in', TEXT)
      .suppress(Suppressed.untilTimeLimit(10, BufferConfig.unbounded()))
      .toStream()
      .to('out', TEXT)
    const { driver, tracer, topic, carried } = await run(builder, { restartable: true })
    topic('in')('a', 'x', 1, parent('1'))
    const own = tracer.spans[0]
    await driver.restart({ state: 'lost' })
    topic('in')('b', 'x', 20, parent('2'))
    const result = tracer.named('continue in')[0]
    expect(result?.parent).toMatchObject({ traceId: trace('1'), spanId: own?.context.spanId })
    expect(carried('out')).toEqual([`${trace('1')}/${result?.context.spanId}`])
  })

  it('by the record cache goes on the trace of the last update', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count({ store: 'c', caching: true }).toStream().to('out', COUNTS)
    const { driver, tracer, topic, carried } = await run(builder, { commitEveryRecord: false })
    topic('in')('a', 'x', 1, parent('1'))
    topic('in')('a', 'x', 2, parent('2'))
    driver.commit()
    const [, last, result] = tracer.spans
    expect(result?.parent).toEqual(last?.context)
    expect(carried('out')).toEqual([`${trace('2')}/${result?.context.spanId}`])
  })

  it('by a call that goes on outside goes on the trace of its record', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .mapValuesAsync(async (value) => value.toUpperCase())
      .to('out', TEXT)
    const { driver, tracer, carried } = await run(builder)
    const input = driver.createInputTopic('in', TEXT)
    await input.pipeInputAsync('a', 'x', { timestampMs: 1, headers: parent('1') })
    const results = tracer.named('continue in')
    expect(results.length).toBeGreaterThan(0)
    expect(results.every(({ parent: own }) => own === tracer.spans[0]?.context)).toBe(true)
    expect(carried('out')).toEqual([nameOf(results.at(-1) as NonNullable<(typeof results)[0]>)])
    expect(tracer.spans.every(({ isEnded }) => isEnded)).toBe(true)
  })
})

describe('a punctuation', () => {
  it('has a span of its own when it sends something, linked to what it has used, and none when it does not', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .count({ store: 'c', caching: false })
      .toStream()
      .process<string, number>(
        () => ({
          init(context) {
            context.schedule(100, 'wall-clock-time', (nowMs) => {
              if (nowMs < 200) return
              const found = context.getStateStore<KeyValueStore<string, number>>('c').get('a') as number
              return context.forward(new StreamRecord('a', found, nowMs))
            })
          },
          process() {},
        }),
        { stores: ['c'] },
      )
      .to('out', COUNTS)
    const { driver, tracer, topic, carried } = await run(builder)
    topic('in')('a', 'x', 1, parent('1'))
    driver.advanceWallClockTime(100)
    expect(tracer.spans).toHaveLength(1)
    driver.advanceWallClockTime(100)
    const [record, punctuation] = tracer.spans
    expect(punctuation).toMatchObject({ parent: undefined, kind: 0, isEnded: true })
    expect(punctuation?.name).toMatch(/^punctuate KSTREAM-PROCESSOR/)
    expect(punctuation?.links).toEqual([record?.context])
    expect(carried('out')).toEqual([nameOf(punctuation as NonNullable<typeof punctuation>)])
  })
})

describe('without a tracer', () => {
  it('headers are carried as they are', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count({ store: 'c', caching: false }).toStream().to('out', COUNTS)
    const driver = await TopologyTestDriver.create(builder.build())
    drivers.push(driver)
    driver.createInputTopic('in', TEXT).pipeInput('a', 'x', { timestampMs: 1, headers: parent('1') })
    expect(driver.capturedRecords('out')[0]?.headers).toEqual(parent('1'))
  })
})
