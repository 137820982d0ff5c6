import { describe, expect, test } from 'vitest'
import {
  BufferConfig,
  CalendarWindows,
  EmitStrategy,
  intervalWindowedSerde,
  type KGroupedStream,
  type KTable,
  StreamsBuilder,
  Suppressed,
  serdes,
  TimeWindows,
  TopologyTestDriver,
  type Windowed,
} from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const HOUR_MS = 3_600_000
const at = (text: string): number => Date.parse(text)
const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16)
type Input = readonly [key: string, value: string, time: string | number]

const out = { key: intervalWindowedSerde(serdes.string), value: serdes.string }

async function run(
  inputs: readonly Input[],
  table: (grouped: KGroupedStream<string, string>) => KTable<Windowed<string>, string>,
  options: { cacheMaxBytes?: number; commitEveryRecord?: boolean } = { cacheMaxBytes: 0 },
) {
  const builder = new StreamsBuilder()
  table(builder.stream('in', TEXT).groupByKey()).toStream().to('out')
  const driver = await TopologyTestDriver.create(builder.build(), options)
  const input = driver.createInputTopic('in', TEXT)
  for (const [key, value, time] of inputs) input.pipeInput(key, value, typeof time === 'number' ? time : at(time))
  if (options.commitEveryRecord === false) driver.commit()
  const rows = driver
    .createOutputTopic('out', out)
    .readRecords()
    .map(({ key, value }) => `${key?.key} ${iso(key?.startMs ?? 0)}/${iso(key?.endMs ?? 0)} ${value}`)
  return { driver, rows, late: driver.dropped.get('late') ?? 0 }
}

const concat = (all: string, value: string): string => all + value

describe('days of Paris', () => {
  const days = CalendarWindows.days('Europe/Paris', { grace: '1h' })
  const autumn: Input[] = [
    ['a', '1', '2026-10-24T21:59Z'],
    ['a', '2', '2026-10-24T22:00Z'],
    ['a', '3', '2026-10-25T22:59Z'],
    ['a', '4', '2026-10-25T23:00Z'],
  ]

  test('have 25 hours when the clock is set back, in the keys too', async () => {
    const { rows } = await run(autumn, (grouped) => grouped.windowedBy(days).reduce(concat, { store: 'days' }))
    expect(rows).toEqual([
      'a 2026-10-23T22:00/2026-10-24T22:00 1',
      'a 2026-10-24T22:00/2026-10-25T23:00 2',
      'a 2026-10-24T22:00/2026-10-25T23:00 23',
      'a 2026-10-25T23:00/2026-10-26T23:00 4',
    ])
  })

  test('take records until grace is over after their own end', async () => {
    const inputs: Input[] = [
      ...autumn.slice(0, 3),
      ['b', 'x', '2026-10-25T23:59Z'],
      ['a', '4', '2026-10-25T22:00Z'],
      ['b', 'x', '2026-10-26T00:00Z'],
      ['a', '5', '2026-10-25T22:00Z'],
      ['a', '6', '2026-10-25T23:00Z'],
    ]
    const { rows, late } = await run(inputs, (grouped) => grouped.windowedBy(days).reduce(concat))
    expect(rows.filter((row) => row.startsWith('a')).slice(2)).toEqual([
      'a 2026-10-24T22:00/2026-10-25T23:00 23',
      'a 2026-10-24T22:00/2026-10-25T23:00 234',
      'a 2026-10-25T23:00/2026-10-26T23:00 6',
    ])
    expect(late).toBe(1)
  })

  test('are sent once when they have closed', async () => {
    const closing: Input[] = [
      ...autumn,
      ['a', '5', '2026-10-25T23:59Z'],
      ['a', '6', '2026-10-26T00:00Z'],
      ['a', '7', '2026-10-27T00:00Z'],
    ]
    const expected = [
      'a 2026-10-23T22:00/2026-10-24T22:00 1',
      'a 2026-10-24T22:00/2026-10-25T23:00 23',
      'a 2026-10-25T23:00/2026-10-26T23:00 456',
    ]
    const emitted = await run(closing, (grouped) =>
      grouped.windowedBy(days).emitStrategy(EmitStrategy.onWindowClose()).reduce(concat),
    )
    expect(emitted.rows).toEqual(expected)
    const suppressed = await run(closing, (grouped) =>
      grouped.windowedBy(days).reduce(concat).suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded())),
    )
    expect(suppressed.rows).toEqual(expected)
  })

  test('can be queried by key and time, and joined to other tables by their keys', async () => {
    const { driver } = await run(autumn, (grouped) => grouped.windowedBy(days).reduce(concat, { store: 'days' }))
    const store = driver.getWindowStore<string, string>('days')
    expect(await store.fetch('a', at('2026-10-24T00:00Z'), at('2026-10-26T00:00Z'))).toMatchObject([
      { windowStartMs: at('2026-10-24T22:00Z'), value: '23' },
      { windowStartMs: at('2026-10-25T23:00Z'), value: '4' },
    ])
    expect(store.get('a', at('2026-10-24T22:00Z'))).toBe('23')
  })
})

test('count and aggregate, with the record cache: the last of each window per commit', async () => {
  const builder = new StreamsBuilder()
  const windowed = builder.stream('in', TEXT).groupByKey().windowedBy(CalendarWindows.months('America/New_York'))
  windowed.count().toStream().to('counts')
  windowed
    .aggregate(
      () => [] as string[],
      (list, value) => {
        list.push(value)
        return list
      },
      { value: serdes.json<string[]>() },
    )
    .toStream()
    .to('lists')
  const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
  const input = driver.createInputTopic('in', TEXT)
  for (const [value, time] of [
    ['1', '2026-03-01T05:00Z'],
    ['2', '2026-04-01T03:59Z'],
    ['3', '2026-04-01T04:00Z'],
  ] as const)
    input.pipeInput('k', value, at(time))
  driver.commit()
  const key = intervalWindowedSerde(serdes.string)
  const read = (topic: string, value: typeof serdes.long) =>
    driver
      .createOutputTopic(topic, { key, value })
      .readRecords()
      .map((r) => [iso(r.key?.startMs ?? 0), iso(r.key?.endMs ?? 0), r.value])
  expect(read('counts', serdes.long)).toEqual([
    ['2026-03-01T05:00', '2026-04-01T04:00', 2],
    ['2026-04-01T04:00', '2026-05-01T04:00', 1],
  ])
  expect(read('lists', serdes.json<number>()).map((row) => row[2])).toEqual([['1', '2'], ['3']])
  await driver.close()
})

test('outside of a schedule a record is in no window, and not late', async () => {
  const office = CalendarWindows.schedule('Europe/Paris', [
    { days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], from: '08:00', to: '18:00' },
  ])
  const { rows, late } = await run(
    [
      ['a', 'sunday', '2026-10-25T12:00Z'],
      ['a', 'early', '2026-10-26T06:59Z'],
      ['a', '1', '2026-10-26T07:00Z'],
      ['a', '2', '2026-10-26T16:59Z'],
      ['a', 'evening', '2026-10-26T17:00Z'],
      ['a', 'late', '2026-10-26T16:00Z'],
    ],
    (grouped) => grouped.windowedBy(office).reduce(concat),
  )
  expect(rows).toEqual(['a 2026-10-26T07:00/2026-10-26T17:00 1', 'a 2026-10-26T07:00/2026-10-26T17:00 12'])
  expect(late).toBe(1)
})

describe.each([
  ['days', CalendarWindows.days('UTC', { grace: '2h' }), TimeWindows.ofSizeAndGrace('1d', '2h')],
  ['6 hours', CalendarWindows.hours('UTC', 6, { grace: '2h' }), TimeWindows.ofSizeAndGrace('6h', '2h')],
  [
    'days of a zone that never sets its clocks',
    CalendarWindows.hours('Etc/GMT-6', 6, { grace: 0 }),
    TimeWindows.ofSizeAndGrace('6h', 0),
  ],
] as const)('%s in UTC are time windows', (_what, calendar, time) => {
  test.each([
    ['every update', { cacheMaxBytes: 0 }, undefined],
    ['with the record cache', { commitEveryRecord: false }, undefined],
    ['on close', { cacheMaxBytes: 0 }, EmitStrategy.onWindowClose()],
  ] as const)('%s', async (_name, options, emit) => {
    const random = numbers(7)
    let nowMs = at('2026-01-01T00:00Z')
    const inputs: Input[] = []
    for (let i = 0; i < 600; i++) {
      nowMs += random(HOUR_MS)
      inputs.push([`k${random(3)}`, String(i), Math.max(0, nowMs - (random(4) === 0 ? random(8 * HOUR_MS) : 0))])
    }
    const results = await Promise.all(
      [calendar, time].map((windows) =>
        run(
          inputs,
          (grouped) => {
            const windowed = grouped.windowedBy(windows)
            const table = (emit === undefined ? windowed : windowed.emitStrategy(emit)).reduce(concat, {
              store: 'rows',
            })
            // One serde for both: the keys themselves are compared.
            return windows === calendar ? table : reKeyed(table)
          },
          options,
        ),
      ),
    )
    expect(results[0]?.rows).toEqual(results[1]?.rows)
    expect(results[0]?.late).toBe(results[1]?.late)
    expect(results[0]?.rows.length).toBeGreaterThan(30)
  })
})

test('bytes of a windowed key: key, end, start', () => {
  const serde = intervalWindowedSerde(serdes.string)
  const data = serde.serialize({ key: 'é', startMs: 1, endMs: 2 ** 33 }, 't')
  expect(data.toString('hex')).toBe('c3a9' + '0000000200000000' + '0000000000000001')
  expect(serde.deserialize(data, 't')).toEqual({ key: 'é', startMs: 1, endMs: 2 ** 33 })
  expect(() => serde.deserialize(data.subarray(0, 15), 't')).toThrow(/16 bytes/)
})

/** The same table, with its keys written whole. */
function reKeyed(table: KTable<Windowed<string>, string>): KTable<Windowed<string>, string> {
  const { table: node } = table
  return new (table.constructor as new (node: unknown) => KTable<Windowed<string>, string>)({
    ...node,
    serdes: { ...node.serdes, key: out.key },
  })
}

function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}
