import { type Awaitable, chain } from '../../../common/awaitable.ts'
import {
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type ProcessorProvider,
  Stores,
  type StreamRecord,
  type StreamsBuilder,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  concat,
  first,
  isNull,
  join,
  notX,
  out,
  outLong,
  outTable,
  type Scenario,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
  table,
  zero,
} from './shared.ts'

/** Does what the value's first letter says with the row of the record's key, and sends what it saw. */
class Rows implements Processor<Text, Text, Text, Text> {
  #context!: ProcessorContext<Text, Text>
  #rows!: KeyValueStore<Text, Text>

  init(context: ProcessorContext<Text, Text>): void {
    this.#context = context
    this.#rows = context.getStateStore('rows')
  }

  process(record: StreamRecord<Text, Text>): Awaitable<void> {
    const { key, value, timestampMs } = record
    if (key === null) return
    return chain(this.#done(key, value, timestampMs), (seen) =>
      this.#context.forward(record.withValue(`${value} ${seen}`)),
    )
  }

  #done(key: Text, value: Text, timestampMs: number): Awaitable<Text> {
    const rows = this.#rows
    if (isNull(value)) return chain(rows.delete(key, timestampMs), (was) => `deleted ${orNull(was)}`)
    switch (first(value)) {
      case 'a':
        rows.put(key, value, timestampMs)
        return 'put'
      case 'b':
        return chain(rows.get(key), (got) => `got ${orNull(got)}`)
      case 'c':
        return chain(rows.putIfAbsent(key, value, timestampMs), (was) => `was ${orNull(was)}`)
      case 'm':
        for (const other of ['A', 'B', 'C', 'D']) rows.put(other, value, timestampMs)
        return 'put four'
      default:
        return chain(rows.entries(undefined, undefined), (all) =>
          chain(
            rows.approximateEntries(),
            (count) => `all [${all.map((row) => `${row.key}=${row.value}`).join(', ')}] of ${count}`,
          ),
        )
    }
  }
}

const orNull = (value: Text | undefined): Text => value ?? 'null'

const rowsOf = (maxEntries: number, logging = true): ProcessorProvider<Text, Text, Text, Text> => {
  const store = Stores.lruMap<Text, Text>('rows', { ...TEXT, maxEntries, logging })
  return { get: () => new Rows(), stores: () => [store] }
}

const kept = (maxEntries: number) => ({ store: 'recent', lru: { maxEntries } })
const grouped = (b: StreamsBuilder) => stream(b, 'left').groupByKey(TEXT)
const processor =
  (size: number, logging?: boolean): Build =>
  (b) =>
    out(stream(b, 'left').process(rowsOf(size, logging)))
const counted =
  (size: number): Build =>
  (b) =>
    outLong(grouped(b).count(kept(size)))
const filtered =
  (size: number): Build =>
  (b) =>
    outTable(b.table('left', { ...TEXT, ...kept(size) }).filter(notX))

/** What was read since the last put of a row is not in the changelog: after a restart another row may leave. */
const reads = (size: number, build: Build): Scenario => ({ build, forgets: size > 1 })

const scenarios: Record<string, Build | Scenario> = {}
for (const size of [1, 2, 3]) {
  scenarios[`processor-by-hand-${size}`] = reads(size, processor(size))
  scenarios[`count-by-hand-${size}`] = counted(size)
  scenarios[`reduce-by-hand-${size}`] = (b) => outTable(grouped(b).reduce(concat, { ...TEXT, ...kept(size) }))
  scenarios[`table-by-hand-${size}`] = filtered(size)
}
for (const size of [1, 2]) {
  scenarios[`processor-${size}`] = reads(size, processor(size))
  scenarios[`count-${size}`] = counted(size)
  scenarios[`aggregate-${size}`] = (b) => outTable(grouped(b).aggregate(zero, add, { ...TEXT, ...kept(size) }))
  scenarios[`table-${size}`] = filtered(size)
  scenarios[`filter-${size}`] = (b) => outTable(table(b, 'left').filter(notX, { ...TEXT, ...kept(size) }))
  scenarios[`map-values-${size}`] = (b) =>
    outTable(
      table(b, 'left')
        .mapValues((v) => `${v}!`, { ...TEXT, ...kept(size) })
        .toStream()
        .groupByKey(TEXT)
        .reduce(concat, { ...TEXT, store: 'texts' }),
    )
  scenarios[`to-table-group-${size}`] = (b) =>
    outTable(
      stream(b, 'left')
        .toTable({ ...TEXT, ...kept(size) })
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, add, subtract, { ...TEXT, store: 'groups' }),
    )
  scenarios[`grouped-table-${size}`] = (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, add, subtract, { ...TEXT, ...kept(size) }),
    )
  scenarios[`stream-table-join-${size}`] = reads(size, (b) =>
    out(stream(b, 'left').leftJoin(b.table('right', { ...TEXT, ...kept(size) }), join, TEXT)),
  )
  scenarios[`table-join-${size}`] = reads(size, (b) =>
    outTable(b.table('left', { ...TEXT, ...kept(size) }).leftJoin(table(b, 'right'), join)),
  )
  scenarios[`join-result-${size}`] = (b) =>
    outTable(table(b, 'left').outerJoin(table(b, 'right'), join, { ...TEXT, ...kept(size) }))
}
scenarios['processor-unlogged'] = { build: processor(2, false), forgets: true }
scenarios['count-in-the-record-cache'] = {
  build: counted(2),
  deviation: {
    why: 'with the record cache, rows that have left a store of the least recently used are found for as long as the cache has them',
    withCache: true,
  },
}
scenarios['cogroup'] = (b) =>
  outTable(
    grouped(b)
      .cogroup<Text>(add)
      .cogroup(stream(b, 'right').groupByKey(TEXT), add)
      .aggregate(zero, { ...TEXT, ...kept(2) }),
  )

export const LRU: Scenarios = scenarios
