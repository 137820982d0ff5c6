/**
 * Records per second of our Kafka client, fetching and producing values of 40 bytes, beside kafkajs's own consumer and
 * producer on the same broker and topic. Needs a broker: `BROOK_TEST_BROKERS`, or one is started.
 *
 *   node test/bench/kafka-client.ts [records, default 1,000,000]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, ProducerRecord } from '../../kafka/port.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'

const RECORDS = Number(process.argv[2] ?? 1_000_000)
/** kafkajs needs ten times as long to produce. */
const KAFKAJS_SHARE = 0.2
const PARTITIONS = 4

interface Timing {
  readonly name: string
  readonly records: number
  readonly elapsedMs: number
  readonly cpuMs: number
}

async function timed(name: string, records: number, work: () => Promise<void>): Promise<Timing> {
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await work()
  const { user, system } = process.cpuUsage(cpu)
  const timing = { name, records, elapsedMs: performance.now() - startMs, cpuMs: (user + system) / 1000 }
  const perSecond = Math.round((records / timing.elapsedMs) * 1000).toLocaleString('en')
  const cpuMicros = ((timing.cpuMs * 1000) / records).toFixed(2)
  console.log(`${name.padEnd(28)} ${perSecond.padStart(12)} records/s   ${cpuMicros} µs of CPU a record`)
  return timing
}

function recordsToSend(): ProducerRecord[] {
  const value = Buffer.alloc(40, 'x')
  const timestampMs = Date.now()
  return Array.from({ length: 1000 }, (_, i) => ({ key: Buffer.from(`device-${i}`), value, timestampMs }))
}

async function produce(provider: KafkaProvider, topic: string, count: number): Promise<void> {
  const producer = provider.createProducer()
  const records = recordsToSend()
  let acknowledged = 0
  for (let i = 0; i < count; i++) {
    producer.send(topic, i % PARTITIONS, records[i % records.length]!, (error) => {
      if (!error) acknowledged++
    })
    const full = producer.backpressure()
    if (full) await full
  }
  await producer.flush()
  if (acknowledged !== count) throw new Error(`${acknowledged} of ${count} were acknowledged`)
  await producer.close()
}

async function fetch(provider: KafkaProvider, topic: string, count: number): Promise<void> {
  const reader = provider.createReader()
  await reader.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 })))
  let records = 0
  let bytes = 0
  while (records < count) {
    for (const batch of await reader.poll(1_000)) {
      for (const record of batch.records) {
        records++
        bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      }
    }
  }
  if (bytes === 0) throw new Error('empty records')
  await reader.close()
}

async function kafkajsProduce(kafka: kafkajs.Kafka, topic: string, count: number): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const records = recordsToSend()
  const chunk = 10_000
  for (let sent = 0; sent < count; sent += chunk) {
    const messages = Array.from({ length: chunk }, (_, i) => {
      const record = records[i % records.length]!
      return { key: record.key, value: record.value, partition: i % PARTITIONS }
    })
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
}

async function kafkajsFetch(kafka: kafkajs.Kafka, topic: string, count: number): Promise<void> {
  const consumer = kafka.consumer({ groupId: `bench-${Date.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let records = 0
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachBatchAutoResolve: true,
        eachBatch: ({ batch }) => {
          records += batch.messages.length
          if (records >= count) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
}

async function run(brokers: string): Promise<void> {
  const provider = createKafkaProvider({ brokers: brokers.split(',') })
  const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING })
  const topic = `bench-client-${Date.now()}`
  const other = `${topic}-kafkajs`
  const admin = provider.admin()
  await admin.createTopics([topic, other].map((name) => ({ name, partitions: PARTITIONS })))
  const few = Math.round(RECORDS * KAFKAJS_SHARE)
  await timed('produce', RECORDS, () => produce(provider, topic, RECORDS))
  await timed('produce again', RECORDS, () => produce(provider, topic, RECORDS))
  await timed('produce, kafkajs', few, () => kafkajsProduce(kafka, other, few))
  await timed('fetch', RECORDS * 2, () => fetch(provider, topic, RECORDS * 2))
  await timed('fetch again', RECORDS * 2, () => fetch(provider, topic, RECORDS * 2))
  await timed('fetch, kafkajs eachBatch', RECORDS * 2, () => kafkajsFetch(kafka, topic, RECORDS * 2))
  await admin.deleteTopics([topic, other])
  await provider.close()
}

const given = process.env['BROOK_TEST_BROKERS']
if (given) await run(given)
else {
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-'))
  const cluster = await KafkaCluster.start({ directory, optimise: true })
  try {
    await run(cluster.brokers)
  } finally {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
