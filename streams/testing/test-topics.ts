import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { CapturedRecord, CapturedTopic } from './captured-topic.ts'

export interface TestInputOptions {
  readonly timestampMs?: number
  readonly headers?: Headers
}

/** Where a test's records go. */
interface InputTarget {
  readonly pipe: (record: CapturedRecord) => void
  readonly pipeAsync: (record: CapturedRecord) => Promise<void>
}

/** Pipes records into a source topic of the driver. A call without a timestamp uses the topic's own time. */
export class TestInputTopic<K, V> {
  readonly topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #target: InputTarget
  #nowMs: number
  readonly #autoAdvanceMs: number

  constructor(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    target: InputTarget,
    time: { readonly startMs: number; readonly autoAdvanceMs?: number },
  ) {
    this.topic = topic
    this.#keySerde = serdes.key
    this.#valueSerde = serdes.value
    this.#target = target
    this.#nowMs = time.startMs
    this.#autoAdvanceMs = time.autoAdvanceMs ?? 0
  }

  /** @throws {ProcessingError} what a processor threw; {InternalError} when an operator became asynchronous. */
  pipeInput(key: K | null, value: V | null, options: number | TestInputOptions = {}): void {
    this.#target.pipe(this.#encode(key, value, options))
  }

  /** {@link pipeInput}, and waits for processors and asynchronous operators that are not done at once ({@link TopologyTestDriver.settle}). */
  async pipeInputAsync(key: K | null, value: V | null, options: number | TestInputOptions = {}): Promise<void> {
    await this.#target.pipeAsync(this.#encode(key, value, options))
  }

  #encode(key: K | null, value: V | null, options: number | TestInputOptions): CapturedRecord {
    const { timestampMs, headers = EMPTY_HEADERS } = typeof options === 'number' ? { timestampMs: options } : options
    const time = timestampMs ?? this.#nowMs
    if (timestampMs === undefined) this.#nowMs += this.#autoAdvanceMs
    return {
      key: key === null ? null : this.#keySerde.serialize(key, this.topic, headers),
      value: value === null ? null : this.#valueSerde.serialize(value, this.topic, headers),
      timestampMs: time,
      headers,
    }
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
