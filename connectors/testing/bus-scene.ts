import { randomUUID } from 'node:crypto'
import type { Serde } from '../../common/serde.ts'
import type { KafkaProvider, LogReader } from '../../kafka/port.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { Command, CommandResult, DeadLetter, Device, Reading } from '../../schemas/types.ts'
import { DeviceTable } from '../device-table.ts'
import { whenReady } from '../pause.ts'
import { ReadingPublisher } from '../publisher.ts'
import { StatusTracker } from '../status.ts'

const PARTITIONS = 2

/** The building's topics, of the test's own, for the connectors of a bus: on the real Kafka with Avro and the real registry. */
export class BusScene {
  readonly kafka: KafkaProvider
  readonly #registry: RegistryClient
  readonly #id = randomUUID().slice(0, 8)
  readonly #key: Serde<string>
  readonly #reader: LogReader
  readonly #tables: DeviceTable[] = []
  readonly readings: Reading[] = []
  readonly results: CommandResult[] = []
  /** Commands that were ordered. */
  ordered = 0

  private constructor(kafka: KafkaProvider, registry: RegistryClient) {
    this.kafka = kafka
    this.#registry = registry
    this.#key = avroString({ registry })
    this.#reader = kafka.createReader()
  }

  /** Closes `kafka` at its end. */
  static async open(kafka: KafkaProvider, devices: readonly Device[]): Promise<BusScene> {
    await kafka.connect()
    const building = new BusScene(kafka, new RegistryClient({ url: process.env['BROOK_TEST_REGISTRY'] as string }))
    const names = ['readings', 'commands', 'results', 'devices', 'letters'].map((name) => building.#topic(name))
    await kafka.admin().createTopics(names.map((name) => ({ name, partitions: PARTITIONS })))
    await building.#send('devices', avro(Device, { registry: building.#registry }), devices)
    const read = ['readings', 'results'].map((name) => building.#topic(name))
    await building.#reader.assign(
      read.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 }))),
    )
    return building
  }

  order(...commands: readonly Command[]): Promise<void> {
    this.ordered += commands.length
    return this.#send('commands', avro(Command, { registry: this.#registry }), commands)
  }

  /** What a connector is made with; each is a process of its own to the others. */
  async parts() {
    const { kafka } = this
    const registry = { registry: this.#registry }
    const devices = new DeviceTable({
      kafka,
      topic: this.#topic('devices'),
      key: this.#key,
      value: avro(Device, registry),
    })
    await devices.start()
    this.#tables.push(devices)
    const status = new StatusTracker('test')
    const result = avro(CommandResult, registry)
    const readings = { topic: this.#topic('readings'), key: this.#key, value: avro(Reading, registry) }
    return {
      devices,
      status,
      publisher: new ReadingPublisher({
        createProducer: () => kafka.createProducer(),
        readings,
        commandResults: { topic: this.#topic('results'), key: this.#key, value: result },
        deadLetters: { topic: this.#topic('letters'), value: avro(DeadLetter, registry) },
        status,
      }),
      commands: {
        kafka,
        topic: this.#topic('commands'),
        key: this.#key,
        value: avro(Command, registry),
        groupId: `test-${this.#id}`,
        results: { topic: this.#topic('results'), value: result },
      },
      readings,
    }
  }

  /** Takes in what has come since the last time. */
  async read(): Promise<void> {
    const { signal } = new AbortController()
    const registry = { registry: this.#registry }
    for (const { topic, records } of await this.#reader.poll(100)) {
      for (const record of records) {
        const bytes = record.value as Buffer
        const decode = <T>(serde: Serde<T>): Promise<T> => whenReady(() => serde.deserialize(bytes, topic), signal)
        if (topic === this.#topic('readings')) this.readings.push(await decode(avro(Reading, registry)))
        else this.results.push(await decode(avro(CommandResult, registry)))
      }
    }
  }

  resultsOf(commandId: string): readonly string[] {
    return this.results.filter((result) => result.commandId === commandId).map(({ status }) => status)
  }

  /** How many commands the connector is through with. */
  async committed(): Promise<number> {
    const offsets = await this.kafka.admin().committedOffsets(`test-${this.#id}`, [this.#topic('commands')])
    return [...offsets.values()].reduce((sum, { offset }) => sum + offset, 0)
  }

  async close(): Promise<void> {
    for (const table of this.#tables) await table.stop()
    await this.#reader.close()
    this.#registry.close()
    await this.kafka.close()
  }

  #topic(name: string): string {
    return `test-${name}-${this.#id}`
  }

  async #send<T extends { readonly deviceId: string }>(
    name: string,
    value: Serde<T>,
    records: readonly T[],
  ): Promise<void> {
    const topic = this.#topic(name)
    const producer = this.kafka.createProducer()
    await Promise.all([this.#key.prepare?.(topic, 'key'), value.prepare?.(topic, 'value')])
    for (const one of records)
      producer.send(topic, undefined, {
        key: this.#key.serialize(one.deviceId, topic),
        value: value.serialize(one, topic),
        timestampMs: Date.now(),
      })
    await producer.close()
  }
}
