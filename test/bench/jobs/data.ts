import { avro, type SchemaRegistry } from '../../../schemas/avro-serde.ts'
import { type AvroSchema, defineAvroType } from '../../../schemas/avro-type.ts'

/** What the benchmark reads: about 40 bytes with the 5 bytes of the wire format. */
export interface Measurement {
  readonly deviceId: string
  readonly temperature: number
  readonly humidity: number
  readonly sequence: number
}

/** Count, sum, least and greatest of a window; 32 bytes. */
export interface Average {
  count: number
  sum: number
  min: number
  max: number
}

const Measurement = defineAvroType<Measurement>({
  type: 'record',
  name: 'Measurement',
  namespace: 'bench',
  fields: [
    { name: 'deviceId', type: 'string' },
    { name: 'temperature', type: 'double' },
    { name: 'humidity', type: 'double' },
    { name: 'sequence', type: 'long' },
  ],
})

const Average = defineAvroType<Average>({
  type: 'record',
  name: 'Average',
  namespace: 'bench',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'sum', type: 'double' },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
  ],
})

/** Answers without HTTP: records are what is measured, and a schema is fetched once. Loader and application agree on the ids. */
const SCHEMAS = [Measurement.schema, Average.schema]
const registry: SchemaRegistry = {
  register: async (_subject, schema) => idOf(schema),
  lookup: async (_subject, schema) => idOf(schema),
  schemaById: async (id) => SCHEMAS[id - 1] as AvroSchema,
}

function idOf(schema: AvroSchema): number {
  return 1 + SCHEMAS.findIndex((known) => JSON.stringify(known) === JSON.stringify(schema))
}

export const measurementSerde = avro(Measurement, { registry })
export const averageSerde = avro(Average, { registry })

export const INPUT_PARTITIONS = 2
/** Event time advances by one second every so many records: 2 million records are four windows of 5 minutes. */
export const RECORDS_PER_SECOND = 2_000
