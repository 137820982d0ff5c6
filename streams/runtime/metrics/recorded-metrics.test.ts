import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Metrics } from '../../../common/metrics.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import {
  BufferConfig,
  KafkaStreams as Client,
  EmitStrategy,
  JoinWindows,
  type KafkaStreams,
  type RecordingLevel,
  SessionWindows,
  StreamsBuilder,
  type StreamsMetric,
  Suppressed,
  serdes,
  TimeWindows,
  type Topology,
} from '../../index.ts'
import { isRecorded, METRICS, STATE_ID } from './metric-catalogue.ts'
import { prometheusLabels, prometheusName } from './prometheus.ts'

const TEXT = { key: serdes.string, value: serdes.string }
let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-metrics-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['words', 'others', 'closed'].map((name) => ({ name, partitions: 2 })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

/** Sources, sinks, and stores of all kinds; results that are held back, and results on close. */
function everything(): Topology {
  const builder = new StreamsBuilder()
  const stream = builder.stream('words', TEXT)
  stream
    .join(builder.stream('others', TEXT), (word) => word, JoinWindows.ofTimeDifferenceAndGrace(5, 0), TEXT)
    .process(() => ({
      init: (context) => void context.schedule(10, 'wall-clock-time', () => {}),
      process() {},
    }))
  const words = stream.groupByKey()
  const windows = TimeWindows.ofSizeAndGrace(10, 0)
  words
    .windowedBy(windows)
    .count({ store: 'held-back' })
    .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
    .toStream()
    .selectKey((_count, { key }) => key)
    .to('closed', { key: serdes.string, value: serdes.long })
  words.windowedBy(windows).emitStrategy(EmitStrategy.onWindowClose()).count({ store: 'on-close' })
  words.windowedBy(SessionWindows.ofInactivityGapAndGrace(5, 0)).count({ store: 'sessions' })
  words.count({ store: 'totals' })
  return builder.build()
}

async function started(level: RecordingLevel, metrics = new Metrics()): Promise<KafkaStreams> {
  const streams = new Client(everything(), {
    applicationId: 'app',
    kafka,
    metrics,
    metricsRecordingLevel: level,
    numStandbyReplicas: 1,
    commitInterval: 20,
    emitInterval: 0,
    stateDir: join(directory, String(running.length)),
  })
  running.push(streams)
  await streams.start()
  return streams
}

/** 40 records for each partition, and behind them one without a key and one that is late. */
async function send(): Promise<void> {
  const producer = kafka.createProducer()
  for (const partition of [0, 1]) {
    const put = (name: string | null, timestampMs: number): void => {
      const key = name === null ? null : Buffer.from(name)
      producer.send('words', partition, { key, value: Buffer.from('abc'), timestampMs })
    }
    for (let i = 0; i < 40; i++) put(`k${i % 3}`, 100_000_000 + i)
    put(null, 100_000_050)
    put('late', 1_000)
  }
  await producer.flush()
  await producer.close()
}

const idOf = ({ group, name }: { readonly group: string; readonly name: string }): string => `${group} ${name}`
const specOf = new Map(METRICS.map((spec) => [idOf(spec), spec]))
const sum = (metrics: readonly StreamsMetric[], name: string): number =>
  metrics.filter((metric) => metric.name === name).reduce((all, { value }) => all + Number(value), 0)

/** Two clients that have shared the tasks out and keep copies for each other, after all is processed. */
async function metricsOfTwo(level: RecordingLevel, registry?: Metrics): Promise<readonly StreamsMetric[]> {
  const clients = [await started(level, registry), await started(level)]
  await vi.waitFor(
    () => {
      for (const client of clients) {
        expect(client.state).toBe('RUNNING')
        expect(client.tasks()).toHaveLength(1)
        expect(client.standbyTasks()[0]?.lag).toBe(0)
      }
    },
    { timeout: 20_000, interval: 20 },
  )
  await send()
  const all = async (): Promise<readonly StreamsMetric[]> =>
    (await Promise.all(clients.map((client) => client.metrics()))).flat()
  await vi.waitFor(
    async () => {
      const metrics = await all()
      expect(sum(metrics, 'records-consumed-total')).toBe(84)
      expect(sum(metrics, 'records-produced-total')).toBe(18)
    },
    { timeout: 10_000, interval: 20 },
  )
  return all()
}

describe('what a client records', () => {
  it('is the catalogue, nothing more and nothing less, with its tags', async () => {
    const metrics = await metricsOfTwo('TRACE')
    const recorded = new Set(metrics.map(idOf))
    // Neither is there a scan that is open, nor a client that has lost its tasks.
    const missing = METRICS.filter((spec) => spec.kind !== 'histogram' && !recorded.has(idOf(spec))).map(idOf)
    expect(missing).toEqual(['stream-state-metrics oldest-iterator-open-since-ms'])
    for (const metric of metrics) {
      const spec = specOf.get(idOf(metric))
      expect(spec, idOf(metric)).toBeDefined()
      const tags = Object.keys(metric.tags).map((tag) => (tag.endsWith('-state-id') ? STATE_ID : tag))
      expect(tags.sort()).toEqual([...(spec?.tags ?? [])].sort())
      expect(typeof metric.value).toBe(spec?.kind === 'text' ? 'string' : 'number')
    }
    const known = metrics.filter(({ value }) => !Number.isNaN(value)).map(idOf)
    for (const name of ['put-latency-avg', 'fetch-rate', 'record-e2e-latency-min', 'flush-latency-max'])
      expect(known).toContain(`stream-state-metrics ${name}`)
  })

  it.each(['INFO', 'DEBUG'] as const)('at %s is of that level and those above', async (level) => {
    const metrics = await metricsOfTwo(level)
    expect([...new Set(metrics.filter((one) => !isRecorded(one.level, level)).map(idOf))]).toEqual([])
    const recorded = new Set(metrics.map(idOf))
    const due = METRICS.filter((spec) => spec.level === level && spec.kind !== 'histogram').map(idOf)
    expect(due.filter((id) => !recorded.has(id) && !id.includes('oldest-iterator'))).toEqual([])
  })

  it('are the numbers of what was done', async () => {
    const metrics = await metricsOfTwo('DEBUG')
    const produced = metrics.filter(({ name }) => name === 'records-produced-total')
    expect(new Set(produced.map(({ tags }) => tags.topic))).toEqual(new Set(['closed']))
    expect(sum(metrics, 'suppression-emit-total')).toBe(18)
    expect(sum(metrics, 'window-aggregate-final-emit-total')).toBe(18)
    // Key, value, 5 of the topic's name and 20 more: of 80 records with 2 and 3 bytes, two with 3, two with 4 and 3.
    expect(sum(metrics, 'bytes-consumed-total')).toBe(80 * (5 + 25) + 2 * (3 + 25) + 2 * (7 + 25))
    const dropped = metrics.filter(({ name }) => name === 'dropped-records-total')
    expect(new Set(dropped.map(({ tags }) => tags.reason))).toEqual(new Set(['null-key', 'late']))
    const processed = metrics.filter(({ group, name }) => group === 'stream-thread-metrics' && name === 'process-total')
    expect(processed.map(({ value }) => value)).toEqual([42, 42])
    const states = metrics.filter(({ name }) => name === 'client-state' || name === 'thread-state')
    expect(states.map(({ value }) => value)).toEqual([2, 4, 2, 4])
    const known = new Set(metrics.filter(({ value }) => !Number.isNaN(value)).map(({ name }) => name))
    for (const name of ['tasks-assigned', 'tasks-revoked', 'poll', 'process', 'commit', 'punctuate', 'put', 'fetch'])
      expect(known).toContain(`${name}-latency-max`)
    const lateness = metrics.find(({ name }) => name === 'record-lateness-max')
    expect(lateness?.value).toBe(100_000_050 - 1_000)
    const age = metrics.find(({ name, tags }) => name === 'record-e2e-latency-max' && 'processor-node-id' in tags)
    expect(Number(age?.value)).toBeGreaterThan(Date.now() - 100_060_000)
    for (const { value } of metrics.filter(({ name }) => name.endsWith('-ratio'))) {
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThanOrEqual(1)
    }
  })
})

describe('for Prometheus', () => {
  it('every number is printed under the name that the JMX exporter gives it', async () => {
    const registry = new Metrics()
    await metricsOfTwo('INFO', registry)
    const text = await registry.text()
    expect(text).toMatch(/^kafka_streams_stream_thread_metrics_process_total\{thread_id="app-StreamThread-1"\} 42$/m)
    expect(text).toMatch(/^kafka_streams_stream_task_metrics_dropped_records_total\{.*reason="null-key".*\} \d$/m)
    expect(text).toMatch(/^kafka_consumer_consumer_fetch_manager_metrics_records_lag\{.*topic="words".*\} 0$/m)
    expect(text).toMatch(/^kafka_streams_stream_thread_metrics_commit_latency_seconds_bucket\{le="1"\} \d+$/m)
    const names = new Set(METRICS.map(prometheusName))
    for (const [, name, labels] of text.matchAll(/^(\w+?)(?:_bucket|_sum|_count)?\{([^}]*)\} /gm)) {
      expect(names).toContain(name)
      const spec = METRICS.find((one) => prometheusName(one) === name)
      const allowed = [...prometheusLabels(spec as NonNullable<typeof spec>), 'le']
      for (const [, label] of (labels ?? '').matchAll(/(\w+)="/g)) expect(allowed).toContain(label)
    }
    expect(text).not.toMatch(/nan/i)
  })

  it('a client that is closed is not told of any more', async () => {
    const registry = new Metrics()
    const streams = await started('INFO', registry)
    expect(await registry.text()).toContain('kafka_streams_stream_metrics_client_state')
    await streams.close()
    expect(await registry.text()).not.toContain('kafka_streams_stream_metrics_client_state')
  })
})
