import { gzipSync } from 'node:zlib'
import { type Clock, systemClock } from '../../common/clock.ts'
import { BrookError, SerdeError } from '../../common/errors.ts'
import { AvroCodec, type AvroReader } from '../../schemas/avro-codec.ts'
import { HEADER_BYTES, readSchemaId } from '../../schemas/wire-format.ts'
import { type SchemaSource, WriterSchemas } from '../../schemas/writer-schemas.ts'
import type { Problem } from '../reading-kinds.ts'
import { avroContainer } from './avro-container.ts'
import { jsonLine } from './json-lines.ts'

export type ObjectFormat = 'avro' | 'json'
export type ObjectCompression = 'none' | 'gzip'

/** A record's value as it goes into an object. */
export interface EncodedValue {
  readonly bytes: Buffer
  /** Set where records of different writer schemas go into different objects. */
  readonly schemaId?: number
}

interface WriterSchema {
  readonly text: string
  readonly read: AvroReader
}

/** What objects hold of the values of records: Avro in Confluent's wire format, read with the writer's schema from the registry. */
export class RecordFormat {
  readonly extension: string
  readonly contentType: string
  readonly #format: ObjectFormat
  readonly #isCompressed: boolean
  readonly #schemas: WriterSchemas<WriterSchema>

  constructor(
    format: ObjectFormat,
    compression: ObjectCompression,
    registry: SchemaSource,
    clock: Clock = systemClock,
  ) {
    this.#format = format
    this.#isCompressed = compression === 'gzip'
    this.#schemas = new WriterSchemas(writerSchema, registry, clock)
    const lines = this.#isCompressed
      ? { extension: '.jsonl.gz', contentType: 'application/gzip' }
      : { extension: '.jsonl', contentType: 'application/x-ndjson' }
    const { extension, contentType } =
      format === 'avro' ? { extension: '.avro', contentType: 'application/avro' } : lines
    this.extension = extension
    this.contentType = contentType
  }

  /** The value encoded, or what is wrong with it; a promise where its schema has to be fetched first, after which to ask again. */
  encode(value: Buffer): EncodedValue | Problem | Promise<void> {
    const schemaId = readSchemaId(value)
    if (schemaId === undefined)
      return { code: 'SERDE_FAILED', reason: 'the value is not in the wire format of a schema registry' }
    const schema = this.#schemas.get(schemaId)
    if (schema instanceof Promise) return schema
    if (schema instanceof Error) return problemOf(schema)
    try {
      const decoded = schema.read(value, HEADER_BYTES)
      if (this.#format === 'json') return { bytes: jsonLine(decoded) }
      // What was read without a fault is in the file as the writer wrote it.
      return { bytes: Buffer.from(value.subarray(HEADER_BYTES)), schemaId }
    } catch (error) {
      return problemOf(new SerdeError(`${(error as Error).message} (written with schema ${schemaId})`))
    }
  }

  /** The object of values that were encoded before; the same values and name give the same bytes. */
  body(name: string, values: readonly EncodedValue[]): Buffer {
    const records = values.map(({ bytes }) => bytes)
    if (this.#format === 'json') {
      const lines = Buffer.concat(records)
      return this.#isCompressed ? gzipSync(lines) : lines
    }
    const schema = this.#schemas.get(values[0]?.schemaId ?? -1)
    if (schema instanceof Error || schema instanceof Promise)
      throw new SerdeError(`the schema of ${name} is not there any more`)
    return avroContainer({ schema: schema.text, records, name, deflated: this.#isCompressed })
  }
}

function writerSchema(schema: ConstructorParameters<typeof AvroCodec>[0]): WriterSchema {
  const codec = new AvroCodec(schema, { wideLongs: true })
  return { text: JSON.stringify(schema), read: codec.readerOf(codec) }
}

function problemOf(error: Error): Problem {
  const code = error instanceof BrookError ? error.code : 'SERDE_FAILED'
  return { code, reason: `it cannot be read: ${error.message}` }
}
