import type { Serde } from '../common/serde.ts'
import type { KafkaProvider } from '../kafka/port.ts'

/** A record that a compacted topic is to hold. */
export interface Publication {
  readonly topic: string
  readonly key: string
  readonly value: object
  readonly serde: Serde<object>
  /** Leave a record alone that people may have changed since. */
  readonly onlyIfMissing?: boolean
}

/**
 * Brings compacted topics to hold these records. What is there already, equal, is not written again: nobody downstream sees a
 * change where there is none. Records of other keys stay.
 */
export async function publishHouse(
  kafka: KafkaProvider,
  keySerde: Serde<string>,
  publications: readonly Publication[],
): Promise<number> {
  const producer = kafka.createProducer()
  try {
    let written = 0
    for (const topic of new Set(publications.map((p) => p.topic))) {
      const mine = publications.filter((p) => p.topic === topic)
      const serde = (mine[0] as Publication).serde
      await Promise.all([keySerde.prepare?.(topic, 'key'), serde.prepare?.(topic, 'value')])
      const existing = await currentRows(kafka, topic)
      for (const { key, value, onlyIfMissing } of mine) {
        const encoded = { key: keySerde.serialize(key, topic), value: serde.serialize(value, topic) }
        const before = existing.get(encoded.key.toString('latin1'))
        if (before && (onlyIfMissing || before.equals(encoded.value))) continue
        producer.send(topic, undefined, { ...encoded, timestampMs: Date.now() })
        written++
      }
    }
    await producer.flush()
    return written
  } finally {
    await producer.close()
  }
}

async function currentRows(kafka: KafkaProvider, topic: string): Promise<Map<string, Buffer | null>> {
  const count = (await kafka.admin().describeTopics([topic])).get(topic)?.partitions ?? 0
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
  const begins = await kafka.admin().beginningOffsets(partitions)
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const rows = new Map<string, Buffer | null>()
  try {
    await reader.assign(partitions.map((p) => ({ ...p, offset: begins.get(`${p.topic}-${p.partition}`) ?? 0 })))
    while (partitions.some((p) => reader.lag(p) !== 0)) {
      for (const { records } of await reader.poll(200)) {
        for (const { key, value } of records)
          if (key !== null) rows.set(key.toString('latin1'), value && Buffer.from(value))
      }
    }
    return rows
  } finally {
    await reader.close()
  }
}
