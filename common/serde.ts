import { SerdeError } from './errors.ts'
import type { Headers } from './record.ts'

/** Whether a serde writes the key or the value of a topic's records. */
export type SerdeRole = 'key' | 'value'

/**
 * Turns values into bytes and back. Both ways are synchronous, so that no record has to wait for a promise. `null` never
 * reaches a serde: a null key or value is null bytes.
 */
export interface Serde<T> {
  /** Shown in topology descriptions and error messages, such as `string` or `avro:building.Reading`. */
  readonly name: string
  /** @throws {SerdeError} when the value cannot be written. */
  serialize(value: T, topic: string, headers?: Headers): Buffer
  /**
   * The buffer may be a view of a larger one and may be reused after the call: copy what is kept.
   * @throws {SerdeError} when the bytes cannot be read; {SerdeNotReadyError} when a schema has to be fetched first.
   */
  deserialize(data: Buffer, topic: string, headers?: Headers): T
  /** The schema that it writes, as JSON, where it has one. */
  readonly schema?: unknown
  /** Why it cannot read what was written with another schema of its kind, in sentences; empty when it can. */
  readProblems?(writerSchema: unknown): readonly string[]
  /** Gets ready what `serialize` needs for this topic (registers a schema). Called once per topic before the first record. */
  prepare?(topic: string, role: SerdeRole): Promise<void>
}

/** The value type of a serde. */
export type SerdeValue<S> = S extends Serde<infer T> ? T : never

function fixed<T>(
  name: string,
  size: number,
  read: (data: Buffer) => T,
  write: (value: T, into: Buffer) => void,
): Serde<T> {
  return {
    name,
    serialize(value) {
      const data = Buffer.allocUnsafe(size)
      try {
        write(value, data)
      } catch (cause) {
        throw new SerdeError(`cannot write ${String(value)} as ${name}`, { cause })
      }
      return data
    },
    deserialize(data) {
      if (data.length !== size) throw new SerdeError(`${name} needs ${size} bytes, got ${data.length}`)
      return read(data)
    },
  }
}

/** The serdes of Kafka's own serializers, byte for byte. */
export const serdes = {
  /** UTF-8 text (StringSerializer). */
  string: {
    name: 'string',
    serialize: (value) => Buffer.from(value, 'utf8'),
    deserialize: (data) => data.toString('utf8'),
  } as Serde<string>,
  /** Raw bytes, copied on reading (ByteArraySerializer). */
  bytes: { name: 'bytes', serialize: (value) => value, deserialize: (data) => Buffer.from(data) } as Serde<Buffer>,
  /** 32-bit signed integer, big endian (IntegerSerializer). */
  integer: fixed<number>(
    'integer',
    4,
    (d) => d.readInt32BE(0),
    (v, d) => void d.writeInt32BE(v),
  ),
  /** 64-bit signed integer, big endian (LongSerializer), as a number; refuses what a number cannot hold exactly. */
  long: fixed<number>(
    'long',
    8,
    (d) => {
      const value = Number(d.readBigInt64BE(0))
      if (!Number.isSafeInteger(value)) throw new SerdeError('long beyond 2^53: use serdes.bigint')
      return value
    },
    (v, d) => void d.writeBigInt64BE(BigInt(v)),
  ),
  /** 64-bit signed integer, big endian (LongSerializer), as a bigint. */
  bigint: fixed<bigint>(
    'bigint',
    8,
    (d) => d.readBigInt64BE(0),
    (v, d) => void d.writeBigInt64BE(v),
  ),
  /** 64-bit IEEE 754, big endian (DoubleSerializer). */
  double: fixed<number>(
    'double',
    8,
    (d) => d.readDoubleBE(0),
    (v, d) => void d.writeDoubleBE(v),
  ),
  /** One byte, 0 or 1 (BooleanSerializer). */
  boolean: fixed<boolean>(
    'boolean',
    1,
    (d) => d[0] === 1,
    (v, d) => void d.writeUInt8(v ? 1 : 0),
  ),
  /** UTF-8 JSON. `T` is what the caller says it is: validate at the edge. */
  json: <T>(): Serde<T> => ({
    name: 'json',
    serialize: (value) => Buffer.from(JSON.stringify(value), 'utf8'),
    deserialize: (data) => {
      try {
        return JSON.parse(data.toString('utf8')) as T
      } catch (cause) {
        throw new SerdeError('not JSON', { cause })
      }
    },
  }),
}
