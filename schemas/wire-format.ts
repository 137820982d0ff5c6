import { SerdeError } from '../common/errors.ts'
import type { AvroCodec } from './avro-codec.ts'

/** The magic byte and the schema id before the Avro binary. */
export const HEADER_BYTES = 5

const FIRST_BYTES = 4_096
const KEPT_BYTES = 1_048_576
const MOST_BYTES = 268_435_456

/** The schema id of a record in Confluent's wire format; `undefined` when it is not in that format. */
export function readSchemaId(data: Buffer): number | undefined {
  if (data.length < HEADER_BYTES || data[0] !== 0) return undefined
  return ((data[1] as number) << 24) | ((data[2] as number) << 16) | ((data[3] as number) << 8) | (data[4] as number)
}

/** Writes values in Confluent's wire format: into one buffer that is used again and again, then copied once. */
export class WireWriter {
  readonly #codec: AvroCodec
  #scratch = Buffer.allocUnsafeSlow(FIRST_BYTES)

  constructor(codec: AvroCodec) {
    this.#codec = codec
  }

  /** @throws when the value does not fit the schema, or takes more than 256 MiB. */
  write(schemaId: number, value: unknown): Buffer {
    let scratch = this.#scratch
    let end = this.#codec.write(value, scratch, HEADER_BYTES)
    if (end < 0) {
      const neededBytes = scratch.length - end
      if (neededBytes > MOST_BYTES) throw new SerdeError(`${neededBytes} bytes are more than a record can have`)
      scratch = Buffer.allocUnsafeSlow(neededBytes)
      end = this.#codec.write(value, scratch, HEADER_BYTES)
      if (neededBytes <= KEPT_BYTES) this.#scratch = scratch
    }
    scratch[0] = 0
    scratch[1] = schemaId >>> 24
    scratch[2] = schemaId >>> 16
    scratch[3] = schemaId >>> 8
    scratch[4] = schemaId
    const data = Buffer.allocUnsafe(end)
    scratch.copy(data, 0, 0, end)
    return data
  }
}
