import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  KeyChangedError,
  type KeyValueStore,
  type KStream,
  ProcessingError,
  type Processor,
  type ProcessorContext,
  type ProcessorProvider,
  Stores,
  type StreamRecord,
  StreamsBuilder,
  serdes,
  Topology,
  TopologyError,
  TopologyTestDriver,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const counts = Stores.keyValueStore<string, number>('counts', { key: serdes.string, value: serdes.integer })

/** Counts in a store, which it need not own, and sends how many there were. */
class Counter implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>
  #counts!: KeyValueStore<string, number>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#counts = context.getStateStore('counts')
  }

  process(record: StreamRecord<string, string>) {
    const count = ((this.#counts.get(record.key) as number | undefined) ?? 0) + 1
    this.#counts.put(record.key, count, record.timestampMs)
    return this.#context.forward(record.withValue(String(count)))
  }
}

class Sending implements Processor<string, string, string, string> {
  readonly #make: (record: StreamRecord<string, string>) => StreamRecord<string, string>
  #context!: ProcessorContext<string, string>

  constructor(make: (record: StreamRecord<string, string>) => StreamRecord<string, string>) {
    this.#make = make
  }

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
  }

  process(record: StreamRecord<string, string>) {
    return this.#context.forward(this.#make(record))
  }
}

const counting: ProcessorProvider<string, string, string, string> = { get: () => new Counter(), stores: () => [counts] }

async function values(topology: Topology, keys: readonly string[], topic = 'out') {
  const driver = await TopologyTestDriver.create(topology)
  const input = driver.createInputTopic('in', TEXT)
  for (const key of keys) input.pipeInput(key, key)
  const found = driver
    .createOutputTopic(topic, TEXT)
    .readRecords()
    .map((r) => `${r.key}=${r.value}`)
  await driver.close()
  return found
}

function built(build: (stream: KStream<string, string>) => void): Topology {
  const builder = new StreamsBuilder()
  build(builder.stream('in', TEXT))
  return builder.build()
}

describe('a supplier that brings its stores', () => {
  it('has them added and connected in the DSL', async () => {
    const topology = built((s) => s.process(counting).to('out', TEXT))
    expect(await values(topology, ['a', 'a', 'b'])).toEqual(['a=1', 'a=2', 'b=1'])
  })

  it('may share them with others, and with processValues', async () => {
    const topology = built((s) => {
      s.processValues(counting).to('out', TEXT)
      s.process({ ...counting }).to('out2', TEXT)
    })
    expect(topology.stores.size).toBe(1)
    expect(await values(topology, ['a', 'a'])).toEqual(['a=1', 'a=3'])
  })

  it('has them added in a topology of nodes', async () => {
    const topology = new Topology()
      .addSource('s', 'in', TEXT)
      .addProcessor('p', counting, 's')
      .addSink('k', 'out', TEXT, 'p')
    expect(await values(topology, ['a', 'a'])).toEqual(['a=1', 'a=2'])
  })

  it('may not bring another store of the same name', () => {
    const other = Stores.keyValueStore('counts', TEXT)
    expect(() =>
      built((s) => {
        s.process(counting, { name: 'one' })
        s.process({ get: () => new Counter(), stores: () => [other] }, { name: 'two' })
      }),
    ).toThrow(/counts is defined twice \(used by one, two\), differently: value serde/)
  })

  it('may make its builders anew at each call', async () => {
    const topology = built((s) =>
      s
        .process({
          get: () => new Counter(),
          stores: () => [Stores.keyValueStore('counts', { key: serdes.string, value: serdes.integer })],
        })
        .to('out', TEXT),
    )
    expect(await values(topology, ['a'])).toEqual(['a=1'])
  })
})

describe('processValues', () => {
  it('refuses another key than the one that was given', async () => {
    const topology = built((s) =>
      s.processValues(() => new Sending((r) => r.withKey('other')), { name: 'values' }).to('out', TEXT),
    )
    const error = await values(topology, ['a']).catch((e: unknown) => e as ProcessingError)
    expect(error).toBeInstanceOf(ProcessingError)
    expect((error as ProcessingError).cause).toBeInstanceOf(KeyChangedError)
    expect((error as ProcessingError).message).toMatch(/values is a processor of values and may not change keys/)
  })

  it('lets the key through, and all else that a context has', async () => {
    class Asking extends Sending {
      constructor() {
        super((r) => r.withValue(`${r.value}!`))
      }

      override init(context: ProcessorContext<string, string>): void {
        super.init(context)
        expect(context.nodeName).toBe('values')
        expect(context.currentSystemTimeMs()).toBe(0)
        expect(context.recordMetadata()).toBeUndefined()
        expect(() => context.getStateStore('none')).toThrow(TopologyError)
      }
    }
    const topology = built((s) => s.processValues(() => new Asking(), { name: 'values' }).to('out', TEXT))
    expect(await values(topology, ['a'])).toEqual(['a=a!'])
  })

  it('does not repartition', () => {
    const topology = built((s) => {
      s.processValues(() => new Sending((r) => r))
        .groupByKey(TEXT)
        .count()
    })
    expect(topology.repartitionTopics.size).toBe(0)
  })
})

describe('schedule with a start', () => {
  async function calls(
    type: 'stream-time' | 'wall-clock-time',
    startMs: number,
    move: (driver: TopologyTestDriver) => void,
    initialWallClockMs = 0,
  ): Promise<readonly number[]> {
    const seen: number[] = []
    const supplier = () => ({
      init: (context: ProcessorContext) =>
        void context.schedule(10, type, (timestampMs) => void seen.push(timestampMs), { startMs }),
      process: () => {},
    })
    const topology = new Topology().addSource('s', 'in', TEXT).addProcessor('p', supplier, 's')
    const driver = await TopologyTestDriver.create(topology, { initialWallClockMs })
    move(driver)
    await driver.close()
    return seen
  }
  const records =
    (...times: readonly number[]) =>
    (driver: TopologyTestDriver): void => {
      for (const timestampMs of times) driver.createInputTopic('in', TEXT).pipeInput('k', 'v', { timestampMs })
    }
  const wallClock =
    (...steps: readonly number[]) =>
    (driver: TopologyTestDriver): void => {
      for (const step of steps) driver.advanceWallClockTime(step)
    }

  it('waits for it, and keeps its phase', async () => {
    expect(await calls('stream-time', 25, records(1, 24, 25, 30, 34, 35, 61, 64, 65))).toEqual([25, 35, 61, 65])
    expect(await calls('wall-clock-time', 25, wallClock(20, 5, 9, 1, 26, 4))).toEqual([25, 35, 61, 65])
  })

  it('that is over goes on in its phase', async () => {
    expect(await calls('wall-clock-time', 5, wallClock(4, 1, 10), 100)).toEqual([105, 115])
    expect(await calls('wall-clock-time', 100, wallClock(1), 100)).toEqual([101])
  })

  it('is not before the epoch', async () => {
    await expect(calls('stream-time', -1, () => {})).rejects.toThrow(
      /p can be punctuated from the epoch on, not from -1/,
    )
  })
})

describe('a read-only store', () => {
  const topology = () =>
    new Topology()
      .addReadOnlyStateStore(
        Stores.keyValueStore('rows', TEXT),
        { name: 'rows-source', topic: 'rows-topic', ...TEXT },
        {
          name: 'rows-fill',
          supplier: () => {
            let rows: KeyValueStore<string, string>
            return {
              init: (context: ProcessorContext) => {
                rows = context.getStateStore('rows')
              },
              process: ({ key, value, timestampMs }: StreamRecord<string, string>) => {
                rows.put(key, value, timestampMs)
              },
            }
          },
        },
      )
      .addSource('s', 'in', TEXT)
      .addProcessor(
        'look-up',
        () => {
          let context: ProcessorContext<string, string>
          return {
            init: (c: ProcessorContext<string, string>) => {
              context = c
            },
            process: (record: StreamRecord<string, string>) =>
              context.forward(
                record.withValue(String(context.getStateStore<KeyValueStore<string, string>>('rows').get(record.key))),
              ),
          }
        },
        's',
      )
      .addSink('k', 'out', TEXT, 'look-up')
      .connectProcessorAndStateStores('look-up', 'rows')

  it('holds its topic, and has no changelog', async () => {
    const driver = await TopologyTestDriver.create(topology())
    driver.createInputTopic('rows-topic', TEXT).pipeInput('a', 'row')
    const input = driver.createInputTopic('in', TEXT)
    input.pipeInput('a', 'x')
    input.pipeInput('b', 'x')
    const found = driver.createOutputTopic('out', TEXT).readRecords()
    expect(found.map((r) => r.value)).toEqual(['row', 'undefined'])
    expect(driver.producedTopicNames()).toEqual(['out'])
    await driver.close()
  })
})

describe('branches', () => {
  it('may be handed to a function, whose result stands for them, or to a consumer', async () => {
    let found: Readonly<Record<string, KStream<string, string>>> = {}
    const topology = built((s) => {
      found = s
        .split({ name: 's-' })
        .branch((v) => v === 'a', { name: 'a', withFunction: (branch) => branch.mapValues((v) => `${v}!`) })
        .branch((v) => v === 'b', { name: 'b', withConsumer: (branch) => branch.to('b', TEXT) })
        .branch((v) => v === 'c', { name: 'c', withFunction: () => undefined })
        .defaultBranch({ withFunction: (branch) => branch.mapValues((v) => `${v}?`) })
      for (const branch of Object.values(found)) branch.to('out', TEXT)
    })
    expect(Object.keys(found)).toEqual(['s-a', 's-0'])
    expect(await values(topology, ['a', 'b', 'c', 'd'])).toEqual(['a=a!', 'd=d?'])
    expect(await values(topology, ['a', 'b', 'c', 'd'], 'b')).toEqual(['b=b'])
  })
})

describe('print', () => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-print-'))
  })

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  it('adds lines to a file', async () => {
    const file = join(directory, 'printed')
    const topology = built((s) => s.print({ file, label: 'in', line: (v, k) => `${k} -> ${v}` }))
    await values(topology, ['a', 'b'])
    await values(topology, ['c'])
    expect(await readFile(file, 'utf8')).toBe('[in]: a -> a\n[in]: b -> b\n[in]: c -> c\n')
  })

  it('is refused for a file that cannot be written', () => {
    expect(() => built((s) => s.print({ file: join(directory, 'no', 'folder') }))).toThrow(TopologyError)
    expect(() => built((s) => s.print({ file: directory, name: 'printer' }))).toThrow(/printer cannot print to/)
  })
})

describe('a wrapper', () => {
  it('is put around every processor, those of the DSL and of global stores too, with their stores', async () => {
    const seen: string[] = []
    const builder = new StreamsBuilder()
    const places = builder.globalTable('places', TEXT)
    builder
      .stream('in', TEXT)
      .filter(() => true)
      .leftJoin(
        places,
        (v) => v,
        (v) => v,
      )
      .process(counting, { name: 'mine' })
      .to('out', TEXT)
    const topology = builder.build({
      processorWrapper: (nodeName, supplier) => {
        seen.push(`${nodeName} ${(supplier.stores?.() ?? []).map((s) => s.name).join()}`)
        return () => {
          const inner = supplier.get()
          return {
            init: (context) => inner.init?.(context),
            process: (record) => {
              if (record.value === 'skip') return
              return inner.process(record)
            },
            close: () => inner.close?.(),
          }
        }
      },
    })
    expect(seen).toEqual([
      'KTABLE-SOURCE-0000000002 ',
      'KSTREAM-FILTER-0000000004 ',
      'KSTREAM-LEFTJOIN-0000000005 ',
      'mine counts',
    ])
    expect(await values(topology, ['a', 'skip', 'a'])).toEqual(['a=1', 'a=2'])
  })

  it('may give other stores, and wraps what is added to a topology of nodes', async () => {
    const topology = new Topology({
      processorWrapper: (_name, supplier) => ({ get: supplier.get, stores: () => [counts] }),
    })
      .addSource('s', 'in', TEXT)
      .addProcessor('p', () => new Counter(), 's')
      .addSink('k', 'out', TEXT, 'p')
    expect(await values(topology, ['a', 'a'])).toEqual(['a=1', 'a=2'])
  })
})
