/** The topology on the embedded log, in memory: `node examples/room-average/run.ts`. On Kafka only `kafka` is another. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, serdes } from '../../streams/index.ts'
import { type Average, roomAverages } from './topology.ts'

const kafka = createEmbeddedProvider({ directory: undefined })
const stateDir = await mkdtemp(join(tmpdir(), 'room-average-'))
await kafka.admin().createTopics([
  { name: 'temperatures', partitions: 2 },
  { name: 'room-averages', partitions: 2 },
])

const streams = new KafkaStreams(roomAverages(), {
  applicationId: 'room-average',
  kafka,
  stateDir,
  processingGuarantee: 'exactly_once',
})
await streams.start()
await streams.waitFor('RUNNING')

const producer = kafka.createProducer()
for (const [celsius, timestampMs] of [
  [20, 0],
  [22, 60_000],
] as const) {
  const record = { key: Buffer.from('room-1'), value: serdes.double.serialize(celsius, 'temperatures'), timestampMs }
  producer.send('temperatures', undefined, record)
}
await producer.flush()

const averages = streams.queries.windowStore<string, Average>('averages')
for (;;) {
  const [window] = await averages.fetch('room-1', 0, 0)
  if (window?.value.count === 2) {
    console.log(window.key, window.value)
    break
  }
  await new Promise((resolve) => setTimeout(resolve, 10))
}

await streams.close()
await kafka.close()
await rm(stateDir, { recursive: true })
