import { expect, it } from 'vitest'
import {
  type KeyValueStore,
  Stores,
  StreamsBuilder,
  serdes,
  TopologyError,
  TopologyTestDriver,
  type ValueTransformer,
  type ValueTransformerContext,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

/** Says what it was given, and what the store has for the key. */
class Looking implements ValueTransformer<string, string, string> {
  static closed = 0
  #context!: ValueTransformerContext
  #notes!: KeyValueStore<string, string>

  init(context: ValueTransformerContext): void {
    this.#context = context
    this.#notes = context.getStateStore('notes')
  }

  transform(value: string | null, key: string): string {
    const { timestampMs, headers } = this.#context.update()
    const origin = this.#context.recordMetadata()
    return `${value}/${String(this.#notes.get(key))}@${timestampMs} ${headers.length} ${origin?.offset}`
  }

  close(): void {
    Looking.closed++
  }
}

it('reads its stores also where another operator asks for its rows, with the time of the row and no origin', async () => {
  const builder = new StreamsBuilder()
  builder.addStateStore(Stores.keyValueStore('notes', TEXT))
  const table = builder.table('rows', TEXT).transformValues(() => new Looking(), { stores: ['notes'] })
  builder
    .stream('in', TEXT)
    .leftJoin(table, (v, row) => `${v}|${row}`)
    .to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app' })
  const rows = driver.createInputTopic('rows', TEXT)
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  input.pipeInput('a', '1', { timestampMs: 3 })
  rows.pipeInput('a', 'r', { timestampMs: 5, headers: [{ key: 'h', value: null }] })
  input.pipeInput('a', '2', { timestampMs: 6 })
  expect(output.readRecords().map((r) => r.value)).toEqual([
    '1|null/undefined@-1 0 undefined',
    '2|r/undefined@5 0 undefined',
  ])
  const before = Looking.closed
  await driver.close()
  expect(Looking.closed - before, 'one of the task, one of the join').toBe(2)
})

it('is told of deletions, and may delete', async () => {
  const builder = new StreamsBuilder()
  builder
    .table('rows', TEXT)
    .transformValues(() => ({ transform: (v: string | null, k: string) => (v === 'x' ? null : `${k}:${v}`) }))
    .toStream()
    .to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app' })
  const rows = driver.createInputTopic('rows', TEXT)
  for (const [i, value] of ['1', null, 'x'].entries()) rows.pipeInput('a', value as never, { timestampMs: i })
  const output = driver.createOutputTopic('out', TEXT)
  expect(output.readRecords().map((r) => r.value)).toEqual(['a:1', 'a:null', null])
  await driver.close()
})

it('keeps versions only in a store with a name', () => {
  const table = new StreamsBuilder().table('rows', TEXT)
  const keep = (): unknown =>
    table.transformValues(() => ({ transform: (v: string | null) => v }), {
      ...TEXT,
      versioned: { historyRetention: '1h' },
    })
  expect(keep).toThrow(TopologyError)
  expect(keep).toThrow(/cannot keep versions without a store/)
})
