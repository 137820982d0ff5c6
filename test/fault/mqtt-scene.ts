import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { ConnectorState, ConnectorStatus } from '../../connectors/connector.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { topics } from '../../schemas/topics.ts'
import type { Reading } from '../../schemas/types.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'
import { freePorts } from '../../scripts/servers/ports.ts'
import { type BuildingLog, type TopicRecord, withLog } from '../e2e/building-log.ts'
import { BuildingProcess, cleanUp, freshDirectory } from '../e2e/building-process.ts'
import { eventually } from '../e2e/eventually.ts'
import type { MqttSensors } from './mqtt-sensors.ts'

/** A Kafka and a Mosquitto of the test's own, and the MQTT connector as users start it. */
export class MqttScene {
  readonly kafka: KafkaCluster
  readonly mosquitto: MosquittoServer
  readonly env: Readonly<Record<string, string>>
  connector: BuildingProcess | undefined
  readonly #provider: KafkaProvider

  private constructor(kafka: KafkaCluster, mosquitto: MosquittoServer, env: Readonly<Record<string, string>>) {
    this.kafka = kafka
    this.mosquitto = mosquitto
    this.env = env
    this.#provider = createKafkaProvider({ brokers: [kafka.brokers] })
  }

  /** `mosquitto`: further lines of its settings. */
  static async start(mosquittoSettings: readonly string[] = []): Promise<MqttScene> {
    const directory = freshDirectory()
    const [kafka, mosquitto, [httpPort]] = await Promise.all([
      KafkaCluster.start({ directory: join(directory, 'kafka') }),
      MosquittoServer.start({
        directory: join(directory, 'mosquitto'),
        settings: ['allow_anonymous true', ...mosquittoSettings],
      }),
      freePorts(1),
    ])
    return new MqttScene(kafka, mosquitto, {
      BROOK_KAFKA_BROKERS: kafka.brokers,
      BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
      BROOK_DATA_DIR: join(directory, 'data'),
      BROOK_HTTP_PORT: String(httpPort),
      BROOK_MQTT_URL: mosquitto.url,
      BROOK_SIMULATE: 'none',
    })
  }

  /** Resolves at once; the connector begins when it can. */
  spawnConnector(): BuildingProcess {
    this.connector = BuildingProcess.spawn({ program: 'connectors', args: ['mqtt'], env: this.env })
    return this.connector
  }

  async startConnector(): Promise<void> {
    await this.spawnConnector().ready()
  }

  /** Resolves when the connector tells that it is in this state; its report is a moment old. */
  untilState(state: ConnectorState): Promise<ConnectorStatus> {
    return eventually(`the connector is ${state}`, async () => {
      const status = await this.status()
      return status.state === state ? status : undefined
    })
  }

  /** What the connector tells about itself. */
  async status(): Promise<ConnectorStatus> {
    const { body } = await (this.connector as BuildingProcess).get<{ connectors: readonly ConnectorStatus[] }>(
      '/v1/connectors',
    )
    return body.connectors[0] as ConnectorStatus
  }

  log<R>(use: (log: BuildingLog) => Promise<R>): Promise<R> {
    return withLog(this.env, use)
  }

  readings(): Promise<readonly TopicRecord<Reading>[]> {
    return this.log((log) => log.read(topics.readings))
  }

  /** Readings that are in Kafka, repeated ones among them; 0 while there is no topic. */
  async written(): Promise<number> {
    const admin = this.#provider.admin()
    const { name } = topics.readings
    const count = (await admin.describeTopics([name])).get(name)?.partitions ?? 0
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic: name, partition }))
    return [...(await admin.endOffsets(partitions)).values()].reduce((sum, end) => sum + end, 0)
  }

  /** Resolves when so many readings are in Kafka, within milliseconds. */
  async untilWritten(count: number, timeoutMs = 30_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (let written = await this.written(); written < count; written = await this.written()) {
      if (performance.now() > deadlineMs)
        throw new Error(`${written} readings are in Kafka after ${timeoutMs} ms, not ${count}`)
      await sleep(2)
    }
  }

  /** Milliseconds until one more reading is in Kafka after `publish` was called. */
  async untilNextReading(publish: () => void): Promise<number> {
    const before = await this.written()
    const sinceMs = performance.now()
    publish()
    await this.untilWritten(before + 1, 20_000)
    return performance.now() - sinceMs
  }

  async close(): Promise<void> {
    await this.connector?.kill()
    await this.mosquitto.kill()
    await this.#provider.close()
    await this.kafka.kill()
    await cleanUp()
  }
}

/**
 * How many readings the broker has acknowledged to its sensors. All of them are in Kafka, each device's in order, but for what it said in
 * `dyingMs`.
 */
export async function nothingIsLost(
  scene: MqttScene,
  sensors: MqttSensors,
  dyingMs: readonly (readonly [fromMs: number, toMs: number])[] = [],
  timeoutMs = 15_000,
): Promise<number> {
  const isDone = () => (sensors.unacknowledged === 0 ? true : undefined)
  await eventually('Mosquitto has acknowledged all', isDone, timeoutMs)
  const acknowledged = sensors.ids.map((id) => ({ id, sequences: sensors.acknowledged(id, dyingMs) }))
  const isThere = async () => {
    const readings = await scene.readings()
    for (const { id, sequences } of acknowledged) {
      const found = firstSequences(readings, id)
      expect(found).toEqual(found.toSorted((a, b) => a - b))
      const known = new Set(found)
      expect(sequences.filter((sequence) => !known.has(sequence))).toEqual([])
    }
    return acknowledged.reduce((sum, { sequences }) => sum + sequences.length, 0)
  }
  return eventually('all that was acknowledged is in Kafka', isThere, timeoutMs)
}

/** The sequence numbers of a device in the order in which they came first; all in one partition. */
function firstSequences(readings: readonly TopicRecord<Reading>[], deviceId: string): number[] {
  const own = readings.filter(({ value }) => value.deviceId === deviceId)
  expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
  return [...new Set(own.map(({ value }) => value.sequence as number))]
}
