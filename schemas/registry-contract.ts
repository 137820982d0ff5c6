import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SerdeError, SerdeNotReadyError } from '../common/errors.ts'
import type { Serde } from '../common/serde.ts'
import { avro, avroString } from './avro-serde.ts'
import { type AvroSchema, defineAvroType } from './avro-type.ts'
import { RegistryRefusedError, SchemaIncompatibleError, SchemaNotFoundError } from './errors.ts'
import { RegistryClient } from './registry-client.ts'
import { Reading } from './types.ts'

interface V1 {
  readonly room: string
}
interface V2 extends V1 {
  readonly unit: string
}

function recordSchema(...fields: readonly object[]): AvroSchema {
  return { type: 'record', name: 'Measure', namespace: 'contract', fields } as AvroSchema
}
const room = { name: 'room', type: 'string' }
const v1 = recordSchema(room)
const v2 = recordSchema(room, { name: 'unit', type: 'string', default: 'celsius' })
const v3 = recordSchema(room, { name: 'mandatory', type: 'string' })
const V1 = defineAvroType<V1>(v1 as never)
const V2 = defineAvroType<V2, 'unit'>(v2 as never)
const V3 = defineAvroType<V1 & { readonly mandatory: string }>(v3 as never)

const reading: Reading = {
  deviceId: 'd1',
  roomId: 'r1',
  bus: 'mqtt',
  kind: 'temperature',
  value: 21.5,
  unit: 'celsius',
  quality: 'good',
  eventTimeMs: 1_795_305_600_123,
  receivedAtMs: 1_795_305_600_200,
  sequence: null,
  retained: false,
}

/** Reads as the runtime does: waits where the serde is not ready, then tries the same record again. */
async function read<T>(serde: Serde<T>, data: Buffer, topic: string): Promise<T> {
  try {
    return serde.deserialize(data, topic)
  } catch (error) {
    if (!(error instanceof SerdeNotReadyError)) throw error
    await error.ready
    return serde.deserialize(data, topic)
  }
}

/** What the client and the serde promise against any registry with Confluent's routes whose own level is BACKWARD. */
export function registryContract(name: string, address: () => string): void {
  describe(`${name} with the client and the serde`, () => {
    const clients: RegistryClient[] = []
    let registry: RegistryClient
    const connect = () => {
      const client = new RegistryClient({ url: address() })
      clients.push(client)
      return client
    }
    const fresh = () => `t-${randomUUID()}`

    beforeAll(() => {
      registry = connect()
    })
    afterAll(() => {
      for (const client of clients) client.close()
    })

    it('gives a schema one id, and finds it by id and by content', async () => {
      const subject = fresh()
      expect(await registry.lookup(subject, v1)).toBeUndefined()
      expect(await registry.latest(subject)).toBeUndefined()
      const id = await registry.register(subject, v1)
      expect(await registry.register(subject, v1)).toBe(id)
      expect(await registry.lookup(subject, v1)).toBe(id)
      expect(await registry.lookup(subject, v2)).toBeUndefined()
      expect(await registry.schemaById(id)).toEqual(v1)
      expect(await registry.subjects()).toContain(subject)
    })

    it('sets a new subject to the level asked for, and leaves that of an old one', async () => {
      const subject = fresh()
      await registry.register(subject, v1, 'FULL')
      expect(await registry.compatibility(subject)).toBe('FULL')
      await registry.register(subject, v2, 'NONE')
      expect(await registry.compatibility(subject)).toBe('FULL')
      expect(await registry.latest(subject)).toMatchObject({ version: 2 })
    })

    it('refuses an incompatible schema, naming the subject and the field', async () => {
      const topic = fresh()
      await avro(V1, { registry }).prepare?.(topic, 'value')
      expect(await registry.isCompatible(`${topic}-value`, v2)).toBe(true)
      expect(await registry.isCompatible(`${topic}-value`, v3)).toBe(false)
      const refused = avro(V3, { registry }).prepare?.(topic, 'value')
      await expect(refused).rejects.toThrow(SchemaIncompatibleError)
      await expect(refused).rejects.toThrow(
        `the schema does not fit the ones registered under ${topic}-value: field mandatory: the new schema needs it, version 1 does not have it, and it has no default`,
      )
      await expect(refused).rejects.toMatchObject({ domain: 'user', recovery: 'stop' })
    })

    it('refuses what is no schema', async () => {
      await expect(registry.register(fresh(), 'nonsense')).rejects.toThrow(RegistryRefusedError)
    })

    it('says that there is no schema of an id', async () => {
      await expect(registry.schemaById(99_999_999)).rejects.toThrow(SchemaNotFoundError)
    })

    it('writes and reads keys and values of a topic', async () => {
      const topic = fresh()
      const key = avroString({ registry })
      const value = avro(Reading, { registry })
      await Promise.all([key.prepare?.(topic, 'key'), value.prepare?.(topic, 'value')])
      const data = value.serialize(reading, topic)
      expect(data.subarray(0, 5)).toEqual(wireHeader((await registry.latest(`${topic}-value`))?.id))
      const elsewhere = connect()
      expect(await read(avro(Reading, { registry: elsewhere }), data, topic)).toStrictEqual(reading)
      expect(await read(avroString({ registry: elsewhere }), key.serialize('d1', topic), topic)).toBe('d1')
      expect(key.serialize('d1', topic).subarray(5)).toEqual(Buffer.from('\x04d1'))
      expect(await registry.subjects()).toEqual(expect.arrayContaining([`${topic}-key`, `${topic}-value`]))
    })

    it('reads old and new records with the schema at hand', async () => {
      const topic = fresh()
      const old = avro(V1, { registry })
      const next = avro(V2, { registry })
      await old.prepare?.(topic, 'value')
      await next.prepare?.(topic, 'value')
      expect(await read(next, old.serialize({ room: 'r' }, topic), topic)).toStrictEqual({ room: 'r', unit: 'celsius' })
      expect(await read(old, next.serialize({ room: 'r', unit: 'lux' }, topic), topic)).toStrictEqual({ room: 'r' })
    })

    it('registers nothing when it may only look up', async () => {
      const topic = fresh()
      const lookup = avro(V1, { registry, autoRegister: false })
      await expect(lookup.prepare?.(topic, 'value')).rejects.toThrow(SchemaNotFoundError)
      expect(await registry.subjects()).not.toContain(`${topic}-value`)
      await registry.register(`${topic}-value`, v1)
      await lookup.prepare?.(topic, 'value')
      expect(lookup.serialize({ room: 'r' }, topic)).toHaveLength(7)
    })

    it('makes a record of an unknown schema a SerdeError', async () => {
      const data = Buffer.concat([wireHeader(99_999_998), Buffer.from('\x02r')])
      await expect(read(avro(V1, { registry }), data, 'some-topic')).rejects.toThrow(SerdeError)
      await expect(read(avro(V1, { registry }), data, 'some-topic')).rejects.toThrow('has no schema 99999998')
    })
  })
}

function wireHeader(id: number | undefined): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(id ?? -1, 1)
  return header
}
