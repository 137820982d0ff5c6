import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, InvalidArgumentError } from '../../common/errors.ts'
import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  KeyChangedError,
  type ProcessorContext,
  Stores,
  StreamRecord,
  StreamsBuilder,
  Suppressed,
  serdes,
  TimeWindows,
  TopologyError,
  TopologyTestDriver,
  UnlimitedWindows,
} from '../../streams/index.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'semantics.md'), 'utf8')
const TEXT = { key: serdes.string, value: serdes.string }
const { string } = serdes
const both = (a: string): string => a

type Refusal = [row: string, error: new (...args: never[]) => Error, what: (b: StreamsBuilder) => unknown]

const versioned = (b: StreamsBuilder, historyRetention: number) =>
  b.table('right', { ...TEXT, versioned: { historyRetention } })

const REFUSALS: readonly Refusal[] = [
  [
    'reset per source',
    TopologyError,
    (b) => {
      b.stream('left', { ...TEXT, offsetReset: 'latest' })
      b.stream('left', { ...TEXT, offsetReset: 'earliest' })
    },
  ],
  [
    '`foreach`, `peek`, `print`',
    TopologyError,
    (b) => b.stream('left', TEXT).print({ file: '/dev/null/no/such/file' }),
  ],
  [
    '`globalTable`',
    TopologyError,
    (b) => b.globalTable('left', { ...TEXT, versioned: { historyRetention: 1 } } as never),
  ],
  ...[{ ttl: 5 }, { versioned: { historyRetention: 5 } }, { persistent: true }].map(
    (other): Refusal => [
      'stores of the least recently used',
      TopologyError,
      (b) => b.table('left', { ...TEXT, store: 'rows', lru: { maxEntries: 2 }, ...other }),
    ],
  ),
  [
    'stores of the least recently used',
    TopologyError,
    (b) => b.globalTable('left', { ...TEXT, lru: { maxEntries: 2 } } as never),
  ],
  [
    'stores of the least recently used',
    InvalidArgumentError,
    (b) => b.table('left', { ...TEXT, lru: { maxEntries: 0 } }),
  ],
  [
    'versioned tables',
    TopologyError,
    (b) => versioned(b, 5).suppress(Suppressed.untilTimeLimit(5, BufferConfig.unbounded())),
  ],
  ['tumbling and hopping windows', InvalidArgumentError, () => TimeWindows.ofSizeWithNoGrace(0)],
  [
    'unlimited windows',
    TopologyError,
    (b) =>
      b.stream('left', TEXT).groupByKey().windowedBy(UnlimitedWindows.of()).emitStrategy(EmitStrategy.onWindowClose()),
  ],
  ['join windows', InvalidArgumentError, () => JoinWindows.ofTimeDifferenceWithNoGrace(3).before(-5)],
  [
    '`Suppressed.untilTimeLimit`',
    InvalidArgumentError,
    () => Suppressed.untilWindowCloses(BufferConfig.maxRecords(1) as never),
  ],
  [
    '`Suppressed.untilTimeLimit`',
    TopologyError,
    (b) => {
      b.table('left', { ...TEXT, store: 'rows' }).suppress(
        Suppressed.untilWindowCloses(BufferConfig.unbounded()) as never,
      )
      b.build()
    },
  ],
  ['stream–table', TopologyError, (b) => b.stream('left', TEXT).join(b.table('right', TEXT), both, { grace: 5 })],
  ['stream–table', TopologyError, (b) => b.stream('left', TEXT).join(versioned(b, 3), both, { grace: 5 })],
  ['as-of joins', TopologyError, (b) => b.stream('left', TEXT).joinAsOf(b.table('right', TEXT), both)],
  [
    '`addStateStore`',
    TopologyError,
    (b) => {
      b.stream('left', TEXT).process(() => ({ process: () => {} }), { stores: ['nowhere'] })
      b.build()
    },
  ],
  [
    '`ensure.explicit.internal.resource.naming`',
    TopologyError,
    (b) => {
      b.stream('left', TEXT).groupByKey().count()
      b.build({ ensureExplicitInternalResourceNaming: true })
    },
  ],
  [
    '`topology.optimization`',
    ConfigError,
    (b) => {
      b.stream('left', TEXT).to('out')
      b.build({ topologyOptimization: ['merge'] as never })
    },
  ],
]

describe('what the page says is refused', () => {
  test.each(REFUSALS)('%s: %o', (row, error, what) => {
    expect(rowOf(row)).toContain(`\`${error.name}\``)
    expect(() => what(new StreamsBuilder())).toThrow(error)
  })

  test('a changed key in processValues, and a partitioner that gives several partitions', async () => {
    expect(rowOf('`process`, `processValues`')).toContain('`KeyChangedError`')
    expect(rowOf('foreign-key table–table')).toContain('`InvalidArgumentError`')
    const b = new StreamsBuilder()
    b.stream('left', TEXT).processValues(() => {
      let context: ProcessorContext<string, string>
      return {
        init: (given) => {
          context = given
        },
        process: ({ value }) => context.forward(new StreamRecord('other', value, 0, [])),
      }
    })
    b.table('right', TEXT).join(b.table('third', TEXT), both, both, { value: string, partitioner: () => [0, 0] })
    const driver = await TopologyTestDriver.create(b.build())
    const causeOf = (topic: string): unknown => {
      try {
        driver.createInputTopic(topic, TEXT).pipeInput('k', 'v')
      } catch (error) {
        return (error as Error).cause
      }
    }
    driver.createInputTopic('third', TEXT).pipeInput('v', 'row')
    expect(causeOf('left')).toBeInstanceOf(KeyChangedError)
    expect(causeOf('right')).toBeInstanceOf(InvalidArgumentError)
    await driver.close()
  })

  test('every row that names an error has its case', () => {
    const rows = page.slice(page.indexOf('## What is there')).split('\n')
    const refusing = rows.filter((row) => /`\w+Error`/.test(row) && row.startsWith('| '))
    const told = [...REFUSALS.map(([row]) => row), '`process`, `processValues`', 'foreign-key table–table']
    expect(refusing.filter((row) => !told.some((begins) => row.startsWith(`| ${begins}`)))).toEqual([])
  })

  test('a store of two types is refused', () => {
    const b = new StreamsBuilder()
    b.addStateStore(Stores.keyValueStore('rows', TEXT))
    expect(() => b.addStateStore(Stores.timerStore('rows', { key: string }))).toThrow(TopologyError)
  })
})

function rowOf(begins: string): string {
  const table = page.slice(page.indexOf('## What is there'))
  const row = table.split('\n').find((line) => line.startsWith(`| ${begins}`))
  if (row === undefined) throw new Error(`docs/semantics.md has no row that begins with ${begins}`)
  return row
}
