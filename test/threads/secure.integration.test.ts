import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { KAFKA_TEST_USERS } from '../../scripts/servers/kafka-properties.ts'
import { CountApp } from './count-app.ts'

let directory: string
let cluster: KafkaCluster

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-secure-'))
  cluster = await KafkaCluster.start({ directory, sasl: true, tls: true })
})

afterAll(async () => {
  await cluster?.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

test('stream threads log in as the program does: over TLS with the certificate as bytes, by SCRAM', async () => {
  const app = new CountApp({
    brokers: cluster.tlsBrokers.split(','),
    ssl: { ca: [await readFile(cluster.certificateFile)] },
    sasl: { mechanism: 'scram-sha-512', ...KAFKA_TEST_USERS.scram },
  })
  await app.prepare()
  try {
    const streams = await app.client()
    await app.send(2_000)
    await streams.start()
    await streams.waitFor('RUNNING')
    await app.allCounted()
    expect(streams.metadataForLocalThreads().map((t) => t.activeTasks.length)).toEqual([4, 4])
  } finally {
    await app.cleanUp()
  }
})
