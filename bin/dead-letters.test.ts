import { afterEach, describe, expect, it } from 'vitest'
import type { Serde } from '../common/serde.ts'
import { avro } from '../schemas/avro-serde.ts'
import { topics } from '../schemas/topics.ts'
import { StreamsBuilder, serdes, TopologyTestDriver } from '../streams/index.ts'
import { deadLetterHandlers } from './dead-letters.ts'

const registry = {
  lookup: async () => 7,
  register: async () => 7,
  schemaById: async () => topics.deadLetters.value.schema,
}
const platform: Parameters<typeof deadLetterHandlers>[0] = { value: (type) => avro(type, { registry }) }
const TEXT = { key: serdes.string, value: serdes.string }
const numbers: Serde<number> = serdes.integer

let driver: TopologyTestDriver | undefined
afterEach(() => driver?.close())

describe('the dead letters of the stream application', () => {
  it('have the original bytes, the code and the reason, and the headers of Kafka Streams', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', { key: serdes.string, value: numbers })
      .mapValues((value) => {
        if (value < 0) throw new RangeError('below nothing')
        return value
      })
      .to('out', { key: serdes.string, value: numbers })
    driver = await TopologyTestDriver.create(builder.build(), await deadLetterHandlers(platform))
    driver.createInputTopic('in', TEXT).pipeInput('k', 'no number', 1)
    const input = driver.createInputTopic('in', { key: serdes.string, value: numbers })
    input.pipeInput('k', -1, 2)
    input.pipeInput('k', 1, 3)
    expect(driver.createOutputTopic('out', { key: serdes.string, value: numbers }).readKeyValues()).toEqual([['k', 1]])
    const serde = avro(topics.deadLetters.value, { registry })
    const raw = driver.capturedRecords(topics.deadLetters.name)
    const read = async (value: Buffer | null) => {
      const once = () => serde.deserialize(value ?? Buffer.alloc(0), topics.deadLetters.name)
      try {
        return once()
      } catch (error) {
        await (error as { ready?: Promise<void> }).ready
        return once()
      }
    }
    const letters = []
    for (const { value } of raw) letters.push(await read(value))
    expect(letters).toMatchObject([
      {
        code: 'UNREADABLE_RECORD',
        reason: 'integer needs 4 bytes, got 9',
        origin: 'kafka:in-0@0',
        originalKey: Buffer.from('k'),
        originalValue: Buffer.from('no number'),
      },
      { code: 'PROCESSING_FAILED', reason: 'below nothing', origin: 'kafka:in-0@1' },
    ])
    expect(raw[1]?.headers.map(({ key }) => key)).toContain('__streams.errors.stacktrace')
    expect(String(raw[0]?.key)).toBe('k')
  })

  it('leave out what is longer than a letter may be', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', { key: serdes.string, value: numbers }).to('out', { key: serdes.string, value: numbers })
    driver = await TopologyTestDriver.create(builder.build(), await deadLetterHandlers(platform))
    driver.createInputTopic('in', TEXT).pipeInput('k', 'x'.repeat(600_000), 1)
    const [letter] = driver.capturedRecords(topics.deadLetters.name)
    expect(letter?.value?.length).toBeLessThan(530_000)
    expect(letter?.value?.includes('original-value-size-bytes')).toBe(true)
  })
})
