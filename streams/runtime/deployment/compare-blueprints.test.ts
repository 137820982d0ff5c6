import { describe, expect, test } from 'vitest'
import type { Serde } from '../../../common/serde.ts'
import { Stores, StreamsBuilder, serdes, TimeWindows, type Topology } from '../../index.ts'
import { Application } from '../client/application.ts'
import { blueprintOf, type TopologyBlueprint } from './blueprint.ts'
import { compareBlueprints, type PlanItem } from './compare-blueprints.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function topologyOf(plan: (builder: StreamsBuilder) => void): Topology {
  const builder = new StreamsBuilder()
  plan(builder)
  return builder.build()
}

/** As it comes back from the topic: without functions. */
function deployed(plan: (builder: StreamsBuilder) => void): TopologyBlueprint {
  return JSON.parse(JSON.stringify(blueprintOf(new Application('app', topologyOf(plan))))) as TopologyBlueprint
}

function compared(
  before: (builder: StreamsBuilder) => void,
  now: (builder: StreamsBuilder) => void,
): readonly PlanItem[] {
  return compareBlueprints(blueprintOf(new Application('app', topologyOf(now))), deployed(before))
}

function storeOf(items: readonly PlanItem[], name: string): PlanItem | undefined {
  return items.find((item) => item.kind === 'store' && item.name === name)
}

const counting = (store: string) => (builder: StreamsBuilder) => {
  builder.stream('words', TEXT).groupByKey().count({ store }).toStream().to('counts')
}

const windowed =
  (sizeMs: number, retention: '1h' | '2h' = '1h') =>
  (builder: StreamsBuilder) => {
    builder
      .stream('words', TEXT)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(sizeMs, 0))
      .count({ store: 'windows', retention })
  }

/** A serde with a version as its schema: it reads its own and earlier ones. */
function versioned(version: number): Serde<string> {
  return {
    ...serdes.string,
    name: 'versioned',
    schema: { version },
    readProblems: (writer) => ((writer as { version: number }).version <= version ? [] : ['it is from the future']),
  }
}

const tableOf = (value: Serde<string>) => (builder: StreamsBuilder) => {
  builder
    .stream('words', TEXT)
    .groupByKey()
    .reduce((a) => a, { store: 'table', key: serdes.string, value })
}

describe('a new topology against the deployed one', () => {
  test('is the same when nothing has changed', () => {
    const items = compared(counting('counts'), counting('counts'))
    expect(items.map(({ kind, name, verdict, change }) => [kind, name, verdict, change])).toEqual([
      ['store', 'counts', 'compatible', 'same'],
      ['sub-topology', '0 (words)', 'compatible', 'same'],
    ])
  })

  test('a store under another name is a rename, and the old name is the way out', () => {
    const items = compared(counting('counts'), counting('totals'))
    expect(storeOf(items, 'totals')).toMatchObject({ verdict: 'rename', change: 'renamed' })
    expect(storeOf(items, 'totals')?.reasons.join()).toContain("{ store: 'counts' }")
    expect(storeOf(items, 'counts')).toBeUndefined()
  })

  test('generated names that moved are renames', () => {
    const plan = (steps: number) => (builder: StreamsBuilder) => {
      let words = builder.stream('words', TEXT)
      for (let i = 0; i < steps; i++) words = words.filter(() => true)
      words.groupByKey().count()
    }
    const items = compared(plan(0), plan(1))
    expect(items.filter(({ kind }) => kind === 'store').map(({ verdict }) => verdict)).toEqual(['rename'])
  })

  test('a generated name that now means a store of other inputs is a rebuild', () => {
    const plan = (topic: string) => (builder: StreamsBuilder) => {
      builder.stream(topic, TEXT).groupByKey().count()
    }
    const [item] = compared(plan('words'), plan('names'))
    expect(item).toMatchObject({ kind: 'store', verdict: 'rebuild' })
    expect(item?.reasons.join()).toContain('fed by words and now is of one fed by names')
  })

  test('a store that is gone leaves its changelog behind', () => {
    const gone = storeOf(compared(counting('x'), windowed(1000)), 'x')
    expect(gone).toMatchObject({ verdict: 'compatible', change: 'removed' })
    expect(gone?.reasons.join()).toContain('app-x-changelog')
  })

  test('another window size is a rebuild, another retention is not', () => {
    expect(storeOf(compared(windowed(1000), windowed(2000)), 'windows')).toMatchObject({ verdict: 'rebuild' })
    const longer = storeOf(compared(windowed(1000), windowed(1000, '2h')), 'windows')
    expect(longer).toMatchObject({ verdict: 'compatible', change: 'changed' })
    expect(longer?.reasons.join()).toContain('7200000 ms')
  })

  test('another serde is a rebuild', () => {
    const items = compared(tableOf(serdes.string), tableOf({ ...serdes.string, name: 'other' }))
    expect(storeOf(items, 'table')?.reasons).toEqual(['values were written as string and are read as other'])
    expect(storeOf(items, 'table')?.verdict).toBe('rebuild')
  })

  test('a schema that reads the old one is compatible, one that does not is a rebuild', () => {
    expect(storeOf(compared(tableOf(versioned(1)), tableOf(versioned(2))), 'table')).toMatchObject({
      verdict: 'compatible',
      change: 'changed',
    })
    expect(storeOf(compared(tableOf(versioned(2)), tableOf(versioned(1))), 'table')).toMatchObject({
      verdict: 'rebuild',
      reasons: ['values: it is from the future'],
    })
  })

  test('a store that gets a changelog is a rebuild, one that loses it is not', () => {
    const plan = (logging: boolean) => (builder: StreamsBuilder) => {
      builder.addStateStore(Stores.keyValueStore('kept', { ...TEXT, logging }))
      builder.stream('words', TEXT).process(() => ({ process() {} }), { stores: ['kept'] })
    }
    expect(storeOf(compared(plan(false), plan(true)), 'kept')).toMatchObject({ verdict: 'rebuild' })
    expect(storeOf(compared(plan(true), plan(false)), 'kept')).toMatchObject({ verdict: 'compatible' })
  })

  test('a sub-topology that comes in before moves the others, which restore', () => {
    const items = compared(counting('counts'), (builder) => {
      builder.stream('names', TEXT).groupByKey().count({ store: 'name-counts' })
      counting('counts')(builder)
    })
    expect(storeOf(items, 'counts')).toMatchObject({ verdict: 'compatible', change: 'changed' })
    expect(items.find(({ name }) => name === '1 (words)')?.reasons.join()).toContain('it was number 0')
    expect(storeOf(items, 'name-counts')).toMatchObject({ verdict: 'compatible', change: 'new' })
  })

  test('repartition topics: another serde is a rebuild, another name a rename, gone says to drain', () => {
    const plan = (name: string, value: Serde<string>) => (builder: StreamsBuilder) => {
      builder.stream('words', TEXT).repartition({ name, key: serdes.string, value }).to('out')
    }
    const topicsOf = (items: readonly PlanItem[]) => items.filter(({ kind }) => kind === 'repartition topic')
    const other = { ...serdes.string, name: 'other' }
    expect(topicsOf(compared(plan('by', serdes.string), plan('by', other)))).toMatchObject([{ verdict: 'rebuild' }])
    const gone = topicsOf(compared(plan('by', serdes.string), counting('counts')))
    expect(gone).toMatchObject([{ verdict: 'compatible', change: 'removed' }])
    expect(gone[0]?.reasons.join()).toContain('stays unread')
  })

  test('a global store is compared too', () => {
    const plan = (value: Serde<string>) => (builder: StreamsBuilder) => {
      builder.globalTable('names', { key: serdes.string, value, store: 'names-store' })
      builder.stream('words', TEXT).to('out')
    }
    const items = compared(plan(serdes.string), plan({ ...serdes.string, name: 'other' }))
    expect(storeOf(items, 'names-store')?.verdict).toBe('rebuild')
  })
})
