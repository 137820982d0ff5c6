import { type Awaitable, chain } from '../../../common/awaitable.ts'
import {
  BufferConfig,
  type KeyValueStore,
  Stores,
  type StreamsBuilder,
  Suppressed,
  type TransformValuesOptions,
  type ValueTransformer,
  type ValueTransformerContext,
  type Windowed,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  hopping,
  join,
  joinTables,
  KINDS,
  notX,
  out,
  outTable,
  outWindows,
  S,
  type Scenario,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
  type TextTable,
  table,
  zero,
} from './shared.ts'

type Transformer<K = Text> = ValueTransformer<K, Text, Text>

const shown = (): Transformer<unknown> => ({ transform: (v) => `<${v}>` })
const deleting = (): Transformer => ({ transform: (v, k) => (v === null || v.startsWith('x') ? null : `${k}=${v}`) })
const T = { store: 't', value: S }
const rows = (b: StreamsBuilder, options: object = {}): TextTable =>
  b.table('left', { ...TEXT, store: 'rows', ...options })
const noX = (v: Text): boolean => !v.includes('x')
const groupAll = (t: TextTable): TextTable =>
  t.groupBy((v) => ['all', v], TEXT).aggregate(zero, add, subtract, { store: 'g', value: S, caching: false })

const plain: Scenarios = {
  plain: (b) => outTable(table(b, 'left').transformValues(shown)),
  'plain-named': (b) => outTable(table(b, 'left').transformValues(shown, { name: 'tv' })),
  kept: (b) => outTable(table(b, 'left').transformValues(shown, T)),
  'kept-named': (b) => outTable(table(b, 'left').transformValues(shown, { ...T, name: 'tv' })),
  'kept-uncached': (b) => outTable(table(b, 'left').transformValues(shown, { ...T, caching: false })),
  'kept-with-serdes-only': (b) => outTable(table(b, 'left').transformValues(shown, TEXT).filter(notX)),
  deleting: (b) => outTable(table(b, 'left').transformValues(deleting)),
  'deleting-kept': (b) => outTable(table(b, 'left').transformValues(deleting, T)),
  'deleting-kept-uncached': (b) => outTable(table(b, 'left').transformValues(deleting, { ...T, caching: false })),
  'kept-parent': (b) => outTable(rows(b).transformValues(shown)),
  'kept-parent-kept': (b) => outTable(rows(b).transformValues(shown, T)),
  'kept-parent-uncached': (b) => outTable(rows(b, { caching: false }).transformValues(shown, T)),
  twice: (b) => outTable(table(b, 'left').transformValues(shown).transformValues(deleting, T)),
}

function beside(suffix: '' | '-kept'): Scenarios {
  const transformed = (t: TextTable): TextTable => t.transformValues(shown, suffix === '' ? TEXT : T)
  const joins = KINDS.map((kind) => ({
    [`join-left-${kind}${suffix}`]: (b: StreamsBuilder) =>
      outTable(joinTables(kind, transformed(table(b, 'left')), table(b, 'right'))),
    [`join-right-${kind}${suffix}`]: (b: StreamsBuilder) =>
      outTable(joinTables(kind, table(b, 'left'), transformed(table(b, 'right')))),
  }))
  return Object.assign(
    {
      [`before-filter${suffix}`]: (b: StreamsBuilder) => outTable(transformed(table(b, 'left')).filter(noX)),
      [`before-kept-filter${suffix}`]: (b: StreamsBuilder) =>
        outTable(transformed(rows(b)).filter(noX, { store: 'f', value: S })),
      [`before-group${suffix}`]: (b: StreamsBuilder) =>
        outTable(
          transformed(table(b, 'left'))
            .groupBy((v) => [v.slice(0, 1), v], TEXT)
            .aggregate(zero, add, subtract, { store: 'g', value: S }),
        ),
      [`before-group-uncached${suffix}`]: (b: StreamsBuilder) => outTable(groupAll(transformed(table(b, 'left')))),
      [`stream-join${suffix}`]: (b: StreamsBuilder) =>
        out(stream(b, 'left').leftJoin(transformed(table(b, 'right')), join)),
      [`suppressed${suffix}`]: (b: StreamsBuilder) =>
        outTable(transformed(table(b, 'left')).suppress(Suppressed.untilTimeLimit(6, BufferConfig.unbounded()))),
    },
    ...joins,
  ) as Scenarios
}

const neighbours: Scenarios = {
  ...beside(''),
  ...beside('-kept'),
  'after-filter': (b) => outTable(table(b, 'left').filter(notX).transformValues(shown)),
  'after-aggregate': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { store: 'a', value: S }).transformValues(shown)),
  'after-aggregate-kept': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .aggregate(zero, add, { store: 'a', value: S, caching: false })
        .transformValues(shown, T),
    ),
  'after-join': (b) => outTable(joinTables('outer', table(b, 'left'), table(b, 'right')).transformValues(shown, T)),
  windowed: (b) =>
    outWindows(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(hopping)
        .aggregate(zero, add, { store: 'w', value: S })
        .transformValues((): Transformer<Windowed<Text>> => shown()),
    ),
}

/** How many times it was called for the key. */
class Counting implements Transformer {
  #calls!: KeyValueStore<Text, Text>
  #context!: ValueTransformerContext

  init(context: ValueTransformerContext): void {
    this.#context = context
    this.#calls = context.getStateStore('calls')
  }

  transform(value: Text | null, key: Text): Awaitable<Text> {
    return chain(this.#calls.get(key), (calls) => {
      const now = `${Number(calls ?? 0) + 1}`
      this.#calls.put(key, now, this.#context.update().timestampMs)
      return `${value}#${now}`
    })
  }
}

class Where implements Transformer {
  #context!: ValueTransformerContext

  init(context: ValueTransformerContext): void {
    this.#context = context
  }

  transform(value: Text | null): Text {
    const { topic, partition, offset } = this.#context.recordMetadata() ?? {}
    return `${value}@${topic}-${partition}-${offset}`
  }
}

const withCalls =
  (
    source: string,
    options: TransformValuesOptions<Text, Text>,
    then: (t: TextTable, b: StreamsBuilder) => void,
  ): Build =>
  (b) => {
    b.addStateStore(Stores.keyValueStore('calls', TEXT))
    then(
      table(b, source).transformValues(() => new Counting(), { ...options, stores: ['calls'] }),
      b,
    )
  }

const inStore: Scenarios = {
  store: withCalls('left', {}, outTable),
  'store-kept': withCalls('left', { ...T, name: 'tv' }, outTable),
  'store-old-values': withCalls('left', {}, (t) => outTable(groupAll(t))),
  'store-kept-join': (b) => {
    b.addStateStore(Stores.keyValueStore('calls', TEXT))
    const right = table(b, 'right')
    outTable(
      joinTables(
        'left',
        right,
        table(b, 'left').transformValues(() => new Counting(), { ...T, stores: ['calls'] }),
      ),
    )
  },
  'store-join': {
    build: (b) => {
      b.addStateStore(Stores.keyValueStore('calls', TEXT))
      const right = table(b, 'right')
      outTable(
        joinTables(
          'left',
          right,
          table(b, 'left').transformValues(() => new Counting(), { stores: ['calls'] }),
        ),
      )
    },
    deviation: {
      why: 'the stores of a transformer whose result others compute when they read it',
      withCache: true,
      withoutCache: true,
      describe: true,
    },
  } satisfies Scenario,
  origin: (b) => outTable(table(b, 'left').transformValues(() => new Where())),
  'origin-cached-parent': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .aggregate(zero, add, { store: 'a', value: S })
        .transformValues(() => new Where()),
    ),
}

const byHand: Scenarios = {
  'hand-nulls': (b) => outTable(table(b, 'left').transformValues(shown)),
  'hand-nulls-kept': (b) => outTable(table(b, 'left').transformValues(shown, T)),
  'hand-nulls-deleting': (b) => outTable(table(b, 'left').transformValues(deleting, T)),
  'hand-old-values': (b) => outTable(groupAll(table(b, 'left').transformValues(shown))),
  'hand-read-absent': (b) => out(stream(b, 'left').leftJoin(table(b, 'right').transformValues(shown), join)),
}

export const TRANSFORM_VALUES: Scenarios = { ...plain, ...neighbours, ...inStore, ...byHand }
