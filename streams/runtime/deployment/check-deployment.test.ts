import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Logger } from '../../../common/log.ts'
import { silentLogger } from '../../../common/log.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import {
  KafkaStreams,
  StreamsBuilder,
  serdes,
  TimeWindows,
  TopologyChangedError,
  type TopologyCheck,
} from '../../index.ts'
import { deployedTopologyTopic, readDeployedTopology } from './deployed-topology.ts'

const TOPIC = deployedTopologyTopic('app')
let kafka: EmbeddedProvider
let directory: string
let warnings: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-deployment-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([{ name: 'words', partitions: 2 }])
  warnings = []
})
afterEach(async () => {
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

const log: Logger = {
  ...silentLogger,
  warn: (_: object, message: string) => void warnings.push(message),
  child: () => log,
}

async function runOnce(windowMs: number, topologyCheck?: TopologyCheck): Promise<void> {
  const builder = new StreamsBuilder()
  builder
    .stream('words', { key: serdes.string, value: serdes.string })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(windowMs, 0))
    .count({ store: `counts` })
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: directory,
    log,
    ...(topologyCheck ? { topologyCheck } : {}),
  })
  try {
    await streams.start()
    await streams.waitFor('RUNNING')
  } finally {
    await streams.close()
  }
}

const writes = async () => (await kafka.admin().endOffsets([{ topic: TOPIC, partition: 0 }])).get(`${TOPIC}-0`)
const windowSize = async () => (await readDeployedTopology(kafka, 'app'))?.blueprint.stores[0]?.windowSizeMs

test('a client leaves the description of its topology, once', async () => {
  await runOnce(1000)
  expect(await windowSize()).toBe(1000)
  await runOnce(1000)
  expect(await writes()).toBe(1)
  expect((await kafka.admin().topicConfigs(TOPIC))['cleanup.policy']).toBe('compact')
})

test('by default it warns of a topology that needs a rebuild, and goes on', async () => {
  await runOnce(1000)
  await runOnce(2000)
  expect(warnings.join()).toMatch(/store counts \(rebuild\): windows were 1000 ms long and are 2000 ms/)
  expect(await windowSize()).toBe(2000)
})

test('told to refuse, it does not start, creates nothing and leaves the old description', async () => {
  await runOnce(1000)
  const before = await kafka.admin().listTopics()
  await expect(runOnce(2000, 'refuse')).rejects.toBeInstanceOf(TopologyChangedError)
  expect(await windowSize()).toBe(1000)
  expect(await kafka.admin().listTopics()).toEqual(before)
  await runOnce(1000, 'refuse')
})

test('told not to look, it neither reads nor writes', async () => {
  await runOnce(1000, 'off')
  expect(await kafka.admin().listTopics()).not.toContain(TOPIC)
})

test('a description of another format, or none at all, tells nothing', async () => {
  await kafka.admin().createTopics([{ name: TOPIC, partitions: 1 }])
  expect(await readDeployedTopology(kafka, 'app')).toBeUndefined()
  const producer = kafka.createProducer()
  for (const value of ['not JSON', '{"format":99}'])
    producer.send(TOPIC, 0, { key: Buffer.from('topology'), value: Buffer.from(value), timestampMs: 1 })
  await producer.flush()
  await producer.close()
  expect(await readDeployedTopology(kafka, 'app')).toBeUndefined()
  await runOnce(1000, 'refuse')
  expect(await windowSize()).toBe(1000)
})
