import { describe, expect, it } from 'vitest'
import {
  type Processor,
  type ProcessorContext,
  Stores,
  type StreamRecord,
  serdes,
  Topology,
  TopologyError,
  TopologyTestDriver,
} from './index.ts'
import { subtopologiesOf } from './subtopologies.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const noop = (): Processor => ({ process: () => {} })
const store = () => Stores.keyValueStore('store', TEXT)

describe('a graph that cannot work is a TopologyError', () => {
  it.each<[what: string, build: (t: Topology) => void, message: RegExp]>([
    ['two sources with one name', (t) => t.addSource('s', 'b', TEXT), /two nodes with the name s/],
    [
      'a topic with two sources',
      (t) => t.addSource('s2', ['x', 'a'], TEXT),
      /topic a is read by s already and cannot be read by s2/,
    ],
    ['a source without a topic', (t) => t.addSource('s2', [], TEXT), /source s2 has no topic/],
    ['a processor with the name of a source', (t) => t.addProcessor('s', noop, 's'), /two nodes with the name s/],
    ['a processor without a parent', (t) => t.addProcessor('p', noop), /p has no parent/],
    [
      'a processor after one that is not there',
      (t) => t.addProcessor('p', noop, 'nobody'),
      /parent nobody of p is not in the topology/,
    ],
    ['a processor after itself', (t) => t.addProcessor('p', noop, 'p'), /p cannot be its own parent/],
    [
      'a circle',
      (t) => t.addProcessor('p', noop, 's', 'q').addProcessor('q', noop, 'p'),
      /parent q of p is not in the topology \(yet\)/,
    ],
    [
      'a processor after a sink',
      (t) => t.addSink('k', 'out', TEXT, 's').addProcessor('p', noop, 'k'),
      /sink k cannot be the parent of p/,
    ],
    ['a sink without a parent', (t) => t.addSink('k', 'out', TEXT), /k has no parent/],
    ['a store for a source', (t) => t.addStateStore(store(), 's'), /s is not a processor/],
    [
      'a store that was never added',
      (t) => t.addProcessor('p', noop, 's').connectProcessorAndStateStores('p', 'store'),
      /store store, wanted by p, is not in the topology/,
    ],
    [
      'a store for a processor that is not there',
      (t) => t.addStateStore(store()).connectProcessorAndStateStores('p', 'store'),
      /p is not a processor/,
    ],
    [
      'two stores with one name',
      (t) => t.addStateStore(store()).addStateStore(Stores.keyValueStore('store', { ...TEXT, logging: false })),
      /store store is defined twice, differently/,
    ],
    [
      'a global store with the name of another',
      (t) =>
        t
          .addStateStore(store())
          .addGlobalStore(store(), { name: 'gs', topic: 'g', ...TEXT }, { name: 'gp', supplier: noop }),
      /store store is defined twice/,
    ],
    [
      'a global store on a topic that is read',
      (t) => t.addGlobalStore(store(), { name: 'gs', topic: 'a', ...TEXT }, { name: 'gp', supplier: noop }),
      /topic a is read by s already/,
    ],
    ['co-partitioning of what is no source', (t) => t.copartitionSources(['s', 'nobody']), /nobody is not a source/],
  ])('%s', (_what, build, message) => {
    const make = () => build(new Topology().addSource('s', 'a', TEXT))
    expect(make).toThrow(TopologyError)
    expect(make).toThrow(message)
  })

  it('the same store may be added for one processor after the other', () => {
    const shared = store()
    const topology = new Topology().addSource('s', 'a', TEXT).addProcessor('p', noop, 's').addProcessor('q', noop, 's')
    topology.addStateStore(shared, 'p').addStateStore(shared, 'q')
    expect(subtopologiesOf(topology).map((s) => s.stores)).toEqual([['store']])
  })
})

describe('sub-topologies', () => {
  it('are what hangs together by edges or stores, numbered in the order in which it was added', () => {
    const topology = new Topology()
      .addSource('z', 'a', TEXT)
      .addSource('y', 'b', TEXT)
      .addSource('x', 'c', TEXT)
      .addProcessor('p', noop, 'x')
      .addProcessor('q', noop, 'z')
      .addSink('k', 'out', TEXT, 'y')
      .addStateStore(store(), 'p', 'q')
    expect(subtopologiesOf(topology).map(({ id, nodes }) => [id, nodes.map((n) => n.name)])).toEqual([
      [0, ['z', 'x', 'p', 'q']],
      [1, ['y', 'k']],
    ])
  })

  it('of global stores take a number and make no tasks', () => {
    const topology = new Topology()
      .addGlobalStore(store(), { name: 'gs', topic: 'g', ...TEXT }, { name: 'gp', supplier: noop })
      .addSource('s', 'a', TEXT)
      .addSink('k', 'out', TEXT, 's')
    expect(subtopologiesOf(topology).map(({ id, global }) => [id, global])).toEqual([
      [0, true],
      [1, false],
    ])
    expect(topology.describe().toString()).toBe(`Topologies:
   Sub-topology: 0 for global store (will not generate tasks)
    Source: gs (topics: [g])
      --> gp
    Processor: gp (stores: [store])
      --> none
      <-- gs
  Sub-topology: 1
    Source: s (topics: [a])
      --> k
    Sink: k (topic: out)
      <-- s

`)
  })
})

/** Passes everything on to the child that its value names. */
class Router implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
  }

  process(record: StreamRecord<string, string>) {
    return this.#context.forward(record, record.value)
  }
}

describe('the Processor API', () => {
  it('gives a processor the stores that it is connected to, and no others', async () => {
    const topology = new Topology()
      .addSource('s', 'in', TEXT)
      .addProcessor('owner', noop, 's')
      .addProcessor('other', () => ({ init: (context) => void context.getStateStore('store'), process: () => {} }), 's')
      .addStateStore(store(), 'owner')
    await expect(TopologyTestDriver.create(topology)).rejects.toThrow(
      'store store, asked for by other, is not connected to it: it has none',
    )
  })

  it('forwards to one child by its name', async () => {
    const topology = new Topology()
      .addSource('s', 'in', TEXT)
      .addProcessor('p', () => new Router(), 's')
      .addSink('left', 'l', TEXT, 'p')
      .addSink('right', 'r', TEXT, 'p')
    const driver = await TopologyTestDriver.create(topology)
    const input = driver.createInputTopic('in', TEXT)
    input.pipeInput('a', 'left', 1)
    input.pipeInput('b', 'right', 2)
    expect(driver.createOutputTopic('l', TEXT).readKeyValues()).toEqual([['a', 'left']])
    expect(driver.createOutputTopic('r', TEXT).readKeyValues()).toEqual([['b', 'right']])
    expect(() => input.pipeInput('c', 'nobody', 3)).toThrow(
      /p forwards to nobody, which is not its child: it has left, right/,
    )
    await driver.close()
  })
})
