import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Serde, serdes } from '../../common/serde.ts'
import { decodeBufferedRow, encodeBufferedRow } from '../../stores/buffers/buffer-changelog.ts'
import { decodeBufferValue, encodeBufferValue } from '../../stores/buffers/buffer-value.ts'
import { bufferKey, parseBufferKey } from '../../stores/buffers/record-buffer-keys.ts'
import { parseWindowChangelogKey, windowChangelogKey } from '../../stores/window/window-keys.ts'
import { subscriptionSerde } from '../../streams/processors/joins/foreign-key/subscription-serdes.ts'
import { outerKeySerde, outerValueSerde } from '../../streams/processors/joins/outer-join-serdes.ts'
import { GOLDEN, type Recording } from './recording.ts'

type Raw = readonly [key: string, value: string | null, timestampMs: number | null, headers: string]
/** Reads what Kafka Streams wrote and writes it again: `[key, value]` in hex. */
type ReadBack = (key: Buffer, value: Buffer | null, headers: string) => readonly [key: Buffer, value: Buffer | null]

const S = serdes.string
const TOPIC = 'app-store-changelog'
const through = <T>(serde: Serde<T>, data: Buffer): Buffer => serde.serialize(serde.deserialize(data, TOPIC), TOPIC)
const subscriptions = subscriptionSerde({ key: serdes.bytes, foreignKey: S, registrationTopic: (topic) => topic })
const outerKeys = outerKeySerde(S)
const outerValues = outerValueSerde(S, S)

/** Stores whose changelogs have a layout of their own; windows and sessions are in `bytes.test.ts`, plain rows are their serdes'. */
const LAYOUTS: readonly (readonly [what: string, topic: RegExp, readBack: ReadBack])[] = [
  [
    'records that wait for a partner',
    /OUTERSHARED-\d+-store-|-shared-join-store-/,
    (key, value) => [through(outerKeys, key), value && through(outerValues, value)],
  ],
  [
    'the windows of stream joins',
    /-(JOINTHIS|JOINOTHER|OUTERTHIS|OUTEROTHER)-\d+-store-|-(this|other)-join-store-/,
    (key, value) => {
      const { key: inner, windowStartMs, sequence } = parseWindowChangelogKey(key)
      return [windowChangelogKey(inner, windowStartMs, sequence), value]
    },
  ],
  [
    'subscriptions',
    /SUBSCRIPTION-STATE-STORE-|-subscription-store-/,
    (key, value) => {
      expect(4 + key.readInt32BE(0)).toBeLessThanOrEqual(key.length)
      if (value === null) return [key, null]
      const { primaryKey } = subscriptions.deserialize(value, TOPIC)
      expect(key.subarray(4 + key.readInt32BE(0))).toEqual(primaryKey)
      return [key, through(subscriptions, value)]
    },
  ],
  [
    'suppressed updates',
    /-SUPPRESS-STATE-STORE-/,
    (key, value, headers) => {
      // The version's byte is white space to the recorder.
      expect(headers).toBe(value === null ? '' : 'v=')
      if (value === null) return [key, null]
      const record = { key, value, timestampMs: 0, headers: [{ key: 'v', value: Buffer.from([3]) }] }
      return [key, encodeBufferedRow(decodeBufferedRow(record, undefined))]
    },
  ],
  [
    'stream records that wait for the grace of a table',
    /-Buffer-changelog$/,
    (key, value) => {
      const { timeMs, key: inner, sequence } = parseBufferKey(key)
      return [bufferKey(timeMs, inner, sequence), value && encodeBufferValue(decodeBufferValue(value), 8)]
    },
  ],
]

/** Every changelog record of every area, by topic. */
function* recorded(): Iterable<readonly [topic: string, record: Raw]> {
  for (const file of readdirSync(GOLDEN)) {
    const { scenarios } = JSON.parse(gunzipSync(readFileSync(join(GOLDEN, file))).toString('utf8')) as Recording
    for (const { steps = [], withoutCache = [] } of Object.values(scenarios)) {
      for (const [, , , , produced] of [...steps, ...withoutCache])
        for (const [topic, records] of Object.entries(produced))
          if (topic.endsWith('-changelog')) for (const record of records as readonly Raw[]) yield [topic, record]
    }
  }
}

describe('the changelogs that were recorded', () => {
  const all = [...recorded()]

  it.each(LAYOUTS)('%s: are read, and written again with the same bytes', (_what, pattern, readBack) => {
    let count = 0
    for (const [topic, [key, value, , headers]] of all) {
      if (!pattern.test(topic)) continue
      const again = readBack(Buffer.from(key, 'hex'), value === null ? null : Buffer.from(value, 'hex'), headers)
      expect(again.map((bytes) => bytes?.toString('hex') ?? null)).toEqual([key, value])
      count++
    }
    expect(count).toBeGreaterThan(500)
  })
})
