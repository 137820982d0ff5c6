import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes, type TableJoined } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const LEFT_PARTITIONS = 3
const RIGHT_PARTITIONS = 5
const KEYS = Array.from({ length: 60 }, (_, i) => `k${i}`)
const OTHER_KEYS = Array.from({ length: 12 }, (_, i) => `o${i}`)

/** Not Kafka's hash: by the number in the key. */
const byNumber = (key: string, count: number): number => Number(key.slice(1)) % count

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-foreign-keys-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([
    { name: 'left', partitions: LEFT_PARTITIONS },
    { name: 'right', partitions: RIGHT_PARTITIONS },
    { name: 'out', partitions: 4 },
  ])
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function start(
  kind: 'join' | 'leftJoin',
  joined: TableJoined<string, string, string>,
  options: Partial<StreamsOptions> = {},
): Promise<void> {
  const builder = new StreamsBuilder()
  const [left, right] = [builder.table('left', TEXT), builder.table('right', TEXT)]
  const foreignKey = (v: string): string | null => (v.startsWith('-') ? null : (v.split(':')[0] as string))
  const table =
    kind === 'join'
      ? left.join(right, foreignKey, (a, b) => `${a}|${b}`, joined)
      : left.leftJoin(right, foreignKey, (a, b) => `${a}|${b ?? '-'}`, joined)
  table.toStream().to('out', TEXT)
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, String(running.length)),
    commitInterval: 20,
    ...options,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
}

type Partitions = (key: string, count: number) => number | undefined
const byHash: Partitions = () => undefined

/** Both tables as the model sees them, and a producer that keeps them so. */
class Tables {
  readonly left = new Map<string, string>()
  readonly right = new Map<string, string>()
  readonly #producer = kafka.createProducer()
  readonly #leftPartition: Partitions
  readonly #rightPartition: Partitions
  #random = 7

  constructor(leftPartition: Partitions, rightPartition: Partitions) {
    this.#leftPartition = leftPartition
    this.#rightPartition = rightPartition
  }

  put(table: 'left' | 'right', key: string, value: string | null): void {
    const [rows, partition] =
      table === 'left'
        ? [this.left, this.#leftPartition(key, LEFT_PARTITIONS)]
        : [this.right, this.#rightPartition(key, RIGHT_PARTITIONS)]
    if (value === null) rows.delete(key)
    else rows.set(key, value)
    const record = { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestampMs: Date.now() }
    this.#producer.send(table, partition, record)
  }

  async change(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const key = KEYS[this.#next(KEYS.length)] as string
      const otherKey = OTHER_KEYS[this.#next(OTHER_KEYS.length)] as string
      const what = this.#next(10)
      if (what < 3) this.put('right', otherKey, what === 0 ? null : `r${i}`)
      else this.put('left', key, what === 3 ? null : what === 4 ? `-:${i}` : `${otherKey}:${i}`)
      if (i % 50 === 0) await this.#producer.flush()
    }
    await this.#producer.flush()
  }

  joined(kind: 'join' | 'leftJoin'): Readonly<Record<string, string>> {
    const rows: [string, string][] = []
    for (const [key, value] of this.left) {
      const other = this.right.get(value.split(':')[0] as string)
      if (other !== undefined) rows.push([key, `${value}|${other}`])
      else if (kind === 'leftJoin') rows.push([key, `${value}|-`])
    }
    return Object.fromEntries(rows.sort())
  }

  #next(below: number): number {
    this.#random = (Math.imul(this.#random, 1103515245) + 12345) & 0x7fffffff
    return (this.#random >>> 8) % below
  }
}

/** The table that the records of a topic add up to. */
async function tableOf(topic: string, partitions: number): Promise<Readonly<Record<string, string>>> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 }))
  await reader.assign(all)
  const rows = new Map<string, string>()
  while (all.some((partition) => reader.lag(partition) !== 0)) {
    for (const { records } of await reader.poll(50))
      for (const { key, value } of records) {
        if (value === null) rows.delete(String(key))
        else rows.set(String(key), String(value))
      }
  }
  await reader.close()
  return Object.fromEntries([...rows].sort())
}

async function eventuallyJoined(tables: Tables, kind: 'join' | 'leftJoin'): Promise<void> {
  const deadline = Date.now() + 7_000
  for (;;) {
    const [found, expected] = [await tableOf('out', 4), tables.joined(kind)]
    if (Date.now() > deadline || JSON.stringify(found) === JSON.stringify(expected)) {
      expect(found).toEqual(expected)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a foreign-key join of tables with different partition counts', () => {
  it.each(['join', 'leftJoin'] as const)(
    'adds up to the join of both tables, over tasks and instances (%s)',
    async (kind) => {
      const tables = new Tables(byHash, byHash)
      await tables.change(200)
      await start(kind, { name: 'j', store: 'result', value: serdes.string })
      await start(kind, { name: 'j', store: 'result', value: serdes.string })
      await tables.change(400)
      await eventuallyJoined(tables, kind)
      const topics = await kafka
        .admin()
        .describeTopics(['app-j-subscription-registration-topic', 'app-j-subscription-response-topic'])
      expect([...topics.values()].map((t) => t.partitions)).toEqual([RIGHT_PARTITIONS, LEFT_PARTITIONS])
      expect(Object.keys(tables.joined(kind)).length).toBeGreaterThan(20)
    },
  )

  it('sends answers where the row is, however its topic is partitioned (rule 36)', async () => {
    const tables = new Tables(byNumber, byHash)
    await start('join', { name: 'j' }, { cacheMaxBytes: 0 })
    await tables.change(300)
    await eventuallyJoined(tables, 'join')
  })

  it('asks the partitioners, of the right table for subscriptions and of the left one for answers', async () => {
    const tables = new Tables(byNumber, byNumber)
    await start('leftJoin', {
      partitioner: (_topic, key, _value, count) => [byNumber(key, count)],
      otherPartitioner: (_topic, key, _value, count) => [byNumber(key, count)],
    })
    await tables.change(300)
    await eventuallyJoined(tables, 'leftJoin')
  })

  it('goes on after a restart, with what it had subscribed to', async () => {
    const tables = new Tables(byHash, byHash)
    await start('join', { name: 'j' }, { processingGuarantee: 'exactly_once' })
    await tables.change(200)
    await eventuallyJoined(tables, 'join')
    await running.pop()?.close()
    await tables.change(100)
    await start('join', { name: 'j' }, { processingGuarantee: 'exactly_once' })
    for (const key of OTHER_KEYS) tables.put('right', key, `new-${key}`)
    await tables.change(1)
    await eventuallyJoined(tables, 'join')
  })
})
