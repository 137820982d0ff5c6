import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { DealingAssignor } from './contract/member.ts'
import { kafkaProviderContract } from './contract.ts'
import { CommitFailedError } from './errors.ts'
import { createKafkaProvider } from './kafkajs.ts'

const brokers = process.env['BROOK_TEST_BROKERS']
if (!brokers) throw new Error('BROOK_TEST_BROKERS is missing: run with the integration project, which starts a broker')

kafkaProviderContract('the Kafka provider', async () => {
  const provider = createKafkaProvider({ brokers: brokers.split(',') })
  return { provider, unique: `contract-${randomBytes(4).toString('hex')}`, close: () => provider.close() }
})

describe('what the Kafka provider adds', () => {
  const provider = createKafkaProvider({ brokers: brokers.split(',') })
  const unique = `provider-${randomBytes(4).toString('hex')}`
  const noop = { onAssigned: async () => {}, onRevoked: async () => {}, onLost: async () => {} }
  const timeouts = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 10_000 }
  afterAll(() => provider.close())

  async function joined(topic: string, label: string) {
    const assigned: string[][] = []
    const consumer = provider.createConsumer({
      groupId: `${topic}-group`,
      assignor: new DealingAssignor(label),
      ...timeouts,
    })
    consumer.subscribe([topic], {
      ...noop,
      onAssigned: async (partitions) => void assigned.push(partitions.map((p) => String(p.partition))),
    })
    while (assigned.length === 0) await consumer.poll(100)
    return { consumer, assigned }
  }

  it('refuses the offsets of a transaction from a generation that is over, and the producer can abort and go on', async () => {
    const topic = `${unique}-generation`
    await provider.admin().createTopics([{ name: topic, partitions: 1 }])
    const { consumer } = await joined(topic, 'a')
    const stale = consumer.groupMetadata()
    consumer.requestRejoin()
    while (consumer.groupMetadata().generationId === stale.generationId) await consumer.poll(100)
    const producer = provider.createProducer({ transactionalId: `${unique}-tx` })
    await producer.initTransactions()
    const offsets = [{ topic, partition: 0, offset: 7 }]
    producer.beginTransaction()
    await expect(producer.sendOffsets(offsets, stale)).rejects.toBeInstanceOf(CommitFailedError)
    await expect(producer.commitTransaction()).rejects.toBeInstanceOf(CommitFailedError)
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.sendOffsets(offsets, consumer.groupMetadata())
    await producer.commitTransaction()
    expect((await consumer.committed(offsets)).get(`${topic}-0`)).toEqual({ offset: 7 })
    await consumer.close()
    await producer.close()
  })

  it('rebalances by itself when a topic that was missing appears', async () => {
    const topic = `${unique}-appears`
    const { consumer, assigned } = await joined(topic, 'a')
    expect(assigned).toEqual([[]])
    await provider.admin().createTopics([{ name: topic, partitions: 2 }])
    while (assigned.length === 1) await consumer.poll(100)
    expect(assigned.at(-1)).toEqual(['0', '1'])
    await consumer.close()
  })

  it('leaves the group when it is not polled for as long as a rebalance may take', async () => {
    const topic = `${unique}-lazy`
    await provider.admin().createTopics([{ name: topic, partitions: 1 }])
    const lost: number[] = []
    const lazy = provider.createConsumer({
      groupId: `${topic}-group`,
      assignor: new DealingAssignor('a'),
      ...timeouts,
      rebalanceTimeoutMs: 1_000,
    })
    lazy.subscribe([topic], { ...noop, onLost: async (partitions) => void lost.push(partitions.length) })
    while (lazy.groupMetadata().generationId < 0) await lazy.poll(100)
    await lazy.poll(100)
    await sleep(2_000)
    const { consumer, assigned } = await joined(topic, 'b')
    expect(assigned).toEqual([['0']])
    await lazy.poll(100)
    expect(lost).toEqual([1])
    await consumer.close()
    await lazy.close()
  })
})
