import { expect, it } from 'vitest'
import { type RecordingLevel, StreamsBuilder, serdes, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

async function recorded(level: RecordingLevel) {
  const builder = new StreamsBuilder()
  builder.stream('in', TEXT).process<string, string>(() => {
    let asked: { record(value: number): void } | undefined
    let seen: { record(value: number): void } | undefined
    return {
      init({ metrics }) {
        const prices = { scope: 'lookup', entity: 'prices', tags: { shop: 'one' } }
        asked = metrics.addLatencyRateTotalSensor({ ...prices, operation: 'ask' })
        seen = metrics.addRateTotalSensor({ ...prices, operation: 'see', level: 'DEBUG' })
      },
      process({ value }) {
        asked?.record(Number(value))
        seen?.record(1)
      },
    }
  })
  const driver = await TopologyTestDriver.create(builder.build(), { metricsRecordingLevel: level })
  const input = driver.createInputTopic('in', TEXT)
  for (const value of ['2', '4']) input.pipeInput('a', value, 1)
  const own = driver.metrics().filter(({ group }) => group === 'stream-lookup-metrics')
  await driver.close()
  expect(driver.metrics().filter(({ group }) => group === 'stream-lookup-metrics')).toEqual([])
  return own
}

it('processors record metrics of their own, under the names that Kafka Streams gives them', async () => {
  const metrics = await recorded('DEBUG')
  expect(metrics.map(({ name, value }) => [name, value])).toEqual([
    ['ask-rate', 2 / 30],
    ['ask-total', 2],
    ['ask-latency-avg', 3],
    ['ask-latency-max', 4],
    ['see-rate', 2 / 30],
    ['see-total', 2],
  ])
  expect(metrics[0]?.tags).toEqual({
    'thread-id': 'TopologyTestDriver',
    'task-id': '0_0',
    'lookup-id': 'prices',
    shop: 'one',
  })
})

it('as far as the level goes', async () => {
  expect((await recorded('INFO')).map(({ name }) => name)).toEqual([
    'ask-rate',
    'ask-total',
    'ask-latency-avg',
    'ask-latency-max',
  ])
})
