/**
 * The restore of a store of `count` as a process of its own: `restore-app.ts '<RestoreAppOptions as JSON>'`. Prints a {@link Measured}:
 * its rate is from the first restore's start to the last one's end, the inclusive one from the client's start until it is `RUNNING`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKafkaProvider } from '../../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../../kafka/port.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../../streams/index.ts'
import type { Measured } from '../harness/measured.ts'

export interface RestoreAppOptions {
  readonly brokers: string
  readonly applicationId: string
  /** In its changelog. */
  readonly records: number
}

export const RESTORED_STORE = 'counts'
const PARTITIONS = 2
const BATCH = 20_000

/** Writes the changelog of a count of so many keys, each once, and an input without records. */
export async function fillChangelog(kafka: KafkaProvider, applicationId: string, records: number): Promise<void> {
  const changelog = `${applicationId}-${RESTORED_STORE}-changelog`
  await kafka.admin().createTopics([
    { name: `${applicationId}-in`, partitions: PARTITIONS },
    { name: changelog, partitions: PARTITIONS, configs: { 'cleanup.policy': 'compact' } },
  ])
  const producer = kafka.createProducer()
  const value = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])
  for (let n = 0; n < records; n++) {
    producer.send(changelog, undefined, { key: Buffer.from(`room-${n}`), value, timestampMs: 1_700_000_000_000 + n })
    if (n % BATCH === 0) await producer.flush()
  }
  await producer.flush()
  await producer.close()
}

async function main({ brokers, applicationId, records }: RestoreAppOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-'))
  const kafka = createKafkaProvider({ brokers: brokers.split(',') })
  await kafka.connect()
  const builder = new StreamsBuilder()
  builder
    .stream(`${applicationId}-in`, { key: serdes.string, value: serdes.string })
    .groupByKey()
    .count({ store: RESTORED_STORE })
  let beganMs = 0
  let endedMs = 0
  let restored = 0
  const streams = new KafkaStreams(builder.build(), {
    applicationId,
    kafka,
    stateDir: directory,
    stateRestoreListener: {
      onRestoreStart: () => {
        beganMs ||= performance.now()
      },
      onRestoreEnd: ({ totalRestored }) => {
        restored += totalRestored
        endedMs = performance.now()
      },
    },
  })
  const startedMs = performance.now()
  await streams.start()
  await streams.waitFor('RUNNING')
  const runningMs = performance.now()
  const { user, system } = process.cpuUsage()
  await streams.close()
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
  if (restored !== records) throw new Error(`${restored} of ${records} records were restored`)
  const measured: Measured = {
    recordsPerSecond: (records / (endedMs - beganMs)) * 1_000,
    inclusivePerSecond: (records / (runningMs - startedMs)) * 1_000,
    cpuMicrosPerRecord: (user + system) / records,
    maxRssMb: process.resourceUsage().maxRSS / 1_024,
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '{}') as RestoreAppOptions)
