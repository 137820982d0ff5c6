import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KafkaCluster } from '../scripts/servers/kafka-broker.ts'
import { createKafkaProvider } from './kafkajs.ts'
import type { PartitionAssignor } from './port.ts'

/** Of today: brokers forget the sequence numbers of a producer whose records are older than a day when they load their snapshots. */
const NOW_MS = Date.now()
const PARTITIONS = 3

const greedy: PartitionAssignor = {
  name: 'greedy',
  version: 0,
  subscriptionUserData: () => Buffer.alloc(0),
  assign: (counts, members) => {
    const partitions = [...counts].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    return new Map(members.map((m, i) => [m.memberId, { partitions: i === 0 ? partitions : [] }]))
  },
}

let directory: string
let cluster: KafkaCluster

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-kafka-failover-'))
  cluster = await KafkaCluster.start({ directory, nodes: 3, maxHeapMb: 256 })
}, 120_000)

afterAll(async () => {
  await cluster?.stop()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

it('follows leaders and coordinators from node to node while each is killed in turn', {
  timeout: 180_000,
}, async () => {
  const provider = createKafkaProvider({ brokers: cluster.brokers.split(','), requestTimeoutMs: 5_000 })
  const topic = 'failover'
  await provider.admin().createTopics([{ name: topic, partitions: PARTITIONS, replicationFactor: 3 }])
  const producer = provider.createProducer({ deliveryTimeoutMs: 60_000 })
  const member = { sessionTimeoutMs: 20_000, heartbeatIntervalMs: 300, rebalanceTimeoutMs: 20_000 }
  const consumer = provider.createConsumer({ groupId: `${topic}-group`, assignor: greedy, ...member })
  const events: string[] = []
  consumer.subscribe([topic], {
    onAssigned: async () => void events.push('assigned'),
    onRevoked: async () => void events.push('revoked'),
    onLost: async () => void events.push('lost'),
  })

  const sent: number[] = Array(PARTITIONS).fill(0)
  const failures: Error[] = []
  let isStopped = false
  let longestWaitMs = 0
  const producing = (async () => {
    while (!isStopped) {
      const startMs = performance.now()
      for (let i = 0; i < 30; i++) {
        const partition = i % PARTITIONS
        const value = Buffer.from(String(sent[partition]!++))
        producer.send(topic, partition, { key: null, value, timestampMs: NOW_MS }, (error) => {
          if (error) failures.push(error)
        })
      }
      await producer.flush()
      longestWaitMs = Math.max(longestWaitMs, performance.now() - startMs)
      await sleep(5)
    }
  })()
  const seen: string[][] = Array.from({ length: PARTITIONS }, () => [])
  let expected = Number.POSITIVE_INFINITY
  const consuming = (async () => {
    while (seen.reduce((sum, list) => sum + list.length, 0) < expected) {
      for (const { partition, records } of await consumer.poll(500)) {
        for (const record of records) seen[partition]!.push(`${record.value}`)
      }
    }
  })()

  await sleep(2_000)
  for (let node = 0; node < cluster.size; node++) {
    await cluster.killNode(node)
    await sleep(5_000)
    await cluster.startNode(node)
    await sleep(4_000)
  }
  isStopped = true
  await producing
  expected = sent.reduce((sum, n) => sum + n, 0)
  await consuming

  expect(failures).toEqual([])
  expect(events).toEqual(['assigned'])
  for (let partition = 0; partition < PARTITIONS; partition++) {
    expect(seen[partition]).toEqual(Array.from({ length: sent[partition]! }, (_, i) => String(i)))
  }
  console.log(`longest wait for an acknowledgement: ${Math.round(longestWaitMs)} ms; ${expected} records`)
  await provider.close()
})
