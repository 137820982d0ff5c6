import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'

/** How the values of a store become bytes and back. */
export class CellCodec<V> {
  readonly #serde: Serde<V>
  readonly #topic: string

  constructor(serde: Serde<V>, topic: string) {
    this.#serde = serde
    this.#topic = topic
  }

  encode(value: V, headers: Headers): Buffer {
    return this.#serde.serialize(value, this.#topic, headers)
  }

  decode(bytes: Buffer, headers: Headers): V {
    return this.#serde.deserialize(bytes, this.#topic, headers)
  }
}

/** A value that is known as itself, as bytes, or as both; each is worked out once, when it is asked for. `null` has null bytes. */
export class Cell<V> {
  #value: V | null | undefined
  #bytes: Buffer | null | undefined
  readonly #headers: Headers

  /** One of the two is not `undefined`. The value must not change afterwards. */
  constructor(value: V | null | undefined, bytes: Buffer | null | undefined, headers: Headers) {
    this.#value = value
    this.#bytes = bytes
    this.#headers = headers
  }

  value(codec: CellCodec<V>): V | null {
    if (this.#value === undefined) {
      const bytes = this.#bytes ?? null
      this.#value = bytes === null ? null : codec.decode(bytes, this.#headers)
    }
    return this.#value
  }

  bytes(codec: CellCodec<V>): Buffer | null {
    if (this.#bytes === undefined) {
      const value = this.#value ?? null
      this.#bytes = value === null ? null : codec.encode(value, this.#headers)
    }
    return this.#bytes
  }
}
