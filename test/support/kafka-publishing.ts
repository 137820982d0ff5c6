import { randomUUID } from 'node:crypto'
import type { Serde } from '../../common/serde.ts'
import { whenReady } from '../../connectors/pause.ts'
import { ReadingPublisher } from '../../connectors/publisher.ts'
import { StatusTracker } from '../../connectors/status.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, LogReader, LogRecord } from '../../kafka/port.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { CommandResult, DeadLetter, Reading } from '../../schemas/types.ts'

const PARTITIONS = 4

/** A publisher into topics of the test's own on the real Kafka, with Avro and the real registry, and what has come to be there. */
export class KafkaPublishing {
  readonly kafka: KafkaProvider
  readonly status = new StatusTracker('test')
  readonly publisher: ReadingPublisher
  /** All that has been read so far, in the order of each partition. */
  readonly readings: Reading[] = []
  readonly letters: DeadLetter[] = []
  /** Of the further topics. */
  readonly records: (LogRecord & { readonly topic: string })[] = []
  readonly #registry: RegistryClient
  readonly #reader: LogReader
  readonly #reading: Serde<Reading>
  readonly #letter: Serde<DeadLetter>
  readonly #topics: { readonly readings: string; readonly letters: string }

  private constructor(
    kafka: KafkaProvider,
    registry: RegistryClient,
    topics: { readings: string; letters: string; results: string },
  ) {
    this.kafka = kafka
    this.#registry = registry
    this.#topics = topics
    this.#reader = kafka.createReader()
    const options = { registry }
    this.#reading = avro(Reading, options)
    this.#letter = avro(DeadLetter, options)
    this.publisher = new ReadingPublisher({
      createProducer: () => kafka.createProducer(),
      readings: { topic: topics.readings, key: avroString(options), value: this.#reading },
      commandResults: { topic: topics.results, key: avroString(options), value: avro(CommandResult, options) },
      deadLetters: { topic: topics.letters, value: this.#letter },
      status: this.status,
    })
  }

  /** @param further topics that are created and read as well. */
  static async open(further: readonly string[] = []): Promise<KafkaPublishing> {
    const [brokers, url] = [process.env['BROOK_TEST_BROKERS'] as string, process.env['BROOK_TEST_REGISTRY'] as string]
    const kafka = createKafkaProvider({ brokers: brokers.split(','), clientId: 'test' })
    await kafka.connect()
    const id = randomUUID().slice(0, 8)
    const topics = { readings: `readings-${id}`, letters: `letters-${id}`, results: `results-${id}` }
    const names = [...Object.values(topics), ...further]
    await kafka.admin().createTopics(names.map((name) => ({ name, partitions: PARTITIONS })))
    const publishing = new KafkaPublishing(kafka, new RegistryClient({ url }), topics)
    await publishing.publisher.prepare()
    await publishing.#reader.assign(
      names.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 }))),
    )
    return publishing
  }

  /** Reads what has come since the last time. */
  async read(): Promise<void> {
    const { signal } = new AbortController()
    for (const { topic, records } of await this.#reader.poll(200)) {
      for (const record of records) {
        const value = record.value as Buffer
        if (topic === this.#topics.readings)
          this.readings.push(await whenReady(() => this.#reading.deserialize(value, topic), signal))
        else if (topic === this.#topics.letters)
          this.letters.push(await whenReady(() => this.#letter.deserialize(value, topic), signal))
        else this.records.push({ ...record, topic })
      }
    }
  }

  async close(): Promise<void> {
    await this.#reader.close()
    await this.publisher.close()
    this.#registry.close()
    await this.kafka.close()
  }
}
