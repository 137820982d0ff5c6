import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '../../common/log.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { freePorts } from '../../scripts/servers/ports.ts'
import { KafkaStreams, StreamsBuilder, serdes, type Topology } from '../../streams/index.ts'
import { readCommitted, untilConsumed } from './committed.ts'
import { type Fate, TcpProxy } from './proxies.ts'

const PARTITIONS = 2
const WORDS = 5
const RECORDS = 2_000
const TRANSACTION_TIMEOUT_MS = 2_000

let directory: string
let cluster: KafkaCluster
let proxy: TcpProxy
let kafka: KafkaProvider
let fate: () => Fate = () => 'pass'
let fates = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-end-txn-'))
  const [port = 0, proxied = 0] = await freePorts(2)
  proxy = await TcpProxy.start({ port: proxied, target: port, decide: () => fate() })
  cluster = await KafkaCluster.start({
    directory,
    port,
    properties: {
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxied}`,
      // Transactions that are too old are looked for often.
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
    },
  })
  kafka = createKafkaProvider({ brokers: [`127.0.0.1:${proxied}`], requestTimeoutMs: 3_000 })
}, 120_000)

afterAll(async () => {
  await kafka?.close()
  await cluster?.stop()
  await proxy?.close()
  await rm(directory, { recursive: true, force: true })
}, 60_000)

function wordCount(name: string): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream(`${name}-words`, { key: serdes.string, value: serdes.string })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to(`${name}-counts`, { value: serdes.long })
  return builder.build()
}

function listening(warnings: string[]): Logger {
  return { ...silentLogger, warn: (_fields, message) => void warnings.push(message), child: () => listening(warnings) }
}

/** Some of the first transactions meet this fate; all others end as they should. */
function sometimes(bad: Fate): () => Fate {
  let ended = 0
  fates = 0
  return () => {
    if (![3, 8, 9].includes(ended++)) return 'pass'
    fates++
    return bad
  }
}

async function send(name: string): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < RECORDS; i++)
    producer.send(`${name}-words`, i % PARTITIONS, {
      key: Buffer.from(`word-${i % PARTITIONS}-${i % WORDS}`),
      value: Buffer.from('x'),
      timestampMs: Date.now(),
    })
  await producer.flush()
  await producer.close()
}

describe('under exactly once, an end of a transaction', () => {
  const cases: readonly (readonly [string, Fate, redone: boolean])[] = [
    ['that the broker learns late', { holdMs: 1_000 }, false],
    ['whose answer is lost', 'lose-answer', false],
    ['that the broker learns after it has given the transaction up', { holdMs: 2.5 * TRANSACTION_TIMEOUT_MS }, true],
  ]

  it.each(cases)('%s loses and doubles nothing', { timeout: 120_000 }, async (what, bad, redone) => {
    const name = `end-txn-${cases.findIndex(([other]) => other === what)}`
    await kafka
      .admin()
      .createTopics([`${name}-words`, `${name}-counts`].map((topic) => ({ name: topic, partitions: PARTITIONS })))
    await send(name)
    const failures: Error[] = []
    const warnings: string[] = []
    fate = sometimes(bad)
    const streams = new KafkaStreams(wordCount(name), {
      applicationId: name,
      kafka,
      stateDir: join(directory, 'state'),
      processingGuarantee: 'exactly_once',
      commitInterval: 10,
      cacheMaxBytes: 0,
      bufferedRecordsPerPartition: 50,
      sessionTimeout: '10s',
      heartbeatInterval: '500ms',
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      onUncaughtError: (error) => void failures.push(error),
      log: listening(warnings),
    })
    const startedMs = performance.now()
    await streams.start()
    await untilConsumed(kafka, name, [`${name}-words`], 90_000)
    // With the last input consumed, more than the bad transactions have been ended.
    while (fates < 3) {
      await send(name)
      await untilConsumed(kafka, name, [`${name}-words`], 90_000)
    }
    console.log(
      `[fault] an end of a transaction ${what}: consumed after ${Math.round(performance.now() - startedMs)} ms`,
    )
    await streams.close()
    fate = () => 'pass'
    expect(failures).toEqual([])
    // Only where the broker has aborted it, a transaction has to be done over.
    expect(warnings.some((w) => /dropping tasks|restoring tasks/.test(w))).toBe(redone)
    const [inputs, outputs] = [
      await readCommitted(kafka, `${name}-words`),
      await readCommitted(kafka, `${name}-counts`),
    ]
    const expected = new Map<string, number>()
    for (const { key } of inputs.flat()) expected.set(String(key), (expected.get(String(key)) ?? 0) + 1)
    const counted = new Map<string, number[]>()
    for (const { key, value } of outputs.flat())
      counted.set(String(key), [...(counted.get(String(key)) ?? []), Number(value?.readBigInt64BE())])
    for (const [word, count] of expected)
      expect(counted.get(word)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    expect(counted.size).toBe(expected.size)
  })
})
