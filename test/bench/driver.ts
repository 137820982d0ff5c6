import { performance } from 'node:perf_hooks'
import { StreamsBuilder, serdes, TimeWindows, TopologyTestDriver } from '../../streams/index.ts'
import type { Measured } from './harness/measured.ts'

/**
 * What a record costs in the engine itself: "average per key and 5-minute window" through the test driver, that is without Kafka and
 * without a disk, but with every serde, changelog record and commit. Run: `node test/bench/driver.ts [records] [keys]`; with a third
 * word, `each` or `some`, one way to commit only, and the result as JSON.
 */
const records = Number(process.argv[2] ?? 1_000_000)
const keys = Number(process.argv[3] ?? 1_000)
const only = process.argv[4]

interface Average {
  sum: number
  count: number
}

const averageSerde = {
  name: 'average',
  serialize({ sum, count }: Average): Buffer {
    const data = Buffer.allocUnsafe(12)
    data.writeDoubleBE(sum, 0)
    data.writeInt32BE(count, 8)
    return data
  },
  deserialize: (data: Buffer): Average => ({ sum: data.readDoubleBE(0), count: data.readInt32BE(8) }),
}

async function run(commitEveryRecord: boolean): Promise<void> {
  const builder = new StreamsBuilder()
  builder
    .stream('readings', { key: serdes.string, value: serdes.double })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
    .aggregate<Average>(
      () => ({ sum: 0, count: 0 }),
      (average, value) => {
        average.sum += value
        average.count++
        return average
      },
      { store: 'averages', value: averageSerde, caching: false },
    )
    .toStream()
    .to('averages')
  const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord })
  const input = driver.createInputTopic('readings', { key: serdes.string, value: serdes.double })
  const output = driver.createOutputTopic('averages', { key: serdes.bytes, value: averageSerde })
  const names = Array.from({ length: keys }, (_, i) => `room-${i}`)
  const startMs = performance.now()
  for (let i = 0; i < records; i++) {
    input.pipeInput(names[i % keys] as string, i % 50, i * 10)
    if (!commitEveryRecord && i % 10_000 === 9_999) driver.commit()
  }
  const elapsedMs = performance.now() - startMs
  if (output.size !== records) throw new Error(`${records} records gave ${output.size} results`)
  await driver.close()
  if (only !== undefined) {
    const perSecond = (records * 1_000) / elapsedMs
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    const cpuMicrosPerRecord = (userCPUTime + systemCPUTime) / records
    const measured: Measured = {
      recordsPerSecond: perSecond,
      inclusivePerSecond: perSecond,
      cpuMicrosPerRecord,
      maxRssMb: maxRSS / 1024,
    }
    process.stdout.write(`${JSON.stringify(measured)}\n`)
    return
  }
  const mode = commitEveryRecord ? 'commit after every record' : 'commit after every 10,000 records'
  process.stdout.write(
    `${mode}: ${((elapsedMs * 1_000) / records).toFixed(2)} µs/record, ${records.toLocaleString('en')} records of ${keys.toLocaleString('en')} keys in ${(elapsedMs / 1_000).toFixed(2)} s\n`,
  )
}

if (only !== 'some') await run(true)
if (only !== 'each') await run(false)
