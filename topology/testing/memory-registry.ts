import type { SchemaRegistry } from '../../schemas/avro-serde.ts'
import type { AvroSchema } from '../../schemas/avro-type.ts'
import { SchemaNotFoundError } from '../../schemas/errors.ts'

/** A schema registry without a server: equal schemas have one id, whatever the subject, as registries do it. */
export class MemoryRegistry implements SchemaRegistry {
  readonly #schemas: string[] = []

  /** The ids of the schemas that define the type, such as `building.Reading` or `string`. */
  idsOf(type: string): readonly number[] {
    return this.#schemas.flatMap((text, i) => (nameOf(JSON.parse(text) as AvroSchema) === type ? [i + 1] : []))
  }

  async lookup(_subject: string, schema: AvroSchema): Promise<number | undefined> {
    const index = this.#schemas.indexOf(JSON.stringify(schema))
    return index < 0 ? undefined : index + 1
  }

  async register(_subject: string, schema: AvroSchema): Promise<number> {
    return this.#schemas.push(JSON.stringify(schema))
  }

  async schemaById(id: number): Promise<AvroSchema> {
    const text = this.#schemas[id - 1]
    if (text === undefined) throw new SchemaNotFoundError(`there is no schema ${id}`)
    return JSON.parse(text) as AvroSchema
  }
}

function nameOf(schema: AvroSchema): string {
  if (typeof schema === 'string') return schema
  return 'name' in schema ? `${schema.namespace}.${schema.name}` : ''
}
