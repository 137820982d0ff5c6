import { inflateRawSync } from 'node:zlib'
import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { avroContainer } from './avro-container.ts'

const schema = { type: 'record', name: 'T', fields: [{ name: 'n', type: 'long' as const }] } as const
const type = avsc.Type.forSchema(schema as never)
const encode = (n: number): Buffer => type.toBuffer({ n })

/** As avsc reads such a file, whoever wrote it. */
function read(file: Buffer): Promise<{ codec: string; values: unknown[] }> {
  const decoder = new avsc.streams.BlockDecoder({
    codecs: {
      null: (data: Buffer, done: (error: Error | null, plain: Buffer) => void) => done(null, data),
      deflate: (data: Buffer, done: (error: Error | null, plain: Buffer) => void) => done(null, inflateRawSync(data)),
    },
  })
  const values: unknown[] = []
  let codec = ''
  decoder.on('metadata', (_type: unknown, codecOfFile: string) => {
    codec = codecOfFile
  })
  decoder.on('data', (value: unknown) => values.push(value))
  return new Promise((resolve, reject) => {
    decoder.on('error', reject)
    decoder.on('end', () => resolve({ codec, values }))
    decoder.end(file)
  })
}

const file = (numbers: readonly number[], deflated = false, name = 'a/b.avro') =>
  avroContainer({ schema: JSON.stringify(schema), records: numbers.map(encode), name, deflated })

describe('an Avro container file', () => {
  test('is read by another implementation, in both codecs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { minLength: 1 }), fc.boolean(), async (numbers, deflated) => {
        const { codec, values } = await read(file(numbers, deflated))
        expect(values).toEqual(numbers.map((n) => ({ n })))
        expect(codec).toBe(deflated ? 'deflate' : 'null')
      }),
      { numRuns: 50 },
    )
  })

  test('has blocks of bounded size', async () => {
    const numbers = Array.from({ length: 50_000 }, (_, n) => n + 1_000_000)
    expect((await read(file(numbers))).values).toHaveLength(50_000)
    const sync = file(numbers).subarray(-16)
    const blocks = file(numbers).toString('latin1').split(sync.toString('latin1')).length - 2
    expect(blocks).toBe(3)
  })

  test('has the same bytes for the same records and name, and other ones for another name', () => {
    expect(file([1, 2, 3])).toEqual(file([1, 2, 3]))
    expect(file([1, 2, 3], true)).toEqual(file([1, 2, 3], true))
    expect(file([1, 2, 3])).not.toEqual(file([1, 2, 3], false, 'a/c.avro'))
  })
})
