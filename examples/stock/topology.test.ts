import { expect, test } from 'vitest'
import { serdes, TopologyTestDriver } from '../../streams/index.ts'
import { type Stock, stock } from './topology.ts'

test('changes add up; what comes twice, is no change, or takes more than there is, does not count', async () => {
  const driver = await TopologyTestDriver.create(stock())
  const input = driver.createInputTopic('stock-changes', { key: serdes.string, value: serdes.json<unknown>() })
  const output = driver.createOutputTopic('stock', { key: serdes.string, value: serdes.json<Stock>() })
  const changes: readonly unknown[] = [
    { changeId: 'a', delta: 10 },
    { changeId: 'b', delta: -3 },
    { changeId: 'a', delta: 10 },
    { changeId: 'c', delta: -8 },
    { changeId: 'd', delta: '1' },
    { changeId: '', delta: 1 },
    { delta: 1 },
    [7],
    { changeId: 'e', delta: 1.5 },
    { changeId: 'f', delta: -7 },
  ]
  for (const change of changes) input.pipeInput('bolt', change)
  input.pipeInput('nut', { changeId: 'a', delta: 4 })
  const last = new Map(output.readRecords().map(({ key, value }) => [key, value?.pieces]))
  expect(Object.fromEntries(last)).toEqual({ bolt: 0, nut: 4 })
  await driver.close()
})
