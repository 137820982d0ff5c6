import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { SlidingWindows, StreamsBuilder, serdes, TopologyError, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function counting(windows: SlidingWindows, options: { readonly retention?: number } = {}): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .groupByKey()
    .windowedBy(windows)
    .count({ store: 'counts', ...options })
    .toStream((_count, { key, startMs, endMs }) => `${key}@${startMs}-${endMs}`)
    .to('out', { key: serdes.string, value: serdes.long })
  return builder
}

async function countsOf(windows: SlidingWindows, ...times: number[]): Promise<Record<string, number>> {
  const driver = await TopologyTestDriver.create(counting(windows).build())
  const topic = driver.createInputTopic('in', TEXT)
  for (const timestampMs of times) topic.pipeInput('a', 'v', timestampMs)
  const counts = driver.createOutputTopic('out', { key: serdes.string, value: serdes.long }).readToMap()
  await driver.close()
  return Object.fromEntries(counts)
}

describe('sliding windows', () => {
  it('end at each record, and start right after each that has others behind it; both ends are in them', async () => {
    expect(await countsOf(SlidingWindows.ofTimeDifferenceAndGrace(10, 50), 20, 30, 35, 41)).toEqual({
      'a@10-20': 1,
      'a@20-30': 2,
      'a@21-31': 1,
      'a@25-35': 2,
      'a@31-41': 2,
      'a@36-46': 1,
    })
  })

  it('are the same whatever the order of the records', async () => {
    const windows = SlidingWindows.ofTimeDifferenceAndGrace(10, 50)
    const inOrder = await countsOf(windows, 3, 12, 20, 30, 35, 41)
    expect(await countsOf(windows, 41, 12, 35, 3, 20, 30)).toEqual(inOrder)
  })

  it('share the one from 0 where they would start before the epoch', async () => {
    expect(await countsOf(SlidingWindows.ofTimeDifferenceAndGrace(10, 50), 5, 2, 10)).toEqual({
      'a@0-10': 3,
      'a@3-13': 2,
      'a@6-16': 1,
    })
  })

  // Kafka Streams has no window of one millisecond: it fails at the first record.
  it('of no difference hold the records of one time', async () => {
    expect(await countsOf(SlidingWindows.ofTimeDifferenceAndGrace(0, 5), 7, 8, 7, 9, 3)).toEqual({
      'a@7-7': 2,
      'a@8-8': 1,
      'a@9-9': 1,
    })
  })

  it('take a record until stream time less grace is beyond their end', async () => {
    expect(await countsOf(SlidingWindows.ofTimeDifferenceWithNoGrace(10), 30, 40, 30, 29)).toMatchObject({
      'a@20-30': 1,
    })
    expect(await countsOf(SlidingWindows.ofTimeDifferenceAndGrace(10, 10), 30, 40, 30)).toMatchObject({ 'a@20-30': 2 })
  })

  it.each([
    [-1, 0],
    [1, -1],
    [0.5, 0],
  ])('of %s ms with a grace of %s ms are refused', (difference, grace) => {
    expect(() => SlidingWindows.ofTimeDifferenceAndGrace(difference, grace)).toThrow(InvalidArgumentError)
  })

  it('need a retention of twice the difference and the grace', () => {
    const windows = SlidingWindows.ofTimeDifferenceAndGrace(10, 5)
    expect(() => counting(windows, { retention: 24 })).toThrow(TopologyError)
    expect(() => counting(windows, { retention: 25 })).not.toThrow()
  })
})
