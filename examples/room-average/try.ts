/** The topology without Kafka, one record after another: `node examples/room-average/try.ts`. */
import { serdes, TopologyTestDriver } from '../../streams/index.ts'
import { type Average, roomAverages } from './topology.ts'

const driver = await TopologyTestDriver.create(roomAverages())
const input = driver.createInputTopic('temperatures', { key: serdes.string, value: serdes.double })
const output = driver.createOutputTopic('room-averages', { key: serdes.string, value: serdes.json<Average>() })

input.pipeInput('room-1', 20, 0)
input.pipeInput('room-1', 22, 60_000)
input.pipeInput('room-1', 24, 300_000)
input.pipeInput('room-1', 21, 299_000)

for (const { key, value } of output.readRecords()) console.log(key, value)
await driver.close()
