import type { Clock } from '../../common/clock.ts'
import { serdes } from '../../common/serde.ts'
import type { ProducerRecord } from '../../kafka/port.ts'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { MAX_AHEAD_MS } from '../event-time.ts'
import { ReadingPublisher, type RecordWriter } from '../publisher.ts'
import { StatusTracker } from '../status.ts'
import type { MqttMessage } from './client.ts'
import { decodeMessage } from './decode.ts'
import { handOver, originOf } from './hand-over.ts'
import type { TopicMapping } from './mapping.ts'

/** A record that a message would become, as text. */
export interface WouldBe {
  readonly topic: string
  readonly key: string | null
  readonly timestampMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
}

export interface Preview {
  /** The title of the rule that matches. */
  readonly rule: string | undefined
  readonly records: readonly WouldBe[]
}

export interface PreviewTopics {
  readonly readings: { readonly topic: string; readonly value: RecordWriter<Reading> }
  readonly deadLetters: { readonly topic: string; readonly value: RecordWriter<DeadLetter> }
  readonly clock?: Clock
}

/** What the connector would write for a message, by the way that it goes there: decoded, checked, and handed to a publisher. */
export function previewMessage(mapping: TopicMapping, message: MqttMessage, topics: PreviewTopics): Preview {
  const records: WouldBe[] = []
  const publisher = new ReadingPublisher({
    createProducer: () => ({
      send: (topic, _partition, record, acknowledge) => {
        records.push(asText(topic, record))
        acknowledge?.(undefined, records.length - 1)
      },
      backpressure: () => undefined,
      flush: async () => {},
      close: async () => {},
    }),
    readings: { ...topics.readings, key: serdes.string },
    commandResults: { topic: '', key: serdes.string, value: serdes.json() },
    deadLetters: topics.deadLetters,
    maxAheadMs: MAX_AHEAD_MS,
    status: new StatusTracker('preview'),
    ...(topics.clock ? { clock: topics.clock } : {}),
  })
  const receivedAtMs = publisher.nowMs()
  const origin = originOf(message, receivedAtMs)
  handOver(decodeMessage(mapping, message, receivedAtMs), origin, publisher, () => {})
  return { rule: mapping.match(message.topic)?.compiled.title, records }
}

function asText(topic: string, { key, value, timestampMs, headers }: ProducerRecord): WouldBe {
  return {
    topic,
    key: key && String(key),
    timestampMs,
    headers: Object.fromEntries((headers ?? []).map((header) => [header.key, String(header.value)])),
    value: String(value),
  }
}
