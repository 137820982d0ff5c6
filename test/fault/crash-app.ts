/**
 * A word count started as a process of its own: `crash-app.ts <directory> <guarantee> [<step> <commit>]`, on the embedded log in the
 * directory or on the Kafka that CRASH_BROKERS names, with topics and group called after CRASH_NAME.
 * With a step it kills itself after that step of that commit; without, it runs until the input is consumed and prints what it
 * finds in the store and in the output topic as JSON.
 */
import { join } from 'node:path'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, type ProcessingGuarantee, StreamsBuilder, serdes } from '../../streams/index.ts'

export const INPUTS = 3_000
export const WORDS = 30

const [directory, guarantee, step, commit] = process.argv.slice(2)
const brokers = process.env['CRASH_BROKERS']
const name = process.env['CRASH_NAME'] ?? 'crash'
const WORDS_TOPIC = `${name}-words`
const COUNTS_TOPIC = `${name}-counts`

export async function main(dir: string): Promise<void> {
  const kafka =
    brokers === undefined
      ? createEmbeddedProvider({ directory: join(dir, 'log') })
      : createKafkaProvider({ brokers: brokers.split(',') })
  await kafka.connect()
  await prepareInput(kafka)
  const builder = new StreamsBuilder()
  builder
    .stream(WORDS_TOPIC, { key: serdes.string, value: serdes.string })
    .peek(dawdle)
    .groupBy((word) => word, { key: serdes.string })
    .count({ store: 'counts' })
    .toStream()
    .to(COUNTS_TOPIC)
  let commits = 0
  const streams = new KafkaStreams(builder.build(), {
    applicationId: name,
    sessionTimeout: '6s',
    heartbeatInterval: '500ms',
    kafka,
    stateDir: join(dir, 'state'),
    processingGuarantee: guarantee as ProcessingGuarantee,
    commitInterval: 0,
    cacheMaxBytes: 0,
    bufferedRecordsPerPartition: 50,
    afterCommitStep: (at) => {
      if (at === 1) commits++
      if (step !== undefined && at === Number(step) && commits === Number(commit)) process.kill(process.pid, 'SIGKILL')
    },
    onUncaughtError: (error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    },
  })
  await streams.start()
  await streams.waitFor('RUNNING')
  await consumed(kafka)
  const store: Record<string, number> = {}
  for await (const { key, value } of streams.queries
    .keyValueStore<string, number>('counts')
    .range(undefined, undefined)) {
    store[key] = value
  }
  await streams.close()
  const output = await readAll(kafka)
  await kafka.close()
  process.stdout.write(JSON.stringify({ store, output }))
}

/** Slow enough that the input takes many turns of the loop, and so many commits, on any machine. */
function dawdle(): void {
  const until = performance.now() + 0.03
  while (performance.now() < until);
}

async function prepareInput(kafka: KafkaProvider): Promise<void> {
  const admin = kafka.admin()
  await admin.createTopics([
    { name: WORDS_TOPIC, partitions: 2 },
    { name: COUNTS_TOPIC, partitions: 2 },
  ])
  const ends = await admin.endOffsets([{ topic: WORDS_TOPIC, partition: 0 }])
  if ((ends.get(`${WORDS_TOPIC}-0`) ?? 0) > 0) return
  const producer = kafka.createProducer()
  for (let i = 0; i < INPUTS; i++) {
    producer.send(WORDS_TOPIC, i % 2, { key: null, value: Buffer.from(`word-${i % WORDS}`), timestampMs: i })
  }
  await producer.flush()
  await producer.close()
}

/** Waits until both sub-topologies have committed everything. */
async function consumed(kafka: KafkaProvider): Promise<void> {
  const admin = kafka.admin()
  const topics = [WORDS_TOPIC, `${name}-counts-repartition`]
  const partitions = topics.flatMap((topic) => [0, 1].map((partition) => ({ topic, partition })))
  for (;;) {
    const committed = await admin.committedOffsets(name, topics)
    const ends = await admin.endOffsets(partitions, 'read_committed')
    const behind = [...ends].filter(([name, end]) => end > 0 && (committed.get(name)?.offset ?? 0) < end)
    if (behind.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function readAll(kafka: KafkaProvider): Promise<Record<string, number[]>> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const partitions = [0, 1].map((partition) => ({ topic: COUNTS_TOPIC, partition, offset: 0 }))
  await reader.assign(partitions)
  const seen: Record<string, number[]> = {}
  while (partitions.some((p) => reader.lag(p) !== 0)) {
    for (const { records } of await reader.poll(50)) {
      for (const { key, value } of records) {
        const word = String(key)
        const counts = seen[word] ?? []
        counts.push(Number(value?.readBigInt64BE(0)))
        seen[word] = counts
      }
    }
  }
  await reader.close()
  return seen
}

if (import.meta.filename === process.argv[1] && directory !== undefined) await main(directory)
