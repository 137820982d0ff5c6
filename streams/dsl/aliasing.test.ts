import { describe, expect, it } from 'vitest'
import type { Serde } from '../../common/serde.ts'
import {
  type KTable,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
  StreamsBuilder,
  serdes,
  TimeWindows,
  TopologyTestDriver,
} from '../index.ts'

interface Bag {
  items: string[]
}

let encoded = 0
const bag: Serde<Bag> = {
  name: 'bag',
  serialize: (value) => {
    encoded++
    return Buffer.from(JSON.stringify(value))
  },
  deserialize: (data) => JSON.parse(data.toString()) as Bag,
}
const TEXT = { key: serdes.string, value: serdes.string }

/** Aggregators may change what they are given: nobody else may notice. */
function growing(builder: StreamsBuilder, options: { caching?: boolean } = {}): KTable<string, Bag> {
  return builder
    .stream('in', TEXT)
    .groupByKey()
    .aggregate<Bag>(
      () => ({ items: [] }),
      (aggregate, value) => {
        aggregate.items.push(value)
        return aggregate
      },
      { store: 'bags', value: bag, ...options },
    )
}

async function run(build: (builder: StreamsBuilder) => void, values: readonly string[] = ['a', 'b', 'c']) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
  const input = driver.createInputTopic('in', TEXT)
  for (const [i, value] of values.entries()) input.pipeInput('k', value, i)
  driver.commit()
  return driver
}

const growth = [{ items: ['a'] }, { items: ['a', 'b'] }, { items: ['a', 'b', 'c'] }]

/** Keeps the very objects that it is given. */
class Keeper<V> implements Processor<string, V, string, V> {
  readonly #kept: V[]
  #context!: ProcessorContext<string, V>

  constructor(kept: V[]) {
    this.#kept = kept
  }

  init(context: ProcessorContext<string, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<string, V>) {
    this.#kept.push(record.value)
    return this.#context.forward(record)
  }
}

describe('an aggregate that is changed in place', () => {
  it('is encoded for a sink at once, without a copy', async () => {
    encoded = 0
    const driver = await run((b) => growing(b, { caching: false }).toStream().to('out'))
    const output = driver.createOutputTopic('out', { key: serdes.string, value: bag })
    expect(output.readRecords().map((r) => r.value)).toEqual(growth)
    expect(encoded, 'three for the sink, one for the store').toBe(4)
    await driver.close()
  })

  it('stays as it was for a processor that keeps references', async () => {
    const kept: Bag[] = []
    const driver = await run((b) =>
      growing(b, { caching: false })
        .toStream()
        .mapValues((value) => value)
        .process(() => new Keeper(kept)),
    )
    expect(kept).toEqual(growth)
    await driver.close()
  })

  it.each(['foreach', 'peek'] as const)('stays as it was for what %s is given', async (operator) => {
    const kept: Bag[] = []
    const driver = await run((b) =>
      growing(b, { caching: false })
        .toStream()
        [operator]((value) => void kept.push(value)),
    )
    expect(kept).toEqual(growth)
    await driver.close()
  })

  it('stays as it was inside what was made of it', async () => {
    const kept: { wrapped: Bag }[] = []
    const driver = await run((b) =>
      growing(b, { caching: false })
        .mapValues((value) => ({ wrapped: value }))
        .toStream()
        .process(() => new Keeper(kept)),
    )
    expect(kept.map((k) => k.wrapped)).toEqual(growth)
    await driver.close()
  })

  it('stays as it was in the store of a table made of it', async () => {
    const driver = await run((b) =>
      growing(b, { caching: false })
        .toStream()
        .filter((value) => value.items.length < 2)
        .toTable({ store: 'first', value: bag }),
    )
    expect(await driver.getKeyValueStore<string, Bag>('first').get('k')).toEqual({ items: ['a'] })
    await driver.close()
  })

  it.each([true, false])('gives old values as they were (cache: %s)', async (caching) => {
    const removed: Bag[] = []
    const added: Bag[] = []
    const builder = new StreamsBuilder()
    growing(builder, { caching })
      .groupBy((value, key) => [key, value], { key: serdes.string, value: bag })
      .aggregate(
        () => 0,
        (count, value) => count + added.push(value) * 0 + 1,
        (count, value) => count + removed.push(value) * 0 - 1,
        { store: 'groups', value: serdes.integer },
      )
    const driver = await TopologyTestDriver.create(builder.build())
    const input = driver.createInputTopic('in', TEXT)
    for (const [i, value] of ['a', 'b', 'c'].entries()) input.pipeInput('k', value, i)
    expect(added).toEqual(growth)
    expect(removed).toEqual(growth.slice(0, 2))
    await driver.close()
  })

  it('gives a stream that joins it the row as it was', async () => {
    const kept: Bag[] = []
    const builder = new StreamsBuilder()
    const bags = growing(builder)
    builder
      .stream('asks', TEXT)
      .join(bags, (_ask, row) => row)
      .process(() => new Keeper(kept))
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    const input = driver.createInputTopic('in', TEXT)
    const asks = driver.createInputTopic('asks', TEXT)
    for (const [i, value] of ['a', 'b', 'c'].entries()) {
      input.pipeInput('k', value, i)
      asks.pipeInput('k', '?', i)
    }
    expect(kept).toEqual(growth)
    await driver.close()
  })

  it('gives a table that joins it the row as it was', async () => {
    const kept: (Bag | null)[] = []
    const builder = new StreamsBuilder()
    const bags = growing(builder)
    const other = builder.table('other', { ...TEXT, store: 'others', caching: false })
    other
      .join(bags, (_text, row) => row)
      .toStream()
      .process(() => new Keeper<Bag | null>(kept))
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    const input = driver.createInputTopic('in', TEXT)
    const others = driver.createInputTopic('other', TEXT)
    for (const [i, value] of ['a', 'b', 'c'].entries()) {
      input.pipeInput('k', value, i)
      others.pipeInput('k', value, i)
    }
    expect(kept.filter((k) => k !== null)).toEqual(growth)
    await driver.close()
  })
})

describe('a reducer that changes its first value in place', () => {
  const BAGS = { key: serdes.string, value: bag }
  const grow = (aggregate: Bag, value: Bag): Bag => {
    aggregate.items.push(...value.items)
    return aggregate
  }

  async function reduced(build: (builder: StreamsBuilder) => void) {
    const builder = new StreamsBuilder()
    build(builder)
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    const input = driver.createInputTopic('in', BAGS)
    for (const [i, item] of ['a', 'b', 'c'].entries()) input.pipeInput('k', { items: [item] }, 8 + i)
    driver.commit()
    return driver
  }

  it('leaves the same value alone in a table of its siblings', async () => {
    const driver = await reduced((b) => {
      const stream = b.stream('in', BAGS)
      stream.filter((value) => value.items[0] === 'a').toTable({ store: 'rows' })
      stream.groupByKey().reduce(grow, { store: 'sums' })
    })
    expect(await driver.getKeyValueStore<string, Bag>('sums').get('k')).toEqual({ items: ['a', 'b', 'c'] })
    expect(await driver.getKeyValueStore<string, Bag>('rows').get('k')).toEqual({ items: ['a'] })
    await driver.close()
  })

  it('leaves the same value alone in the windows that overlap', async () => {
    const driver = await reduced((b) =>
      b
        .stream('in', BAGS)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(10, 10).advanceBy(5))
        .reduce(grow, { store: 'windows' }),
    )
    const windows = await driver.getWindowStore<string, Bag>('windows').fetch('k', 0, 100)
    expect(windows.map((w) => [w.windowStartMs, w.value.items])).toEqual([
      [0, ['a', 'b']],
      [5, ['a', 'b', 'c']],
      [10, ['c']],
    ])
    await driver.close()
  })

  it('leaves the same value alone in another aggregation behind the same topic', async () => {
    const driver = await reduced((b) => {
      const grouped = b.stream('in', BAGS).groupBy((_value, key) => key, { ...BAGS, name: 'again' })
      grouped.reduce(grow, { store: 'one' })
      grouped.reduce(grow, { store: 'two' })
    })
    for (const store of ['one', 'two'])
      expect(await driver.getKeyValueStore<string, Bag>(store).get('k')).toEqual({ items: ['a', 'b', 'c'] })
    await driver.close()
  })
})
