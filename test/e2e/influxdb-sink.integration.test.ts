import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, Producer } from '../../kafka/port.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { topicPlans, topics } from '../../schemas/topics.ts'
import { DeadLetter, Reading } from '../../schemas/types.ts'
import { InfluxdbServer } from '../../scripts/servers/influxdb.ts'
import { readCommitted } from '../fault/committed.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

const BROKERS = process.env['BROOK_TEST_BROKERS'] as string
const REGISTRY = process.env['BROOK_TEST_REGISTRY'] as string
const DATABASE = 'building'
const QUEUE_POINTS = 2_000
/** In 128 KiB, where each takes 70 bytes at the least. */
const MOST_RECORDS_OF_FETCH = 1_900
const RUN = Date.now()

interface Report {
  readonly name: string
  readonly state: string
  readonly lastError?: string
  readonly queueLength: number
  readonly deadLetters: number
}

let influx: InfluxdbServer
let kafka: KafkaProvider
let producer: Producer
let registry: RegistryClient

beforeAll(async () => {
  influx = await InfluxdbServer.start({ directory: freshDirectory() })
  await influx.query(`CREATE DATABASE ${DATABASE}`)
  await influx.query(`CREATE RETENTION POLICY hour ON ${DATABASE} DURATION 1h REPLICATION 1`)
  kafka = createKafkaProvider({ brokers: BROKERS.split(',') })
  registry = new RegistryClient({ url: REGISTRY })
  await kafka.admin().createTopics(topicPlans())
  producer = kafka.createProducer()
})
afterEach(async () => {
  for (const sink of running.splice(0)) await sink.kill()
})
afterAll(async () => {
  await producer?.close()
  await kafka?.close()
  registry?.close()
  await influx?.stop()
  await cleanUp()
})

const running: BuildingProcess[] = []

/** `measurement` is the group's name too: each test has its own, and so every record. */
async function startSink(measurement: string, env: Record<string, string> = {}): Promise<BuildingProcess> {
  const sink = BuildingProcess.spawn({
    program: 'connectors',
    args: ['influxdb'],
    env: {
      ...(await freshSettings()),
      BROOK_KAFKA_BROKERS: BROKERS,
      BROOK_SCHEMA_REGISTRY: REGISTRY,
      BROOK_INFLUXDB_URL: influx.url,
      BROOK_INFLUXDB_API: 'v1',
      BROOK_INFLUXDB_BUCKET: DATABASE,
      BROOK_INFLUXDB_MEASUREMENT: measurement,
      BROOK_INFLUXDB_GROUP: measurement,
      BROOK_INFLUXDB_BATCH_POINTS: '200',
      BROOK_INFLUXDB_FLUSH_MS: '50',
      BROOK_INFLUXDB_QUEUE_POINTS: String(QUEUE_POINTS),
      ...env,
    },
  })
  running.push(sink)
  await sink.ready()
  return sink
}

/** So many readings of devices of this test's own, each device and time once. */
async function produce(prefix: string, from: number, to: number, timeOf = (i: number) => RUN + i): Promise<void> {
  const { name } = topics.readings
  const key = avroString({ registry })
  const value = avro(Reading, { registry })
  await key.prepare?.(name, 'key')
  await value.prepare?.(name, 'value')
  for (let i = from; i < to; i++) {
    const deviceId = `${prefix}-${i % 20}`
    const reading: Reading = {
      deviceId,
      roomId: 'a room, with = in it',
      bus: 'mqtt',
      kind: 'temperature',
      value: i / 8,
      unit: 'celsius',
      quality: 'good',
      eventTimeMs: timeOf(i),
      receivedAtMs: RUN,
      sequence: i,
      retained: false,
    }
    const bytes = { key: key.serialize(deviceId, name), value: value.serialize(reading, name) }
    producer.send(name, undefined, { ...bytes, timestampMs: reading.eventTimeMs })
  }
  await producer.flush()
}

const ofDevices = (prefix: string): string => `deviceId =~ /^${prefix}-/`

async function count(measurement: string, prefix: string, policy = 'autogen'): Promise<number> {
  const from = `"${policy}"."${measurement}"`
  const [row] = await influx.query(`SELECT COUNT(value) FROM ${from} WHERE ${ofDevices(prefix)}`, DATABASE)
  return Number(row?.[1] ?? 0)
}

/** Time, device and value of each point, by time. */
function points(measurement: string, prefix: string): Promise<(readonly unknown[])[]> {
  return influx.query(`SELECT deviceId, value FROM "${measurement}" WHERE ${ofDevices(prefix)}`, DATABASE)
}

const expected = (prefix: string, total: number): unknown[][] =>
  Array.from({ length: total }, (_, i) => [RUN + i, `${prefix}-${i % 20}`, i / 8])

async function report(sink: BuildingProcess): Promise<Report | undefined> {
  const { connectors } = (await sink.get<{ connectors: Report[] }>('/v1/connectors')).body
  return connectors.find(({ name }) => name === 'influxdb')
}

const untilRunning = (sink: BuildingProcess): Promise<true> =>
  eventually('it says that it runs', async () => ((await report(sink))?.state === 'running' ? true : undefined))

describe('the InfluxDB sink, with a real InfluxDB', () => {
  test('has every reading there once, equal, when it is killed in the middle', async () => {
    const total = 10_000
    const name = `killed-${RUN}`
    await produce(name, 0, total)
    const first = await startSink(name)
    await eventually('some of them are there', async () => ((await count(name, name)) > 1_000 ? true : undefined))
    await first.kill()
    const before = await count(name, name)
    expect(before).toBeLessThan(total)
    await startSink(name)
    await eventually(
      'all of them are there',
      async () => ((await count(name, name)) >= total ? true : undefined),
      30_000,
    )
    expect(await points(name, name)).toEqual(expected(name, total))
    console.log(`[influxdb] killed at ${before} of ${total} points`)
  })

  test('goes on within 5 s when InfluxDB is killed and comes back, with memory bounded meanwhile', async () => {
    const total = 20_000
    const name = `server-${RUN}`
    await produce(name, 0, 1_000)
    const sink = await startSink(name)
    await eventually('the first are there', async () => ((await count(name, name)) === 1_000 ? true : undefined))
    await influx.kill()
    await produce(name, 1_000, total)
    await eventually('it says so', async () => {
      const { state, lastError } = (await report(sink)) ?? {}
      return state === 'degraded' && lastError?.includes('ECONNREFUSED') ? true : undefined
    })
    expect((await sink.get('/readyz')).status).toBe(503)
    const { queueLength = 0 } = (await report(sink)) ?? {}
    expect(queueLength).toBeGreaterThan(0)
    // One fetch of each of the four partitions may come on top.
    expect(queueLength).toBeLessThan(QUEUE_POINTS + 4 * MOST_RECORDS_OF_FETCH)
    await influx.restart()
    const backMs = performance.now()
    await eventually('it goes on', async () => ((await count(name, name)) > 1_000 ? true : undefined), 5_000)
    console.log(`[influxdb] goes on ${Math.round(performance.now() - backMs)} ms after InfluxDB is back`)
    await eventually('all are there', async () => ((await count(name, name)) >= total ? true : undefined), 30_000)
    expect(await points(name, name)).toEqual(expected(name, total))
    await untilRunning(sink)
    expect((await sink.interrupt()).code).toBe(0)
  })

  test('buries what InfluxDB will not have, with the reason, and writes the rest', async () => {
    const name = `refused-${RUN}`
    const isOld = (i: number) => i % 50 === 7
    await produce(name, 0, 200, (i) => (isOld(i) ? RUN - 2 * 3_600_000 : RUN) + i)
    const sink = await startSink(name, {
      BROOK_INFLUXDB_BUCKET: `${DATABASE}/hour`,
      BROOK_INFLUXDB_BATCH_POINTS: '5000',
    })
    await eventually('the others are there', async () => ((await count(name, name, 'hour')) === 196 ? true : undefined))
    const reading = avro(Reading, { registry })
    const letters = avro(DeadLetter, { registry })
    const buried = await eventually('the four are dead letters', async () => {
      const records = (await readCommitted(kafka, topics.deadLetters.name)).flat()
      const found = await whenRead(() =>
        records
          .map(({ value }) => letters.deserialize(value as Buffer, topics.deadLetters.name))
          .filter(({ code }) => code === 'POINT_REFUSED')
          .map(({ originalValue, reason }) => ({
            reason,
            reading: reading.deserialize(originalValue as Buffer, topics.readings.name),
          }))
          .filter(({ reading: { deviceId } }) => deviceId.startsWith(name)),
      )
      return found && found.length >= 4 ? found : undefined
    })
    expect(buried.map(({ reading: { sequence } }) => Number(sequence)).sort((a, b) => a - b)).toEqual([7, 57, 107, 157])
    for (const { reason } of buried) expect(reason).toContain('points beyond retention policy')
    await untilRunning(sink)
  })
})

/** `undefined` where a schema had to be fetched first. */
async function whenRead<T>(read: () => T): Promise<T | undefined> {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SerdeNotReadyError)) throw error
    await error.ready
    return undefined
  }
}
