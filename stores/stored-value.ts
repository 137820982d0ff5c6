import type { Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { decodeRowValue, encodeRowValue } from './row-value.ts'
import type { ChangedRow } from './state-store.ts'

/** A decoded row value. */
export interface StoredValue<V> {
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers
}

/** Turns values of a store into bytes and back. */
export class ValueCodec<V> {
  readonly #serde: Serde<V>
  readonly #topic: string

  constructor(serde: Serde<V>, topic: string) {
    this.#serde = serde
    this.#topic = topic
  }

  decode(rowValue: Buffer): StoredValue<V> {
    const { timestampMs, headers, payload } = decodeRowValue(rowValue)
    return { value: this.#serde.deserialize(payload, this.#topic, headers), timestampMs, headers }
  }

  /** The changelog's value and the row's, from one serialization. */
  encode(value: V | null, timestampMs: number, headers: Headers): Pick<ChangedRow, 'changelogValue' | 'rowValue'> {
    if (value === null) return { changelogValue: null, rowValue: null }
    const changelogValue = this.#serde.serialize(value, this.#topic, headers)
    return { changelogValue, rowValue: encodeRowValue(timestampMs, headers, changelogValue) }
  }
}
