import { expect, test } from 'vitest'
import { InternalError } from '../../../common/errors.ts'
import type { Serde } from '../../../common/serde.ts'
import { StreamsBuilder, serdes } from '../../index.ts'
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts'

/** Writes as one that registers schemas does: only for topics that it was made ready for. */
function registering(registered: Set<string>, role: string): Serde<string> {
  return {
    ...serdes.string,
    prepare: async (topic, prepared) => void registered.add(`${topic}-${prepared}`),
    serialize: (value, topic) => {
      if (!registered.has(`${topic}-${role}`)) throw new InternalError(`${topic}-${role} is not registered`)
      return serdes.string.serialize(value, topic)
    },
  }
}

test('a global table of rows with schemas registers them under a name of its own, never under that of its topic', async () => {
  const registered = new Set<string>()
  const text = { key: serdes.string, value: serdes.string }
  const builder = new StreamsBuilder()
  const rows = builder.globalTable('theirs', {
    store: 'rows',
    key: registering(registered, 'key'),
    value: registering(registered, 'value'),
  })
  builder
    .stream('in', text)
    .join(
      rows,
      (_, key) => key,
      (value, row) => `${value} ${row}`,
    )
    .to('out', text)
  const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app' })
  driver.createInputTopic('theirs', text).pipeInput('k', 'row')
  driver.createInputTopic('in', text).pipeInput('k', 'v')
  expect(driver.createOutputTopic('out', text).readKeyValues()).toEqual([['k', 'v row']])
  expect([...registered].sort()).toEqual(['app-rows-changelog-key', 'app-rows-changelog-value'])
  await driver.close()
})
