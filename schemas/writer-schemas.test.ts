import { describe, expect, it } from 'vitest'
import { ManualClock } from '../common/clock.ts'
import { AvroCodec } from './avro-codec.ts'
import type { AvroSchema } from './avro-type.ts'
import { SchemaNotFoundError } from './errors.ts'
import { WriterSchemas } from './writer-schemas.ts'

/** A registry that knows these schemas, and keeps the ids it was asked for. */
function source(schemas: Map<number, AvroSchema>) {
  const asked: number[] = []
  return {
    asked,
    async schemaById(id: number): Promise<AvroSchema> {
      asked.push(id)
      const schema = schemas.get(id)
      if (schema === undefined) throw new SchemaNotFoundError(`no schema ${id}`)
      return schema
    },
  }
}

const codec = new AvroCodec('long')
const readerOf = (writer: AvroSchema) => codec.readerOf(new AvroCodec(writer))

describe('an id', () => {
  it('is fetched once, then read at once', async () => {
    const registry = source(new Map([[1, 'int']]))
    const writers = new WriterSchemas(readerOf, registry)
    await writers.get(1)
    expect(writers.get(1)).toBe(writers.get(1))
    expect(writers.get(1)).toBeTypeOf('function')
    expect(registry.asked).toEqual([1])
  })

  it('that the registry does not know is asked for again only after a while, and then read', async () => {
    const clock = new ManualClock()
    const schemas = new Map<number, AvroSchema>()
    const registry = source(schemas)
    const writers = new WriterSchemas(readerOf, registry, clock)
    await writers.get(5)
    clock.advance(29_999)
    expect(writers.get(5)).toBeInstanceOf(SchemaNotFoundError)
    expect(registry.asked).toEqual([5])
    schemas.set(5, 'long')
    clock.advance(2)
    await writers.get(5)
    expect(writers.get(5)).toBeTypeOf('function')
    expect(registry.asked).toEqual([5, 5])
  })

  it('of a schema that ours cannot read is an error for good', async () => {
    const registry = source(new Map([[2, 'string']]))
    const writers = new WriterSchemas(readerOf, registry)
    await writers.get(2)
    expect(writers.get(2)).toMatchObject({ message: expect.stringContaining('schema 2 cannot be read with ours') })
    expect(registry.asked).toEqual([2])
  })

  it('is forgotten when too many unknown ones come after it', async () => {
    const registry = source(new Map())
    const writers = new WriterSchemas(readerOf, registry, new ManualClock())
    for (let id = 0; id <= 1_000; id++) await writers.get(id)
    expect(writers.get(1_000)).toBeInstanceOf(Error)
    expect(writers.get(0)).toBeInstanceOf(Promise)
  })
})
