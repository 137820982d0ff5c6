import type { KafkaProvider } from '../../../kafka/port.ts'
import { INPUT_PARTITIONS, measurementSerde, RECORDS_PER_SECOND } from './data.ts'

const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 300_000)
const BATCH = 20_000

/** Fills a topic with records of so many keys, drawn by a fixed generator: every run reads the same. */
export async function load(kafka: KafkaProvider, topic: string, records: number, keys: number): Promise<void> {
  await kafka.admin().createTopics([{ name: topic, partitions: INPUT_PARTITIONS, configs: { 'retention.ms': '-1' } }])
  await measurementSerde.prepare?.(topic, 'value')
  const producer = kafka.createProducer()
  let random = 12_345
  for (let sequence = 0; sequence < records; sequence++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff
    const deviceId = `dev-${String((random >>> 8) % keys).padStart(5, '0')}`
    const value = measurementSerde.serialize(
      { deviceId, temperature: 15 + (random % 1_000) / 100, humidity: 40 + (random % 40), sequence },
      topic,
    )
    producer.send(topic, undefined, {
      key: Buffer.from(deviceId),
      value,
      timestampMs: START_MS + Math.floor(sequence / RECORDS_PER_SECOND) * 1_000,
    })
    if (sequence % BATCH === 0) await producer.flush()
  }
  await producer.flush()
  await producer.close()
}
