import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../streams/index.ts'
import { readCommitted, untilConsumed } from './committed.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const MEMBERS = 3

let kafka: KafkaProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-shut-down-'))
  kafka = createKafkaProvider({ brokers: (process.env['BROOK_TEST_BROKERS'] ?? '').split(',') })
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

it('on a real broker, one member that fails ends them all, with what was good committed once', {
  timeout: 60_000,
}, async () => {
  const name = `shut-down-${Date.now()}`
  const partitions = MEMBERS * 2
  await kafka.admin().createTopics(['in', 'out'].map((topic) => ({ name: `${name}-${topic}`, partitions })))
  const failures: string[] = []
  for (let i = 0; i < MEMBERS; i++) {
    const builder = new StreamsBuilder()
    builder
      .stream(`${name}-in`, TEXT)
      .mapValues((value) => {
        if (value === 'bad') throw new Error('this must not go on anywhere')
        return value
      })
      .to(`${name}-out`, TEXT)
    const streams = new KafkaStreams(builder.build(), {
      applicationId: name,
      kafka,
      stateDir: join(directory, String(i)),
      processingGuarantee: 'exactly_once',
      sessionTimeout: '10s',
      heartbeatInterval: '300ms',
      uncaughtExceptionHandler: 'shut-down-application',
      onUncaughtError: ({ name: error }) => void failures.push(error),
    })
    running.push(streams)
    await streams.start()
  }
  for (const streams of running) await streams.waitFor('RUNNING')
  const producer = kafka.createProducer()
  const send = (partition: number, value: string): void =>
    producer.send(`${name}-in`, partition, { key: null, value: Buffer.from(value), timestampMs: Date.now() })
  for (let partition = 0; partition < partitions; partition++) send(partition, `good-${partition}`)
  await producer.flush()
  await untilConsumed(kafka, name, [`${name}-in`], 20_000)
  send(0, 'bad')
  await producer.flush()
  await producer.close()
  const startedMs = performance.now()
  await Promise.all(running.map((streams) => streams.waitFor('ERROR')))
  console.log(`[fault] the whole application has ended after ${Math.round(performance.now() - startedMs)} ms`)
  expect(failures.sort()).toEqual(['ProcessingError', ...Array(MEMBERS - 1).fill('ShutdownRequestedError')])
  const written = (await readCommitted(kafka, `${name}-out`)).flat().map(({ value }) => String(value))
  expect(written.sort()).toEqual(Array.from({ length: partitions }, (_, i) => `good-${i}`))
})
