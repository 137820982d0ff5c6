import {
  type Cancellable,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type ProcessorProvider,
  type PunctuationType,
  Stores,
  StreamRecord,
  serdes,
  Topology,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  out,
  outTable,
  S,
  type Scenario,
  type Scenarios,
  stream,
  TEXT,
  type Text,
  zero,
} from './shared.ts'

type TextRecord = StreamRecord<Text, Text>

abstract class TextProcessor implements Processor<Text, Text, Text, Text> {
  protected context!: ProcessorContext<Text, Text>

  init(context: ProcessorContext<Text, Text>): void {
    this.context = context
    this.started()
  }

  abstract process(record: TextRecord): void

  protected started(): void {}

  protected where(): Text {
    const at = this.context.recordMetadata()
    return at === undefined ? 'nowhere' : `${at.topic}-${at.partition}@${at.offset}`
  }

  protected send(key: Text, value: Text, timestampMs: number): void {
    this.forward(new StreamRecord(key, value, timestampMs, []))
  }

  protected forward(record: TextRecord, child?: string): void {
    const pending = this.context.forward(record, child)
    if (pending instanceof Promise) throw new Error('the test driver does not wait')
  }
}

/** A processor of one function. */
class Each extends TextProcessor {
  readonly #each: (record: TextRecord, self: Each) => void

  constructor(each: (record: TextRecord, self: Each) => void) {
    super()
    this.#each = each
  }

  process(record: TextRecord): void {
    this.#each(record, this)
  }

  get its(): ProcessorContext<Text, Text> {
    return this.context
  }

  place(): Text {
    return this.where()
  }

  on(record: TextRecord, child?: string): void {
    this.forward(record, child)
  }
}

/** Says when it is called, and by which clock. */
class Punctuated extends TextProcessor {
  readonly #type: PunctuationType
  readonly #intervalMs: number
  readonly #startMs: number | undefined
  readonly #times: number
  #schedule: Cancellable | undefined
  #calls = 0

  constructor(type: PunctuationType, intervalMs: number, startMs: number | undefined, times: number) {
    super()
    this.#type = type
    this.#intervalMs = intervalMs
    this.#startMs = startMs
    this.#times = times
  }

  protected override started(): void {
    const options = this.#startMs === undefined ? {} : { startMs: this.#startMs }
    this.#schedule = this.context.schedule(this.#intervalMs, this.#type, (time) => this.#call(time), options)
  }

  #call(time: number): void {
    this.#calls++
    const streamTime = this.context.currentStreamTimeMs()
    this.send('punctuated', `${this.#calls} at ${time} stream ${streamTime} ${this.where()}`, time)
    if (this.#calls === this.#times) this.#schedule?.cancel()
  }

  process(record: TextRecord): void {
    this.forward(record.withValue(`${record.value} ${this.where()}`))
  }
}

const COUNTS = Stores.keyValueStore<Text, number>('counts', { key: S, value: serdes.long })

class Counter extends TextProcessor {
  readonly #sweeping: boolean
  #counts!: KeyValueStore<Text, number>

  constructor(sweeping: boolean) {
    super()
    this.#sweeping = sweeping
  }

  protected override started(): void {
    this.#counts = this.context.getStateStore('counts')
    if (this.#sweeping) this.context.schedule(20, 'stream-time', (time) => this.#sweep(time))
  }

  #sweep(time: number): void {
    for (const { key, value } of here(this.#counts.entries(undefined, undefined))) {
      this.send(key, `total ${value}`, time)
      if (value > 2) this.#counts.put(key, null, time)
    }
  }

  process(record: TextRecord): void {
    if (record.key === null) return
    const count = (here(this.#counts.get(record.key)) ?? 0) + 1
    this.#counts.put(record.key, count, record.timestampMs)
    this.forward(record.withValue(`${record.value} ${count}`))
  }
}

/** Stores of the test driver do not wait. */
function here<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new Error('the test driver does not wait')
  return value
}

const counting = (sweeping: boolean): ProcessorProvider<Text, Text, Text, Text> => ({
  get: () => new Counter(sweeping),
  stores: () => [COUNTS],
})

const filling = (store: string) => (): Each =>
  new Each(({ key, value, timestampMs }, self) => {
    if (key !== null) self.its.getStateStore<KeyValueStore<Text, Text>>(store).put(key, value, timestampMs)
  })

const reading = (store: string) => (): Each =>
  new Each((record, self) => {
    const rows = self.its.getStateStore<KeyValueStore<Text, Text>>(store)
    const row = record.key === null ? undefined : here(rows.get(record.key))
    self.on(record.withValue(`${record.value}|${row ?? 'null'}`))
  })

const rows = () => Stores.keyValueStore<Text, Text>('rows', { ...TEXT, persistent: false, logging: false })

const one = (make: () => Processor<Text, Text, Text, Text>): Scenario => ({
  topology: () =>
    new Topology().addSource('s', 'left', TEXT).addProcessor('p', make, 's').addSink('k', 'out', TEXT, 'p'),
})

const punctuated = (type: PunctuationType, intervalMs: number, startMs?: number, times = 0): Scenario =>
  one(() => new Punctuated(type, intervalMs, startMs, times))

const forwarding: Record<string, Scenario> = {
  'named-children': {
    topology: () =>
      new Topology()
        .addSource('s', 'left', TEXT)
        .addProcessor(
          'p',
          () =>
            new Each((record, self) => {
              const value = String(record.value)
              if (value.startsWith('a')) self.on(record, 'first')
              else if (value.startsWith('x')) self.on(record)
              else if (value.startsWith('b')) {
                self.on(record.withValue('b1'), 'second')
                self.on(record.withValue('b2'), 'third')
                self.on(record.withValue('b3'))
              }
            }),
          's',
        )
        .addProcessor('second', () => new Each((r, self) => self.on(r.withValue(`${r.value} second`))), 'p')
        .addSink('first', 'out', TEXT, 'p')
        .addSink('third', 'out3', TEXT, 'p')
        .addSink('after-second', 'out2', TEXT, 'second'),
  },
  'deep-first': {
    topology: () => {
      const topology = new Topology().addSource('s', 'left', TEXT)
      for (const name of ['b', 'a', 'c'])
        topology.addProcessor(
          name,
          () =>
            new Each((r, self) => {
              self.on(r.withValue(r.value + name))
              self.on(r.withValue(`${r.value}${name}2`))
            }),
          's',
        )
      topology.addProcessor('d', () => new Each((r, self) => self.on(r.withValue(`${r.value}d`))), 'c', 'a')
      return topology.addSink('k', 'out', TEXT, 'b', 'd', 'a')
    },
  },
  'other-times': one(
    () =>
      new Each((record, self) => {
        self.on(record.withTimestamp(record.timestampMs + 100))
        self.on(new StreamRecord('key', record.key, 5, []))
        const more = { key: 'more', value: Buffer.from('yes') }
        self.on(new StreamRecord(record.key, record.value, record.timestampMs, [...record.headers, more]))
        self.on(record)
      }),
  ),
  clocks: one(
    () =>
      new Each((record, self) => {
        const { its } = self
        const clocks = `${its.currentStreamTimeMs()} ${its.currentSystemTimeMs()}`
        self.on(record.withValue(`${clocks} ${self.place()} ${its.taskId}`))
      }),
  ),
  'topic-per-record': {
    topology: () =>
      new Topology()
        .addSource('s', 'left', TEXT)
        .addSink<Text, Text | null>(
          'k',
          (_key, value, at) => `out-${value === null ? 'null' : value.slice(0, 1)}-${(at?.offset ?? 0) % 2}`,
          TEXT as never,
          's',
        ),
  },
  'several-topics': {
    topology: () =>
      new Topology()
        .addSource('s', ['left', 'right'], TEXT)
        .addSource('t', 'third', TEXT)
        .addSink('k', 'out', TEXT, 't', 's'),
  },
}

const punctuations: Record<string, Scenario> = {
  ...Object.fromEntries(
    [1, 7, 30].flatMap((interval): readonly (readonly [string, Scenario])[] => [
      [`stream-time-${interval}`, punctuated('stream-time', interval)],
      [`wall-clock-${interval}`, punctuated('wall-clock-time', interval)],
      [`stream-time-start-${interval}`, punctuated('stream-time', interval, 43)],
      [`wall-clock-start-${interval}`, punctuated('wall-clock-time', interval, 43)],
    ]),
  ),
  'stream-time-cancelled': punctuated('stream-time', 5, undefined, 3),
  'wall-clock-cancelled': punctuated('wall-clock-time', 5, undefined, 3),
  'stream-time-phase': punctuated('stream-time', 10),
  'stream-time-zero': punctuated('stream-time', 10),
  'stream-time-start-phase': punctuated('stream-time', 10, 25),
  'wall-clock-phase': punctuated('wall-clock-time', 10),
  'wall-clock-start-phase': punctuated('wall-clock-time', 10, 25),
  'scheduled-in-process': one(
    () =>
      new Each((record, self) => {
        const at = record.timestampMs
        const schedule = self.its.schedule(
          10,
          'stream-time',
          (time) => {
            self.on(new StreamRecord(record.key, `${record.value} of ${at} at ${time}`, time, []))
            schedule.cancel()
          },
          { startMs: at + 10 },
        )
      }),
  ),
  'two-clocks': {
    topology: () =>
      new Topology()
        .addSource('s', 'left', TEXT)
        .addSource('t', 'right', TEXT)
        .addProcessor('p', () => new Punctuated('stream-time', 10, undefined, 0), 's', 't')
        .addProcessor('q', () => new Punctuated('wall-clock-time', 15, undefined, 0), 'p')
        .addSink('k', 'out', TEXT, 'q'),
  },
}

const oneStore = (sweeping: boolean): Scenario => ({
  topology: () =>
    new Topology()
      .addSource('s', 'left', TEXT)
      .addProcessor('p', counting(sweeping), 's')
      .addSink('k', 'out', TEXT, 'p'),
})

const twoSources = (): Topology => new Topology().addSource('s', 'left', TEXT).addSource('t', 'right', TEXT)

const stores: Record<string, Scenario> = {
  'store-brought': oneStore(false),
  'store-swept': oneStore(true),
  'store-shared': {
    deviation: {
      why: 'suppliers of several sub-topologies that bring one store: each keeps a store of its own, on one changelog',
      describe: true,
      withCache: true,
      withoutCache: true,
    },
    topology: () =>
      twoSources()
        .addProcessor('p', counting(false), 's')
        .addProcessor('q', counting(false), 't')
        .addSink('k', 'out', TEXT, 'p')
        .addSink('l', 'out2', TEXT, 'q'),
  },
  'store-connected': {
    topology: () =>
      twoSources()
        .addProcessor('p', () => new Counter(false), 's')
        .addProcessor('q', () => new Counter(true), 't')
        .addStateStore(COUNTS, 'p')
        .connectProcessorAndStateStores('q', 'counts')
        .addSink('k', 'out', TEXT, 'p')
        .addSink('l', 'out2', TEXT, 'q'),
  },
  'store-read-only': {
    topology: () =>
      new Topology()
        .addReadOnlyStateStore(
          rows(),
          { name: 'rs', topic: 'right', ...TEXT },
          { name: 'rp', supplier: filling('rows') },
        )
        .addSource('s', 'left', TEXT)
        .addProcessor('p', reading('rows'), 's')
        .addSink('k', 'out', TEXT, 'p')
        .connectProcessorAndStateStores('p', 'rows'),
  },
  'store-global': {
    topology: () =>
      new Topology()
        .addGlobalStore(rows(), { name: 'gs', topic: 'right', ...TEXT }, { name: 'gp', supplier: filling('rows') })
        .addSource('s', 'left', TEXT)
        .addProcessor('p', reading('rows'), 's')
        .addSink('k', 'out', TEXT, 'p'),
  },
}

const dsl: Record<string, Build> = {
  'dsl-process': (b) => out(stream(b, 'left').process(counting(true))),
  'dsl-process-group': (b) =>
    outTable(stream(b, 'left').process(counting(true)).groupByKey(TEXT).aggregate(zero, add, { store: 'a', value: S })),
  'dsl-process-values': (b) =>
    out(
      stream(b, 'left').processValues<Text>(
        () =>
          new Each((r, self) => {
            self.on(r.withValue(`${r.value}!`))
            self.on(r.withValue(`${r.value}?`).withTimestamp(r.timestampMs + 1))
          }),
      ),
    ),
  'dsl-process-values-group': (b) =>
    outTable(
      stream(b, 'left')
        .processValues<Text>(
          () =>
            new Each((r, self) => {
              if (r.value !== null) self.on(r.withValue(`${r.value}!`))
            }),
        )
        .groupByKey(TEXT)
        .aggregate(zero, add, { store: 'a', value: S }),
    ),
  'dsl-two-that-share': (b) => {
    const s = stream(b, 'left')
    out(s.process(counting(false)))
    out(s.filter((_v, k) => k !== null).process(counting(false), { name: 'second' }), 'out2')
  },
  'dsl-branches': (b) => {
    const branches = stream(b, 'left')
      .split()
      .branch((v) => v === null, { withConsumer: (x) => x.to('nulls', TEXT) })
      .branch((v) => v.startsWith('a'), { withFunction: (x) => x.mapValues((v) => `${v}!`) })
      .defaultBranch({ withFunction: (x) => x.filter((_v, k) => k !== null) })
    for (const [name, branch] of Object.entries(branches).toSorted(([a], [b2]) => (a < b2 ? -1 : 1)))
      branch.to(`out-${name.slice(-1)}`, TEXT)
  },
}

export const PROCESSORS: Scenarios = { ...forwarding, ...punctuations, ...stores, ...dsl }
