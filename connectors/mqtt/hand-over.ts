import type { Acknowledge } from '../../kafka/port.ts'
import type { Origin, ReadingPublisher } from '../publisher.ts'
import type { MqttMessage } from './client.ts'
import type { Decoded } from './decode.ts'

/** How many records a message becomes; each is acknowledged once. */
export function partsOf({ readings, problem, record }: Decoded): number {
  return readings.length + (problem ? 1 : 0) + (record ? 1 : 0)
}

/** Gives all that a message becomes to the publisher. */
export function handOver(
  { readings, problem, record }: Decoded,
  origin: Origin,
  publisher: Pick<ReadingPublisher, 'reading' | 'deadLetter' | 'forward'>,
  acknowledge: Acknowledge,
): void {
  for (const reading of readings) publisher.reading(reading, origin, acknowledge)
  if (problem) publisher.deadLetter(problem, origin, acknowledge)
  if (!record) return
  const { topic, key, eventTimeMs: timestampMs } = record
  publisher.forward(topic, { key: Buffer.from(key), value: origin.value, timestampMs }, origin, acknowledge)
}

/** What the message was, for the headers of its records and for its dead letter. */
export function originOf(message: MqttMessage, receivedAtMs: number): Origin {
  return {
    name: `mqtt:${message.topic}`,
    key: null,
    value: message.payload,
    receivedAtMs,
    headers: {
      'mqtt.topic': message.topic,
      'mqtt.qos': String(message.qos),
      'mqtt.retained': String(message.retained),
      'received-at-ms': String(receivedAtMs),
    },
  }
}
