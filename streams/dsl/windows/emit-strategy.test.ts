import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../../common/errors.ts'
import {
  CalendarWindows,
  EmitStrategy,
  SlidingWindows,
  StreamsBuilder,
  serdes,
  TimeWindows,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  UnlimitedWindows,
} from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type AnyWindows = TimeWindows | SlidingWindows | CalendarWindows
type Row = readonly [key: string | null, count: number | null, timestampMs: number]

async function counting(
  windows: AnyWindows,
  strategy: EmitStrategy,
  options: TopologyTestDriverOptions = {},
): Promise<{ driver: TopologyTestDriver; pipe: (key: string, ...times: number[]) => Row[]; read: () => Row[] }> {
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .groupByKey()
    .windowedBy(windows as TimeWindows)
    .emitStrategy(strategy)
    .count({ store: 'counts' })
    .toStream((_count, { key, startMs, endMs }) => `${key}@${startMs}-${endMs}`)
    .to('out', { key: serdes.string, value: serdes.long })
  const driver = await TopologyTestDriver.create(builder.build(), { restartable: true, ...options })
  const output = driver.createOutputTopic('out', { key: serdes.string, value: serdes.long })
  const read = (): Row[] => output.readRecords().map((r) => [r.key, r.value, r.timestampMs])
  return {
    driver,
    read,
    pipe: (key, ...times) => {
      for (const timestampMs of times) driver.createInputTopic('in', TEXT).pipeInput(key, 'v', timestampMs)
      return read()
    },
  }
}

const tumbling = TimeWindows.ofSizeAndGrace(10, 5)
const onClose = EmitStrategy.onWindowClose()

describe('emission on window close', () => {
  it('says nothing until a window has closed, and then its result once', async () => {
    const { pipe, driver } = await counting(tumbling, onClose)
    expect(pipe('a', 11, 13, 24, 12)).toEqual([])
    expect(pipe('b', 25)).toEqual([['a@10-20', 3, 13]])
    expect(pipe('a', 19, 26)).toEqual([])
    expect(driver.dropped.get('late')).toBe(1)
    expect(pipe('b', 1_000)).toEqual([
      ['a@20-30', 2, 26],
      ['b@20-30', 1, 25],
    ])
    await driver.close()
  })

  it('loses no window when time jumps far beyond the retention', async () => {
    for (const windows of [tumbling, tumbling.advanceBy(5), SlidingWindows.ofTimeDifferenceAndGrace(10, 5)]) {
      const { pipe, driver } = await counting(windows, onClose, { storeCacheEntries: 0 })
      pipe('a', 100, 101)
      const closed = pipe('b', 100_000_000).length
      expect(closed).toBe(windows === tumbling ? 1 : windows instanceof TimeWindows ? 2 : 3)
      await driver.close()
    }
  })

  it('follows the calendar', async () => {
    const at = (time: string): number => Date.parse(time)
    const { pipe, driver } = await counting(CalendarWindows.days('Europe/Paris', { grace: '1h' }), onClose)
    expect(pipe('a', at('2026-03-29T00:30Z'), at('2026-03-29T21:30Z'), at('2026-03-29T22:30Z'))).toEqual([])
    // The day on which the clock goes forward has 23 hours.
    expect(pipe('b', at('2026-03-29T23:00Z'))).toEqual([
      [`a@${at('2026-03-28T23:00Z')}-${at('2026-03-29T22:00Z')}`, 2, at('2026-03-29T21:30Z')],
    ])
    await driver.close()
  })

  it('is looked for at most once per interval of the wall clock', async () => {
    const { pipe, driver } = await counting(tumbling, onClose, { emitIntervalMs: 1_000 })
    expect(pipe('a', 11, 50, 70)).toEqual([])
    driver.advanceWallClockTime(999)
    expect(pipe('a', 71)).toEqual([])
    driver.advanceWallClockTime(1)
    expect(pipe('a', 72)).toEqual([
      ['a@10-20', 1, 11],
      ['a@50-60', 1, 50],
    ])
    await driver.close()
  })

  it('turns the record cache off', async () => {
    const { pipe, driver } = await counting(tumbling, onClose, { commitEveryRecord: false })
    expect(pipe('a', 11, 12, 30)).toEqual([['a@10-20', 2, 12]])
    driver.commit()
    expect(pipe('a', 13)).toEqual([])
    await driver.close()
  })

  it('can be asked for where windows close only', () => {
    const grouped = new StreamsBuilder().stream('in', TEXT).groupByKey()
    const unlimited = grouped.windowedBy(UnlimitedWindows.of())
    expect(() => unlimited.emitStrategy(onClose)).toThrow(TopologyError)
    expect(() => unlimited.emitStrategy(EmitStrategy.onWindowUpdate())).not.toThrow()
  })

  it('leaves the stream that it was asked of as it is', async () => {
    const builder = new StreamsBuilder()
    const windowed = builder.stream('in', TEXT).groupByKey().windowedBy(tumbling)
    const closing = windowed.emitStrategy(onClose)
    for (const [stream, topic] of [
      [windowed, 'updates'],
      [closing, 'finals'],
    ] as const)
      stream.count().toStream().to(topic, { value: serdes.long })
    const driver = await TopologyTestDriver.create(builder.build())
    driver.createInputTopic('in', TEXT).pipeInput('a', 'v', 11)
    expect(driver.capturedRecords('updates')).toHaveLength(1)
    expect(driver.capturedRecords('finals')).toHaveLength(0)
    await driver.close()
  })
})

describe('silence', () => {
  const idle = EmitStrategy.onWindowClose({ idleTimeout: '2s' })

  it('does nothing without the option', async () => {
    const { pipe, read, driver } = await counting(tumbling, onClose)
    pipe('a', 11)
    driver.advanceWallClockTime(1_000_000)
    expect(read()).toEqual([])
    await driver.close()
  })

  it('closes windows by as long as it lasts beyond the timeout', async () => {
    const { pipe, read, driver } = await counting(tumbling, idle)
    pipe('a', 11)
    driver.advanceWallClockTime(2_013)
    expect(read()).toEqual([])
    // The ticks are a second apart; time is then 11 + 3,000 - 2,000.
    driver.advanceWallClockTime(987)
    expect(read()).toEqual([['a@10-20', 1, 11]])
    expect(pipe('a', 15, 990, 1_012)).toEqual([])
    expect(driver.dropped.get('late')).toBe(2)
    await driver.close()
  })

  it('is over with any record', async () => {
    const { pipe, read, driver } = await counting(tumbling, idle)
    pipe('a', 11)
    for (let i = 0; i < 10; i++) {
      driver.advanceWallClockTime(1_900)
      expect(pipe('b', 11)).toEqual([])
    }
    driver.advanceWallClockTime(3_000)
    expect(read()).toEqual([
      ['a@10-20', 1, 11],
      ['b@10-20', 10, 11],
    ])
    await driver.close()
  })

  it('before the first record moves nothing', async () => {
    const { pipe, read, driver } = await counting(tumbling, idle)
    driver.advanceWallClockTime(1_000_000)
    expect(read()).toEqual([])
    expect(pipe('a', 11)).toEqual([])
    expect(driver.dropped.size).toBe(0)
    await driver.close()
  })

  it.each(['kept', 'lost'] as const)(
    'has moved time for good: after a restart (state %s) the same is late',
    async (state) => {
      const { pipe, read, driver } = await counting(tumbling, idle)
      pipe('a', 11)
      driver.advanceWallClockTime(1_500)
      await driver.restart({ state })
      driver.advanceWallClockTime(1_500)
      expect(read(), 'silence is counted from the start').toEqual([])
      driver.advanceWallClockTime(1_000)
      expect(read()).toEqual([['a@10-20', 1, 11]])
      await driver.restart({ state })
      expect(pipe('a', 12, 400)).toEqual([])
      expect(driver.dropped.get('late')).toBe(2)
      expect(pipe('a', 600, 10_000)).toEqual([['a@600-610', 1, 600]])
      await driver.close()
    },
  )

  it('gives results no headers: no record has caused them', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(tumbling)
      .emitStrategy(idle)
      .count()
      .toStream()
      .to('out', { value: serdes.long })
    const driver = await TopologyTestDriver.create(builder.build())
    const headers = [{ key: 'trace', value: Buffer.from('1') }]
    driver.createInputTopic('in', TEXT).pipeInput('a', 'v', { timestampMs: 11, headers })
    driver.advanceWallClockTime(5_000)
    expect(driver.capturedRecords('out').map((r) => r.headers)).toEqual([[]])
    await driver.close()
  })

  it.each([0, -1, 1.5])('of %s ms is refused', (idleTimeout) => {
    expect(() => EmitStrategy.onWindowClose({ idleTimeout })).toThrow(InvalidArgumentError)
  })
})
