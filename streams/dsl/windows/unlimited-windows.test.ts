import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { StreamsBuilder, serdes, TopologyTestDriver, UnlimitedWindows, Windowed } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

describe('unlimited windows', () => {
  it('take everything from their start on, however late, and nothing before it', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(UnlimitedWindows.of().startOn(new Date(100)))
      .reduce((all, value) => all + value, { store: 'texts' })
    const driver = await TopologyTestDriver.create(builder.build())
    const topic = driver.createInputTopic('in', TEXT)
    for (const [value, timestampMs] of [
      ['a', 100],
      ['b', 99],
      ['c', 1_000_000_000_000],
      ['d', 101],
    ] as const)
      topic.pipeInput('k', value, timestampMs)
    expect(await driver.getWindowStore<string, string>('texts').getEntry('k', 100)).toMatchObject({
      value: 'acd',
      timestampMs: 1_000_000_000_000,
    })
    expect(driver.dropped.size).toBe(0)
    await driver.close()
  })

  it('have keys with an end that is a number, before and after a topic', async () => {
    const builder = new StreamsBuilder()
    const seen: Windowed<string>[] = []
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(UnlimitedWindows.of().startOn(7))
      .count({ store: 'counts' })
      .toStream()
      .peek((_count, key) => {
        seen.push(key)
      })
      .repartition({ value: serdes.long, name: 'again' })
      .foreach((_count, key) => {
        seen.push(key)
      })
    const driver = await TopologyTestDriver.create(builder.build())
    driver.createInputTopic('in', TEXT).pipeInput('k', 'v', 8)
    const key = new Windowed('k', 7, Number.MAX_SAFE_INTEGER)
    expect(seen).toEqual([key, key])
    await driver.close()
  })

  it.each([-1, 0.5, Number.NaN, new Date(-1), new Date('not a date')])('do not start on %s', (start) => {
    expect(() => UnlimitedWindows.of().startOn(start)).toThrow(InvalidArgumentError)
  })
})
