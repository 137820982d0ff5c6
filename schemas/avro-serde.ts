import { asError, SerdeError, SerdeNotReadyError } from '../common/errors.ts'
import type { Serde, SerdeRole } from '../common/serde.ts'
import { AvroCodec, type AvroReader } from './avro-codec.ts'
import type { AvroSchema, AvroType } from './avro-type.ts'
import { type Compatibility, readProblems } from './compatibility.ts'
import { SchemaNotFoundError } from './errors.ts'
import type { RegistryClient } from './registry-client.ts'
import { readSchemaId, WireWriter } from './wire-format.ts'
import { WriterSchemas } from './writer-schemas.ts'

/** What the serde needs of a registry; {@link RegistryClient} has it. */
export type SchemaRegistry = Pick<RegistryClient, 'lookup' | 'register' | 'schemaById'>

export interface AvroOptions {
  readonly registry: SchemaRegistry
  /** Which subject `serialize` uses for a topic that was never prepared (default value). */
  readonly role?: SerdeRole
  /** What a new subject is set to (default BACKWARD). Subjects that exist keep what they have. */
  readonly compatibility?: Compatibility
  /** Whether a schema that the registry does not have is registered (default), or is an error. */
  readonly autoRegister?: boolean
}

/**
 * Avro with Confluent's wire format: a zero byte, the id of the writer's schema in the registry (int32, big endian), then the
 * Avro binary. Writing uses the schema of `type`, registered by `prepare` under `<topic>-key` or `<topic>-value`; reading
 * resolves whatever schema the bytes name into that of `type`, so a field that the writer did not know has its default.
 *
 * A `long` is a number: one beyond 2^53 is a SerdeError both ways, never rounded. Bytes that are cut short, left over,
 * or claim more items than they hold are a SerdeError, before memory is taken for them.
 * @throws {InvalidSchemaError} when the schema is not valid Avro.
 */
export function avro<T>(type: AvroType<T>, options: AvroOptions): Serde<T> {
  return new AvroSerde<T>(`avro:${type.name}`, type.schema, options)
}

/** An Avro string with the same wire format; the keys of the building's topics. */
export function avroString(options: AvroOptions): Serde<string> {
  return new AvroSerde<string>('avro:string', 'string', options)
}

class AvroSerde<T> implements Serde<T> {
  readonly name: string
  readonly #options: AvroOptions
  readonly #codec: AvroCodec
  readonly #writer: WireWriter
  readonly #writers: WriterSchemas<AvroReader>
  readonly #idByTopic = new Map<string, number>()
  readonly #preparing = new Map<string, Promise<void>>()

  constructor(name: string, schema: AvroSchema, options: AvroOptions) {
    this.name = name
    this.#options = options
    this.#codec = new AvroCodec(schema)
    this.#writer = new WireWriter(this.#codec)
    const codec = this.#codec
    this.#writers = new WriterSchemas((writer) => codec.readerOf(new AvroCodec(writer)), options.registry)
  }

  get schema(): AvroSchema {
    return this.#codec.schema
  }

  readProblems(writerSchema: unknown): readonly string[] {
    const writer = { name: 'the deployed schema', schema: writerSchema as AvroSchema }
    return readProblems({ name: 'the new schema', schema: this.#codec.schema }, writer)
  }

  serialize(value: T, topic: string): Buffer {
    const id = this.#idByTopic.get(topic)
    if (id === undefined) {
      const ready = this.prepare(topic, this.#options.role ?? 'value')
      throw new SerdeNotReadyError(`the schema of ${this.name} for topic ${topic} is not registered yet`, ready)
    }
    try {
      return this.#writer.write(id, value)
    } catch (error) {
      throw this.#cannot('write', topic, this.#codec.problems(value).join(', ') || asError(error).message, error)
    }
  }

  deserialize(data: Buffer, topic: string): T {
    const id = readSchemaId(data)
    if (id === undefined) throw this.#cannot('read', topic, describeNotAvro(data))
    const read = this.#writers.get(id)
    if (typeof read !== 'function') {
      if (read instanceof Promise)
        throw new SerdeNotReadyError(`schema ${id} of a record of topic ${topic} is not fetched yet`, read)
      throw this.#cannot('read', topic, read.message, read)
    }
    try {
      return read(data, 5) as T
    } catch (error) {
      throw this.#cannot('read', topic, `${asError(error).message} (written with schema ${id})`, error)
    }
  }

  /**
   * Registers the schema, or looks it up, and keeps its id for `serialize`.
   * @throws {SchemaIncompatibleError} when the subject has a schema that this one does not fit; {SchemaNotFoundError} when it may
   * only be looked up and is not there; {RegistryUnavailableError}; {RegistryRefusedError}.
   */
  prepare(topic: string, role: SerdeRole): Promise<void> {
    const subject = `${topic}-${role}`
    let preparing = this.#preparing.get(subject)
    if (!preparing) {
      preparing = this.#register(subject).then((id) => void this.#idByTopic.set(topic, id))
      this.#preparing.set(subject, preparing)
      preparing.catch(() => this.#preparing.delete(subject))
    }
    return preparing
  }

  async #register(subject: string): Promise<number> {
    const { registry, autoRegister = true, compatibility = 'BACKWARD' } = this.#options
    const { schema } = this.#codec
    const id = await registry.lookup(subject, schema)
    if (id !== undefined) return id
    if (autoRegister) return registry.register(subject, schema, compatibility)
    throw new SchemaNotFoundError(
      `subject ${subject} does not have the schema of ${this.name}, and automatic registration is off: register it first`,
    )
  }

  #cannot(verb: 'read' | 'write', topic: string, why: string, cause?: unknown): SerdeError {
    return new SerdeError(`cannot ${verb} a record of topic ${topic} as ${this.name}: ${why}`, { cause })
  }
}

function describeNotAvro(data: Buffer): string {
  return data.length < 5
    ? `${data.length} bytes are too few for a schema id`
    : `it begins with byte 0x${data.toString('hex', 0, 1)} where Confluent's wire format has 0x00`
}
