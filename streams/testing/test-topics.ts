import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { CapturedTopic } from './captured-topic.ts'

export interface TestInputOptions {
  readonly timestampMs?: number
  readonly headers?: Headers
}

/** Pipes records into a source topic of the driver. A call without a timestamp uses the topic's own time. */
export class TestInputTopic<K, V> {
  readonly topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #pipe: (
    topic: string,
    key: Buffer | null,
    value: Buffer | null,
    timestampMs: number,
    headers: Headers,
  ) => void
  #nowMs: number
  readonly #autoAdvanceMs: number

  constructor(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    pipe: (topic: string, key: Buffer | null, value: Buffer | null, timestampMs: number, headers: Headers) => void,
    time: { readonly startMs: number; readonly autoAdvanceMs?: number },
  ) {
    this.topic = topic
    this.#keySerde = serdes.key
    this.#valueSerde = serdes.value
    this.#pipe = pipe
    this.#nowMs = time.startMs
    this.#autoAdvanceMs = time.autoAdvanceMs ?? 0
  }

  /** @throws {ProcessingError} what a processor threw; {InternalError} when an operator became asynchronous. */
  pipeInput(key: K | null, value: V | null, options: number | TestInputOptions = {}): void {
    const { timestampMs, headers = EMPTY_HEADERS } = typeof options === 'number' ? { timestampMs: options } : options
    const time = timestampMs ?? this.#nowMs
    if (timestampMs === undefined) this.#nowMs += this.#autoAdvanceMs
    const keyBytes = key === null ? null : this.#keySerde.serialize(key, this.topic, headers)
    const valueBytes = value === null ? null : this.#valueSerde.serialize(value, this.topic, headers)
    this.#pipe(this.topic, keyBytes, valueBytes, time, headers)
  }

  /** Moves the topic's own time, which `pipeInput` without a timestamp uses. */
  advanceTime(byMs: number): void {
    this.#nowMs += byMs
  }
}

export interface TestRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** Reads what the topology wrote to a topic, in order, each record once. */
export class TestOutputTopic<K, V> {
  readonly topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #captured: CapturedTopic

  constructor(topic: string, serdes: { readonly key: Serde<K>; readonly value: Serde<V> }, captured: CapturedTopic) {
    this.topic = topic
    this.#keySerde = serdes.key
    this.#valueSerde = serdes.value
    this.#captured = captured
  }

  get size(): number {
    return this.#captured.size
  }

  /** The next record, or `undefined` when there is none. */
  readRecord(): TestRecord<K, V> | undefined {
    const raw = this.#captured.take()
    if (raw === undefined) return undefined
    return {
      key: raw.key === null ? null : this.#keySerde.deserialize(raw.key, this.topic, raw.headers),
      value: raw.value === null ? null : this.#valueSerde.deserialize(raw.value, this.topic, raw.headers),
      timestampMs: raw.timestampMs,
      headers: raw.headers,
    }
  }

  readRecords(): readonly TestRecord<K, V>[] {
    const records: TestRecord<K, V>[] = []
    for (let record = this.readRecord(); record !== undefined; record = this.readRecord()) records.push(record)
    return records
  }

  /** All records as `[key, value]`. */
  readKeyValues(): readonly (readonly [K | null, V | null])[] {
    return this.readRecords().map((r) => [r.key, r.value] as const)
  }

  /** The last value of each key; a tombstone removes it. */
  readToMap(): Map<K | null, V> {
    const map = new Map<K | null, V>()
    for (const { key, value } of this.readRecords()) {
      if (value === null) map.delete(key)
      else map.set(key, value)
    }
    return map
  }
}
