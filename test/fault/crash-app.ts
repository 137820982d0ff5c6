/**
 * A word count started as a process of its own: `crash-app.ts <directory> <guarantee> [<step> <commit>]`, on the embedded log in the
 * directory or on the Kafka that CRASH_BROKERS names, with topics and group called after CRASH_NAME.
 * With a step it kills itself when it has reached that step for that many times; without, it runs until the input is consumed and prints what it
 * finds in the store and in the output topic as JSON. With CRASH_ASYNC the words (`before`) or the counts (`after`) go through an asynchronous
 * operator, and step `call` kills it in the middle of calls.
 */
import { join } from 'node:path'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, type ProcessingGuarantee, StreamsBuilder, serdes } from '../../streams/index.ts'
import { CrashPoint } from './crash-point.ts'

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
  const words = builder.stream(WORDS_TOPIC, { key: serdes.string, value: serdes.string })
  const where = process.env['CRASH_ASYNC']
  const counted = (where === 'before' ? words.mapValuesAsync(linger, { concurrency: 8 }) : words.peek(dawdle))
    .groupBy((word) => word, { key: serdes.string, value: serdes.string })
    .count({ store: 'counts' })
    .toStream()
  const late = where === 'after' ? counted.mapValuesAsync(linger, { concurrency: 8 }) : counted
  late.to(COUNTS_TOPIC, { value: serdes.long })
  const crash = new CrashPoint()
  if (step !== undefined) crash.arm({ step: Number(step), commit: Number(commit), signal: 'SIGKILL' })
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
    afterCommitStep: crash.reached,
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

let calls = 0

async function linger<T>(value: T): Promise<T> {
  calls++
  if (step === 'call' && calls === Number(commit) * 100) process.kill(process.pid, 'SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, calls % 4))
  return value
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
