import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Logger } from '../common/log.ts'
import { KafkaCluster } from '../scripts/servers/kafka-broker.ts'
import { KAFKA_TEST_USERS } from '../scripts/servers/kafka-properties.ts'
import { KafkaAuthorizationError, KafkaUnavailableError } from './errors.ts'
import { createKafkaProvider } from './kafkajs.ts'
import type { FetchedBatch, KafkaProvider, LogReader, PartitionAssignor, Producer } from './port.ts'

/** Of today: brokers forget the sequence numbers of a producer whose records are older than a day when they load their snapshots. */
const NOW_MS = Date.now()
const MEMBER = { sessionTimeoutMs: 20_000, heartbeatIntervalMs: 300, rebalanceTimeoutMs: 20_000 }

/** Everything to the first member. */
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
const indifferent = { onAssigned: async () => {}, onRevoked: async () => {}, onLost: async () => {} }

let directory: string
let cluster: KafkaCluster

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-kafka-faults-'))
  cluster = await KafkaCluster.start({ directory, tls: true, sasl: true })
}, 120_000)

afterAll(async () => {
  await cluster?.stop()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

function open(overrides: Partial<Parameters<typeof createKafkaProvider>[0]> = {}): KafkaProvider {
  return createKafkaProvider({ brokers: cluster.brokers.split(','), requestTimeoutMs: 5_000, ...overrides })
}

async function killAndRestart(downMs: number): Promise<void> {
  await cluster.killNode(0)
  await sleep(downMs)
  await cluster.startNode(0)
}

async function readUntil(
  reader: Pick<LogReader, 'poll'>,
  isDone: (batches: readonly FetchedBatch[]) => boolean,
): Promise<void> {
  for (const deadlineMs = Date.now() + 60_000; ; ) {
    if (Date.now() > deadlineMs) throw new Error('not all records arrived within a minute')
    if (isDone(await reader.poll(500))) return
  }
}

describe('getting connected', () => {
  it('names the brokers that do not answer', async () => {
    const provider = createKafkaProvider({ brokers: ['127.0.0.1:1', 'localhost:2'], connectionTimeoutMs: 2_000 })
    const failure = await provider.connect().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(KafkaUnavailableError)
    expect(String(failure)).toContain('127.0.0.1:1')
    expect(String(failure)).toContain('localhost:2')
    await provider.close()
  })

  const logins = [
    ['PLAIN', { mechanism: 'plain', ...KAFKA_TEST_USERS.plain }],
    ['SCRAM-SHA-256', { mechanism: 'scram-sha-256', ...KAFKA_TEST_USERS.scram }],
    ['SCRAM-SHA-512', { mechanism: 'scram-sha-512', ...KAFKA_TEST_USERS.scram }],
  ] as const

  it.each(logins)('logs in by %s, over plain sockets and over TLS', async (_, sasl) => {
    const ca = await readFile(cluster.certificateFile, 'utf8')
    for (const [brokers, ssl] of [
      [cluster.saslBrokers, false],
      [cluster.tlsBrokers, { ca }],
    ] as const) {
      const provider = open({ brokers: brokers.split(','), sasl, ssl })
      await provider.connect()
      expect(provider.describeForThreads?.().options).toMatchObject({ sasl, ssl })
      expect(() => structuredClone(provider.describeForThreads?.())).not.toThrow()
      const topic = `login-${sasl.mechanism}-${ssl ? 'tls' : 'plain'}`
      await provider.admin().createTopics([{ name: topic, partitions: 1 }])
      const producer = provider.createProducer()
      producer.send(topic, 0, { key: null, value: Buffer.from('v'), timestampMs: NOW_MS })
      await producer.flush()
      const reader = provider.createReader()
      await reader.assign([{ topic, partition: 0, offset: 0 }])
      await readUntil(reader, (batches) => batches.length > 0)
      await provider.close()
    }
  })

  it('tells a wrong password from a broker that is away, and does not repeat it', async () => {
    const lines: string[] = []
    const note = (fields: object, message: string): void => void lines.push(JSON.stringify(fields) + message)
    const logger: Logger = {
      trace: note,
      debug: note,
      info: note,
      warn: note,
      error: note,
      fatal: note,
      child: () => logger,
    }
    const sasl = { mechanism: 'plain', username: 'alice', password: 'not-the-password' } as const
    const provider = open({ brokers: cluster.saslBrokers.split(','), sasl, logger })
    await expect(provider.connect()).rejects.toBeInstanceOf(KafkaAuthorizationError)
    await provider.close()
    expect(lines.join('\n')).not.toContain('not-the-password')
  })
})

describe('a broker that is killed and started again', () => {
  it('loses no acknowledged record, keeps the order, and repeats none', { timeout: 120_000 }, async () => {
    const provider = open()
    const topic = 'killed-while-producing'
    const partitions = 3
    await provider.admin().createTopics([{ name: topic, partitions }])
    const producer = provider.createProducer({ deliveryTimeoutMs: 60_000 })
    const consumer = provider.createConsumer({ groupId: `${topic}-group`, assignor: greedy, ...MEMBER })
    consumer.subscribe([topic], indifferent)

    const sent: number[] = [0, 0, 0]
    const acknowledged: string[][] = [[], [], []]
    const failures: Error[] = []
    let isStopped = false
    const producing = (async () => {
      while (!isStopped) {
        for (let i = 0; i < 300; i++) {
          const partition = i % partitions
          const value = Buffer.from(String(sent[partition]!++))
          producer.send(topic, partition, { key: null, value, timestampMs: NOW_MS }, (error, offset) => {
            if (error) failures.push(error)
            else acknowledged[partition]!.push(`${offset}:${value}`)
          })
        }
        await sleep(5)
      }
      await producer.flush()
    })()

    const seen: string[][] = [[], [], []]
    const count = () => seen.reduce((sum, list) => sum + list.length, 0)
    let expected = Number.POSITIVE_INFINITY
    const consuming = readUntil(consumer, (batches) => {
      for (const { partition, records } of batches) {
        for (const record of records) seen[partition]!.push(`${record.offset}:${record.value}`)
      }
      return count() >= expected
    })

    await sleep(1_500)
    await killAndRestart(500)
    await sleep(1_000)
    await killAndRestart(0)
    await sleep(500)
    isStopped = true
    await producing
    expected = sent.reduce((sum, n) => sum + n, 0)
    await consuming

    expect(failures).toEqual([])
    for (let partition = 0; partition < partitions; partition++) {
      const inOrder = Array.from({ length: sent[partition]! }, (_, i) => `${i}:${i}`)
      expect(seen[partition]).toEqual(inOrder)
      // A batch that arrived although its answer was lost is acknowledged without an offset after a restart.
      expect(acknowledged[partition]!.map((entry) => entry.split(':')[1])).toEqual(inOrder.map((e) => e.split(':')[1]))
    }
    await provider.close()
  })

  it('makes records come out of transactions exactly once', { timeout: 180_000 }, async () => {
    const provider = open()
    const [input, output, groupId] = ['tx-input', 'tx-output', 'tx-group']
    const total = 3_000
    await provider.admin().createTopics([input, output].map((name) => ({ name, partitions: 1 })))
    const feeder = provider.createProducer()
    for (let i = 0; i < total; i++) {
      feeder.send(input, 0, { key: null, value: Buffer.from(String(i)), timestampMs: NOW_MS })
    }
    await feeder.flush()

    const killing = (async () => {
      await sleep(700)
      await killAndRestart(200)
      await sleep(700)
      await killAndRestart(0)
    })()
    const group = { groupId, memberId: '', generationId: -1 }
    let producers = 0
    let position = 0
    while (position < total) {
      let producer: Producer | undefined
      try {
        producer = provider.createProducer({ transactionalId: groupId, transactionTimeoutMs: 10_000 })
        producers++
        await producer.initTransactions()
        const committed = await provider.admin().committedOffsets(groupId, [input])
        position = committed.get(`${input}-0`)?.offset ?? 0
        while (position < total) {
          const end = Math.min(total, position + 10)
          producer.beginTransaction()
          for (let i = position; i < end; i++) {
            producer.send(output, 0, { key: null, value: Buffer.from(String(i)), timestampMs: NOW_MS })
          }
          await producer.sendOffsets([{ topic: input, partition: 0, offset: end }], group)
          await producer.commitTransaction()
          position = end
        }
      } catch (error) {
        if (producers > 50) throw error
        await sleep(100)
      } finally {
        await producer?.close()
      }
    }
    await killing

    const values: string[] = []
    const reader = provider.createReader({ isolationLevel: 'read_committed' })
    await reader.assign([{ topic: output, partition: 0, offset: 0 }])
    await readUntil(reader, (batches) => {
      for (const { records } of batches) for (const record of records) values.push(`${record.value}`)
      return values.length >= total && reader.lag({ topic: output, partition: 0 }) === 0
    })
    expect(values).toEqual(Array.from({ length: total }, (_, i) => String(i)))
    await provider.close()
  })

  it('fails records whose time runs out while it is away, and goes on when it is back', {
    timeout: 60_000,
  }, async () => {
    const provider = open()
    const topic = 'expired'
    await provider.admin().createTopics([{ name: topic, partitions: 1 }])
    const producer = provider.createProducer({ deliveryTimeoutMs: 1_000 })
    const send = (value: string) =>
      new Promise<string>((resolve) =>
        producer.send(topic, 0, { key: null, value: Buffer.from(value), timestampMs: NOW_MS }, (error, offset) =>
          resolve(error ? error.name : `${value} at ${offset}`),
        ),
      )
    expect(await send('before')).toBe('before at 0')
    await cluster.killNode(0)
    expect(await send('meanwhile')).toBe('KafkaUnavailableError')
    await expect(producer.flush()).rejects.toBeInstanceOf(KafkaUnavailableError)
    await cluster.startNode(0)
    const deadlineMs = Date.now() + 20_000
    let after = ''
    while (!after.startsWith('after') && Date.now() < deadlineMs) after = await send('after')
    expect(after).toBe('after at 1')
    await provider.close()
  })
})
