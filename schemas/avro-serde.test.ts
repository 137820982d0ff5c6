import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { SerdeError, SerdeNotReadyError } from '../common/errors.ts'
import type { Serde } from '../common/serde.ts'
import * as fc from '../test/support/property.ts'
import { avro, avroString } from './avro-serde.ts'
import { EmbeddedRegistry } from './embedded-registry.ts'
import { RegistryUnavailableError } from './errors.ts'
import { RegistryClient } from './registry-client.ts'
import { DeadLetter, Reading, RoomAverage } from './types.ts'

let directory: string
let server: EmbeddedRegistry
let registry: RegistryClient
let value: Serde<Reading>
const topic = 'building.readings'

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-serde-'))
  server = await EmbeddedRegistry.start({ directory })
  registry = new RegistryClient({ url: server.url })
  value = avro(Reading, { registry })
  await value.prepare?.(topic, 'value')
  await known(value, topic)
})
afterAll(async () => {
  registry.close()
  await server.close()
  await rm(directory, { recursive: true })
})

const reading: Reading = {
  deviceId: 'd',
  roomId: 'r',
  bus: 'knx',
  kind: 'motion',
  value: 1,
  unit: 'boolean',
  quality: 'uncertain',
  eventTimeMs: 1,
  receivedAtMs: 2,
  sequence: 3,
  retained: true,
}

/** Has the serde fetch the schema that it writes with itself. */
async function known(serde: Serde<Reading>, topic: string): Promise<void> {
  const error = caught(() => serde.deserialize(serde.serialize(reading, topic), topic))
  await (error as SerdeNotReadyError).ready
}

function caught(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('the wire format', () => {
  it('is a zero byte, the id, and Avro', () => {
    // After the header: deviceId, roomId, bus 1, kind 3, value 1.0, unit, quality 1, 1, 2, sequence branch 1 and 3, true.
    const expected =
      '0000000001' +
      '0264' +
      '0272' +
      '02' +
      '06' +
      '000000000000f03f' +
      '0e626f6f6c65616e' +
      '02' +
      '02' +
      '04' +
      '0206' +
      '01'
    const data = value.serialize(reading, topic)
    expect(data.toString('hex')).toBe(expected)
    expect(value.deserialize(data, topic)).toStrictEqual(reading)
  })

  it('does not change when the value is written next', () => {
    const first = value.serialize(reading, topic)
    const copy = Buffer.from(first)
    value.serialize({ ...reading, deviceId: 'another' }, topic)
    expect(first).toEqual(copy)
  })

  it('reads a view of a larger buffer, and keeps nothing of it', async () => {
    const serde = avro(DeadLetter, { registry })
    await serde.prepare?.('building.dead-letters', 'value')
    const letter: DeadLetter = {
      reason: 'Not JSON.',
      code: 'X',
      origin: 'mqtt:a',
      originalKey: null,
      originalValue: Buffer.from([1, 2, 3]),
      receivedAtMs: 5,
      headers: { a: 'b' },
    }
    const data = serde.serialize(letter, 'building.dead-letters')
    const large = Buffer.concat([Buffer.alloc(7, 0xff), data, Buffer.alloc(7, 0xff)])
    const view = large.subarray(7, 7 + data.length)
    await (caught(() => serde.deserialize(view, 't')) as SerdeNotReadyError).ready
    const read = serde.deserialize(view, 't')
    large.fill(0)
    expect(read).toStrictEqual(letter)
  })

  it('takes values larger than its buffer', () => {
    const large = { ...reading, deviceId: 'x'.repeat(3_000_000) }
    expect(value.deserialize(value.serialize(large, topic), topic)).toStrictEqual(large)
    expect(value.deserialize(value.serialize(reading, topic), topic)).toStrictEqual(reading)
  })

  it('keeps every reading', () => {
    const time = fc.integer({ min: 0, max: 4e12 })
    fc.assert(
      fc.property(
        fc.record({
          deviceId: fc.string({ unit: 'binary' }),
          value: fc.double({ noNaN: true }),
          eventTimeMs: time,
          sequence: fc.option(fc.maxSafeInteger()),
        }),
        (part) => {
          const whole = { ...reading, ...part }
          expect(value.deserialize(value.serialize(whole, topic), topic)).toStrictEqual(whole)
        },
      ),
    )
  })
})

describe('input that is no record of ours', () => {
  const good = () => value.serialize(reading, topic)
  const cases: readonly [what: string, data: () => Buffer, why: string][] = [
    ['nothing', () => Buffer.alloc(0), '0 bytes are too few for a schema id'],
    ['four bytes', () => Buffer.alloc(4), '4 bytes are too few for a schema id'],
    ['JSON', () => Buffer.from('{"value":1}'), "it begins with byte 0x7b where Confluent's wire format has 0x00"],
    ['a record that is cut short', () => good().subarray(0, -1), 'the bytes end too early (written with schema 1)'],
    ['a record with bytes after it', () => Buffer.concat([good(), Buffer.alloc(3)]), '3 bytes are left over'],
    ['a header alone', () => good().subarray(0, 5), 'avro:building.Reading'],
  ]
  it.each(cases)('%s is a SerdeError that says so', (_, data, why) => {
    const error = caught(() => value.deserialize(data(), topic))
    expect(error).toBeInstanceOf(SerdeError)
    expect((error as Error).message).toContain(`cannot read a record of topic ${topic} as avro:building.Reading: `)
    expect((error as Error).message).toContain(why)
  })

  it('never throws anything else for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          value.deserialize(Buffer.concat([good().subarray(0, 5), bytes]), topic)
        } catch (error) {
          expect(error).toBeInstanceOf(SerdeError)
        }
      }),
    )
  })

  it('a value that does not fit is a SerdeError that names the field', () => {
    const wrong = { ...reading, kind: 'noise', value: '5' } as unknown as Reading
    const error = caught(() => value.serialize(wrong, topic))
    expect(error).toBeInstanceOf(SerdeError)
    expect((error as Error).message).toBe(
      `cannot write a record of topic ${topic} as avro:building.Reading: field kind: 'noise' is not a valid building.ReadingKind, field value: '5' is not a valid double`,
    )
  })
})

describe('before the registry has answered', () => {
  it('writing asks to wait, registers, and then writes', async () => {
    const serde = avroString({ registry, role: 'key' })
    const error = caught(() => serde.serialize('k', 'unprepared'))
    expect(error).toBeInstanceOf(SerdeNotReadyError)
    await (error as SerdeNotReadyError).ready
    expect(serde.serialize('k', 'unprepared')).toHaveLength(7)
    expect(await registry.latest('unprepared-key')).toMatchObject({ schema: 'string' })
  })

  it('many records of one schema wait for one fetch', async () => {
    const serde = avro(Reading, { registry })
    const waits = [1, 2, 3].map(() => caught(() => serde.deserialize(value.serialize(reading, topic), topic)))
    expect(new Set(waits.map((error) => (error as SerdeNotReadyError).ready)).size).toBe(1)
    await (waits[0] as SerdeNotReadyError).ready
    expect(serde.deserialize(value.serialize(reading, topic), topic)).toStrictEqual(reading)
  })

  it('a record written with a schema that is not ours is a SerdeError', async () => {
    const other = avro(RoomAverage, { registry })
    await other.prepare?.('other', 'value')
    const average = {
      roomId: 'r',
      windowStartMs: 0,
      windowEndMs: 1,
      temperature: null,
      humidity: null,
      luminance: null,
    }
    const data = other.serialize(average, 'other')
    await (caught(() => value.deserialize(data, 'other')) as SerdeNotReadyError).ready
    const error = caught(() => value.deserialize(data, 'other'))
    expect(error).toBeInstanceOf(SerdeError)
    expect((error as Error).message).toMatch(/schema \d+ cannot be read with ours/)
  })

  it('a registry that does not answer fails the wait, and the next record asks again', async () => {
    const port = await freePort()
    const away = new RegistryClient({ url: `http://127.0.0.1:${port}`, retry: { attempts: 2, firstWaitMs: 5 } })
    const serde = avro(Reading, { registry: away })
    const data = value.serialize(reading, topic)
    const first = caught(() => serde.deserialize(data, topic)) as SerdeNotReadyError
    await expect(first.ready).rejects.toThrow(RegistryUnavailableError)
    await expect(serde.prepare?.(topic, 'value')).rejects.toThrow(
      `schema registry http://127.0.0.1:${port} does not answer`,
    )
    const elsewhere = await mkdtemp(join(tmpdir(), 'brook-serde-'))
    const late = await EmbeddedRegistry.start({ directory: elsewhere, port })
    await serde.prepare?.(topic, 'value')
    await (caught(() => serde.deserialize(data, topic)) as SerdeNotReadyError).ready
    expect(serde.deserialize(data, topic)).toStrictEqual(reading)
    away.close()
    await late.close()
    await rm(elsewhere, { recursive: true })
  })
})

it('has the type of its values', () => {
  expectTypeOf(avro(Reading, { registry })).toEqualTypeOf<Serde<Reading>>()
  expect(value.name).toBe('avro:building.Reading')
})

async function freePort(): Promise<number> {
  const probe: Server = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
