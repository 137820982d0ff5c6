import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionForKey } from '../../common/murmur2.ts'
import { murmur3Hash128 } from '../../common/murmur3.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import { decodeBufferValue, encodeBufferValue } from '../../stores/buffers/buffer-value.ts'
import { bufferKey, parseBufferKey } from '../../stores/buffers/record-buffer-keys.ts'
import { parseSessionChangelogKey, sessionChangelogKey } from '../../stores/session/session-keys.ts'
import { parseWindowChangelogKey, windowChangelogKey } from '../../stores/window/window-keys.ts'
import { changeSerde } from '../../streams/dsl/plan/change-serde.ts'
import { sessionWindowedSerde } from '../../streams/dsl/windows/session-windowed-serde.ts'
import { timeWindowedSerde } from '../../streams/dsl/windows/windowed-serde.ts'
import { Change, Windowed } from '../../streams/index.ts'
import {
  combinedKeyBytes,
  foreignKeyPrefix,
  pseudoTopics,
} from '../../streams/processors/joins/foreign-key/pseudo-topics.ts'
import type { Instruction } from '../../streams/processors/joins/foreign-key/subscription.ts'
import {
  subscriptionAnswerSerde,
  subscriptionSerde,
} from '../../streams/processors/joins/foreign-key/subscription-serdes.ts'
import { outerKeySerde, outerValueSerde } from '../../streams/processors/joins/outer-join-serdes.ts'
import { decodePartitionMetadata, encodePartitionMetadata } from '../../streams/runtime/task/partition-metadata.ts'
import { CHANGELOGS, type ChangelogRow, changelogOf, restored } from './changelog-bytes.ts'
import { recordingFile } from './recording.ts'

type Hex = string
type MaybeHex = Hex | null
/** Inputs first, what Kafka Streams made of them last. */
interface Rows {
  readonly murmur2: readonly (readonly [key: Hex, hash: number, partitions: number, partition: number])[]
  readonly murmur3: readonly (readonly [data: Hex, hash: Hex])[]
  readonly serdes: readonly (readonly [name: string, value: string, hex: Hex])[]
  readonly 'window-keys': readonly (readonly [key: Hex, startMs: number, sequence: number, hex: Hex])[]
  readonly 'time-ordered-keys': readonly (readonly [key: Hex, timeMs: number, sequence: number, hex: Hex])[]
  readonly 'session-keys': readonly (readonly [key: Hex, startMs: number, endMs: number, hex: Hex])[]
  readonly 'time-windowed': readonly (readonly [key: string, startMs: number, sizeMs: number, hex: Hex])[]
  readonly 'session-windowed': readonly (readonly [key: string, startMs: number, endMs: number, hex: Hex])[]
  readonly 'outer-join-keys': readonly (readonly [key: string, timestampMs: number, isLeft: boolean, hex: Hex])[]
  readonly 'outer-join-values': readonly (readonly [readonly (readonly [isLeft: boolean, value: string])[], hex: Hex])[]
  readonly changes: readonly (readonly [now: string | null, old: string | null, hex: Hex])[]
  readonly subscriptions: readonly (readonly [
    version: number,
    hash: MaybeHex,
    instruction: Instruction,
    key: string,
    partition: number,
    hex: Hex,
  ])[]
  readonly answers: readonly (readonly [hash: MaybeHex, value: string | null, hex: Hex])[]
  readonly 'combined-keys': readonly (readonly [foreign: string, key: string, prefix: Hex, hex: Hex])[]
  readonly 'buffer-values': readonly (readonly [
    prior: MaybeHex,
    old: MaybeHex,
    now: MaybeHex,
    timestampMs: number,
    offset: number,
    partition: number,
    topic: string,
    headers: readonly (readonly [key: string, value: MaybeHex])[],
    paddingBytes: number,
    hex: Hex,
  ])[]
  readonly 'partition-metadata': readonly (readonly [
    timeMs: number,
    processors: Readonly<Record<string, number>>,
    text: string,
  ])[]
}

type Changelogs = { readonly [kind: `changelog-${string}`]: readonly ChangelogRow[] }

const golden = JSON.parse(gunzipSync(readFileSync(recordingFile('bytes'))).toString('utf8')) as {
  readonly version: string
  readonly scenarios: Rows & Changelogs
}
const rows = golden.scenarios
const TOPIC = 'topic'
const S = serdes.string
const bytes = (hex: Hex): Buffer => Buffer.from(hex, 'hex')
const maybeBytes = (hex: MaybeHex): Buffer | null => (hex === null ? null : bytes(hex))
const hexOf = (data: Buffer): Hex => data.toString('hex')

/** The same bytes, and the same value from them. */
function both<T>(serde: Serde<T>, value: T, hex: Hex): void {
  expect(hexOf(serde.serialize(value, TOPIC))).toBe(hex)
  expect(serde.deserialize(bytes(hex), TOPIC)).toEqual(value)
}

const SERDES: Readonly<Record<string, (value: string, hex: Hex) => void>> = {
  string: (value, hex) => both(S, value, hex),
  bytes: (value, hex) => both(serdes.bytes, bytes(value), hex),
  integer: (value, hex) => both(serdes.integer, Number(value), hex),
  bigint: (value, hex) => {
    both(serdes.bigint, BigInt(value), hex)
    if (Number.isSafeInteger(Number(value))) both(serdes.long, Number(value), hex)
  },
  double: (value, hex) => both(serdes.double, Number(value), hex),
  boolean: (value, hex) => both(serdes.boolean, value === 'true', hex),
}

const KINDS: { readonly [K in keyof Rows]: (...row: Rows[K][number]) => void } = {
  murmur2: (key, hash, partitions, partition) => {
    expect(murmur2(bytes(key))).toBe(hash)
    expect(partitionForKey(bytes(key), partitions)).toBe(partition)
  },
  murmur3: (data, hash) => expect(hexOf(murmur3Hash128(bytes(data)))).toBe(hash),
  serdes: (name, value, hex) => SERDES[name]?.(value, hex) ?? expect(Object.keys(SERDES)).toContain(name),
  'window-keys': (key, windowStartMs, sequence, hex) => {
    expect(hexOf(windowChangelogKey(bytes(key), windowStartMs, sequence))).toBe(hex)
    expect(parseWindowChangelogKey(bytes(hex))).toEqual({ key: bytes(key), windowStartMs, sequence })
  },
  'time-ordered-keys': (key, timeMs, sequence, hex) => {
    expect(hexOf(bufferKey(timeMs, bytes(key), sequence))).toBe(hex)
    expect(parseBufferKey(bytes(hex))).toEqual({ key: bytes(key), timeMs, sequence })
  },
  'session-keys': (key, startMs, endMs, hex) => {
    expect(hexOf(sessionChangelogKey(bytes(key), startMs, endMs))).toBe(hex)
    expect(parseSessionChangelogKey(bytes(hex))).toEqual({ key: bytes(key), startMs, endMs })
  },
  'time-windowed': (key, startMs, sizeMs, hex) =>
    both(timeWindowedSerde(S, sizeMs), new Windowed(key, startMs, startMs + sizeMs), hex),
  'session-windowed': (key, startMs, endMs, hex) =>
    both(sessionWindowedSerde(S), new Windowed(key, startMs, endMs), hex),
  'outer-join-keys': (key, timestampMs, isLeft, hex) => both(outerKeySerde(S), { timestampMs, isLeft, key }, hex),
  'outer-join-values': (values, hex) =>
    both(
      outerValueSerde(S, serdes.long),
      values.map(([isLeft, value]) => ({ isLeft, value: isLeft ? value : Number(value) })),
      hex,
    ),
  changes: (now, old, hex) => both(changeSerde(S), new Change(now, old), hex),
  subscriptions: (version, hash, instruction, primaryKey, partition, hex) => {
    const serde = subscriptionSerde({ key: S, foreignKey: S, registrationTopic: (topic) => topic })
    const primaryPartition = version === 0 ? undefined : partition
    both(serde, { version, hash: maybeBytes(hash), instruction, primaryKey, primaryPartition }, hex)
  },
  answers: (hash, value, hex) => {
    const serde = subscriptionAnswerSerde(S)
    const answer = { hash: maybeBytes(hash), value, primaryPartition: undefined }
    expect(hexOf(serde.serialize(answer, TOPIC))).toBe(hex)
    // On the JVM too a value of no bytes reads as none.
    expect(serde.deserialize(bytes(hex), TOPIC)).toEqual({ ...answer, value: value || null })
  },
  'combined-keys': (foreign, key, prefix, hex) => {
    const topics = pseudoTopics(TOPIC)
    expect(hexOf(foreignKeyPrefix(foreign, S, topics, []))).toBe(prefix)
    expect(hexOf(combinedKeyBytes(foreign, S, key, S, topics, []))).toBe(hex)
  },
  'buffer-values': (prior, old, now, timestampMs, offset, partition, topic, headers, paddingBytes, hex) => {
    const value = {
      context: {
        timestampMs,
        offset,
        topic,
        partition,
        headers: headers.map(([key, header]) => ({ key, value: maybeBytes(header) })),
      },
      priorValue: maybeBytes(prior),
      oldValue: maybeBytes(old),
      newValue: maybeBytes(now),
    }
    expect(hexOf(encodeBufferValue(value, paddingBytes))).toBe(hex)
    expect(decodeBufferValue(bytes(hex))).toEqual(value)
  },
  'partition-metadata': (partitionTimeMs, numbers, text) => {
    const processors = new Map(Object.entries(numbers))
    expect(encodePartitionMetadata(partitionTimeMs, processors)).toBe(text)
    expect(decodePartitionMetadata(text)).toEqual({ partitionTimeMs, processors })
  },
}

describe(`bytes, as Kafka Streams ${golden.version} writes them`, () => {
  it('there is a comparison for every kind that is recorded', () => {
    const changelogs = Object.keys(CHANGELOGS).map((kind) => `changelog-${kind}`)
    expect([...Object.keys(KINDS), ...changelogs].sort()).toEqual(Object.keys(rows).sort())
  })

  it.each(Object.keys(KINDS) as (keyof Rows)[])('%s', (kind) => {
    expect(rows[kind].length).toBeGreaterThanOrEqual(200)
    const check = KINDS[kind] as (...row: readonly unknown[]) => void
    for (const row of rows[kind]) check(...row)
  })
})

describe(`changelogs, as Kafka Streams ${golden.version} writes them`, () => {
  it.each(Object.keys(CHANGELOGS))('%s: the same records for the same puts', async (kind) => {
    const recorded = rows[`changelog-${kind}`] as readonly ChangelogRow[]
    expect(await changelogOf(kind, recorded)).toEqual(recorded.map((row) => row[4]))
  })

  it.each(Object.keys(CHANGELOGS))('%s: a store that is restored from them holds the same', async (kind) => {
    const recorded = rows[`changelog-${kind}`] as readonly ChangelogRow[]
    const { ours, theirs } = await restored(kind, recorded)
    expect(theirs).toEqual(ours)
    expect(theirs.length).toBeGreaterThan(2)
  })
})
