import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../common/log.ts'
import * as fc from '../test/support/property.ts'
import { KafkaUnavailableError } from './errors.ts'
import type { Api } from './protocol/api.ts'
import type { ProducedPartition } from './protocol/produce.ts'
import { WireReader, WireWriter } from './protocol/wire.ts'
import { decodeRecordBatches } from './record-batch.ts'
import { Sender, type SenderOptions, type SendingContext } from './sender.ts'

/** What becomes of one produce request. Numbers are error codes that the broker answers without appending. */
type Fate = 'fine' | 'request lost' | 'answer lost' | 'appended, then an error' | number

const NOT_LEADER = 6
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
const OUT_OF_ORDER = 45
const DUPLICATE = 46
const INVALID_EPOCH = 47
const TOPIC_AUTHORIZATION_FAILED = 29

/** A partition leader that numbers producers as Kafka does: the last batch again is no error, a gap is one. */
class FakeBroker {
  readonly log = new Map<number, string[]>()
  readonly producerIds: number[] = []
  readonly fates: Fate[]
  requests = 0
  readonly #sequences = new Map<string, { next: number; last: number; lastOffset: number }>()

  constructor(fates: readonly Fate[] = []) {
    this.fates = [...fates]
  }

  async request<T>(api: Api<T>): Promise<T> {
    this.requests++
    const fate = this.fates.shift() ?? 'fine'
    await sleep(0)
    if (fate === 'request lost') throw new KafkaUnavailableError('connection lost')
    const results = batchesOf(api).map(({ topic, partition, batch }): ProducedPartition => {
      if (typeof fate === 'number') return this.#answer(topic, partition, fate, -1)
      const { code, offset } = this.#append(partition, batch)
      const late = fate === 'appended, then an error' && code === 0 ? NOT_ENOUGH_REPLICAS_AFTER_APPEND : code
      return this.#answer(topic, partition, late, offset)
    })
    if (fate === 'answer lost') throw new KafkaUnavailableError('connection lost')
    return results as T
  }

  values(partition: number): string[] {
    return this.log.get(partition) ?? []
  }

  #append(partition: number, batch: Buffer): { code: number; offset: number } {
    const producerId = Number(batch.readBigInt64BE(43))
    const sequence = batch.readInt32BE(53)
    const key = `${producerId}/${partition}`
    const known = this.#sequences.get(key) ?? { next: 0, last: -1, lastOffset: -1 }
    if (sequence === known.last) return { code: 0, offset: known.lastOffset }
    if (sequence !== known.next) return { code: OUT_OF_ORDER, offset: -1 }
    const { records } = decodeRecordBatches(batch, { fromOffset: 0 })
    const values = this.values(partition)
    this.log.set(partition, values)
    this.#sequences.set(key, { next: sequence + records.length, last: sequence, lastOffset: values.length })
    const offset = values.length
    for (const record of records) values.push(`${record.value}`)
    this.producerIds.push(producerId)
    return { code: 0, offset }
  }

  #answer(topic: string, partition: number, errorCode: number, baseOffset: number): ProducedPartition {
    return { topic, partition, errorCode, baseOffset, recordErrors: [], errorMessage: null }
  }
}

function batchesOf(api: Api<unknown>): { topic: string; partition: number; batch: Buffer }[] {
  const writer = new WireWriter()
  api.encode(writer)
  const r = new WireReader(writer.toBuffer())
  r.nullableString()
  r.int16()
  r.int32()
  const batches: { topic: string; partition: number; batch: Buffer }[] = []
  r.array(() => {
    const topic = r.string()
    r.array(() => batches.push({ topic, partition: r.int32(), batch: r.bytes() }))
  })
  return batches
}

interface Rig {
  readonly sender: Sender
  readonly fatal: Error[]
  readonly poisoned: Error[]
}

const open: Sender[] = []
afterEach(() => {
  for (const sender of open.splice(0)) sender.close()
})

function rig(broker: FakeBroker, options: Partial<SenderOptions & { transactionalId: string }> = {}): Rig {
  let identities = 0
  const fatal: Error[] = []
  const poisoned: Error[] = []
  const context: SendingContext = {
    transactionalId: options.transactionalId ?? null,
    identity: () => Promise.resolve({ producerId: ++identities, producerEpoch: 0 }),
    isRegistered: () => true,
    register: () => {},
    poison: (error) => void poisoned.push(error),
    fatal: (error) => void fatal.push(error),
  }
  const cluster = {
    config: { requestTimeoutMs: 1_000 },
    leaderOf: () => 1,
    node: () => Promise.resolve(broker),
    refresh: () => Promise.resolve(),
    keepFresh: () => {},
  }
  const sender = new Sender(cluster, context, {
    compression: 'none',
    lingerMs: 0,
    maxBatchBytes: 1_000,
    deliveryTimeoutMs: 60_000,
    retryDelayMs: 0.1,
    logger: silentLogger,
    ...options,
  })
  open.push(sender)
  return { sender, fatal, poisoned }
}

function append(sender: Sender, partition: number, values: readonly string[], told: string[] = []): void {
  for (const value of values) {
    sender.append('t', partition, { key: null, value: Buffer.from(value), timestampMs: 0 }, (error, offset) =>
      told.push(error ? `${value}: ${error.name}` : `${value} at ${offset}`),
    )
  }
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i))

describe('the sender', () => {
  it('writes every record once and in order, whatever is lost on the way', async () => {
    const fate = fc.oneof(
      { weight: 3, arbitrary: fc.constant<Fate>('fine') },
      fc.constantFrom<Fate>('request lost', 'answer lost', 'appended, then an error', NOT_LEADER, 7, 19),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
        async (fates, bursts) => {
          const broker = new FakeBroker(fates)
          const { sender } = rig(broker)
          const told: string[][] = [[], []]
          let sent = 0
          for (const burst of bursts) {
            for (const partition of [0, 1]) append(sender, partition, numbered(burst, sent), told[partition])
            sent += burst
            await sleep(0)
          }
          await sender.settle()
          sender.close()
          for (const partition of [0, 1]) {
            expect(broker.values(partition)).toEqual(numbered(sent))
            expect(told[partition]).toEqual(numbered(sent).map((value) => `${value} at ${value}`))
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('takes a batch that the broker has already for acknowledged, at an unknown offset', async () => {
    const { sender } = rig(new FakeBroker([DUPLICATE]))
    const told: string[] = []
    append(sender, 0, ['a'], told)
    await sender.settle()
    expect(told).toEqual(['a at -1'])
  })

  it('goes on under a new producer id where the broker has lost count, and keeps the old one elsewhere', async () => {
    const broker = new FakeBroker()
    const { sender } = rig(broker)
    append(sender, 0, ['a'])
    append(sender, 1, ['x'])
    await sender.settle()
    broker.fates.push(OUT_OF_ORDER)
    append(sender, 0, ['b'])
    await sender.settle()
    append(sender, 1, ['y'])
    await sender.settle()
    expect(broker.values(0)).toEqual(['a', 'b'])
    expect(broker.values(1)).toEqual(['x', 'y'])
    expect(broker.producerIds).toEqual([1, 1, 2, 1])
  })

  it('gives up a batch that is refused, tells why, and goes on with the next under the same numbers', async () => {
    const broker = new FakeBroker([TOPIC_AUTHORIZATION_FAILED])
    const { sender } = rig(broker)
    const told: string[] = []
    append(sender, 0, ['a'], told)
    await sender.settle()
    expect(sender.takeFailure()?.name).toBe('KafkaAuthorizationError')
    expect(sender.takeFailure()).toBeUndefined()
    append(sender, 0, ['b'], told)
    await sender.settle()
    expect(told).toEqual(['a: KafkaAuthorizationError', 'b at 0'])
    expect(broker.producerIds).toEqual([1])
  })

  it('gives up what is not acknowledged in time, and never mixes its numbers with later ones', async () => {
    const broker = new FakeBroker(Array<Fate>(400).fill('request lost'))
    const { sender } = rig(broker, { deliveryTimeoutMs: 30, retryDelayMs: 5 })
    const told: string[] = []
    append(sender, 0, ['late'], told)
    await sender.settle()
    expect(told).toEqual(['late: KafkaUnavailableError'])
    broker.fates.length = 0
    append(sender, 0, ['next'], told)
    await sender.settle()
    expect(told.at(-1)).toBe('next at 0')
    expect(broker.producerIds).toEqual([2])
  })

  it('is done for when a newer producer has its transactional id', async () => {
    const { sender, fatal } = rig(new FakeBroker([INVALID_EPOCH]), { transactionalId: 'tx' })
    append(sender, 0, ['a'])
    while (fatal.length === 0) await sleep(1)
    expect(fatal[0]?.name).toBe('ProducerFencedError')
  })

  it('says that a transaction cannot be committed whose numbering is out of step', async () => {
    const { sender, poisoned } = rig(new FakeBroker([OUT_OF_ORDER]), { transactionalId: 'tx' })
    const told: string[] = []
    append(sender, 0, ['a'], told)
    await sender.settle()
    expect(told).toEqual(['a: KafkaProtocolError'])
    expect(poisoned).toHaveLength(1)
  })

  it('waits for company for as long as it may, and not when somebody flushes', async () => {
    const broker = new FakeBroker()
    const { sender } = rig(broker, { lingerMs: 10_000 })
    append(sender, 0, ['a'])
    await sleep(20)
    append(sender, 0, ['b'])
    expect(broker.requests).toBe(0)
    await sender.settle()
    expect(broker.requests).toBe(1)
    expect(broker.values(0)).toEqual(['a', 'b'])
  })

  it('holds back while too much is unacknowledged', async () => {
    const { sender } = rig(new FakeBroker())
    expect(sender.above(100)).toBeUndefined()
    append(sender, 0, numbered(50))
    const relieved = sender.above(100)
    expect(relieved).toBeInstanceOf(Promise)
    await relieved
    expect(sender.above(100)).toBeUndefined()
  })

  it('drops what is not on its way, and waits for what is', async () => {
    const broker = new FakeBroker()
    const { sender } = rig(broker)
    const told: string[] = []
    append(sender, 0, ['sent'], told)
    while (broker.requests === 0) await sleep(0)
    append(sender, 0, ['dropped'], told)
    await sender.drop(new KafkaUnavailableError('aborted'))
    expect(told.sort()).toEqual(['dropped: KafkaUnavailableError', 'sent at 0'])
    expect(broker.values(0)).toEqual(['sent'])
  })

  it('is not disturbed by a callback that throws', async () => {
    const { sender } = rig(new FakeBroker())
    const told: string[] = []
    sender.append('t', 0, { key: null, value: null, timestampMs: 0 }, () => {
      throw new Error('not my fault')
    })
    append(sender, 0, ['a'], told)
    await sender.settle()
    expect(told).toEqual(['a at 1'])
  })
})
