import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { decodeRowValue } from './row-value.ts'

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

  /** The changelog's value, which the row's is made of. */
  encode(value: V | null, headers: Headers): Buffer | null {
    return value === null ? null : this.#serde.serialize(value, this.#topic, headers)
  }
}
