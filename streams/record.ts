import { EMPTY_HEADERS, type Headers } from '../common/record.ts'

/**
 * A record on its way through the topology. Immutable: the `with…` methods give a new one. `value` is `null` for a tombstone;
 * between table operators it is a {@link Change}.
 * @see org.apache.kafka.streams.processor.api.Record
 */
export class StreamRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers

  constructor(key: K, value: V, timestampMs: number, headers: Headers = EMPTY_HEADERS) {
    this.key = key
    this.value = value
    this.timestampMs = timestampMs
    this.headers = headers
  }

  withKey<K2>(key: K2): StreamRecord<K2, V> {
    return new StreamRecord(key, this.value, this.timestampMs, this.headers)
  }

  withValue<V2>(value: V2): StreamRecord<K, V2> {
    return new StreamRecord(this.key, value, this.timestampMs, this.headers)
  }

  withTimestamp(timestampMs: number): StreamRecord<K, V> {
    return new StreamRecord(this.key, this.value, timestampMs, this.headers)
  }

  withHeaders(headers: Headers): StreamRecord<K, V> {
    return new StreamRecord(this.key, this.value, this.timestampMs, headers)
  }
}

/**
 * An update of a table row. `oldValue` is `null` where there was none, or nobody downstream asked for it. `isLatest` is false for an
 * update of a versioned table that came after a newer version of its row: its value is not the row's.
 */
export class Change<V> {
  readonly newValue: V | null
  readonly oldValue: V | null
  readonly isLatest: boolean

  constructor(newValue: V | null, oldValue: V | null, isLatest = true) {
    this.newValue = newValue
    this.oldValue = oldValue
    this.isLatest = isLatest
  }
}

/** Where a record came from. Absent during punctuations and for records made by a processor out of nothing. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** The key of a windowed aggregate: the key and its window [startMs, endMs). */
export class Windowed<K> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number

  constructor(key: K, startMs: number, endMs: number) {
    this.key = key
    this.startMs = startMs
    this.endMs = endMs
  }
}
