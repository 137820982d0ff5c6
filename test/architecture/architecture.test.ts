import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkArchitecture } from './check.ts'
import { readTree } from './tree.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

test('the sources keep to the table of rooms', async () => {
  const tree = await readTree(ROOT)
  expect(tree.size).toBeGreaterThan(50)
  expect(checkArchitecture(tree).join('\n')).toBe('')
})

/** A tree that nothing is wrong with, and the changes to it. */
const check = (changes: Record<string, string>) =>
  checkArchitecture(
    new Map(
      Object.entries({
        'common/errors.ts': 'export class E extends Error {}\n',
        'kafka/port.ts': "import type { E } from '../common/errors.ts'\nexport type P = E\n",
        'kafka/kafkajs.ts':
          "import { Kafka } from 'kafkajs'\nimport type { P } from './port.ts'\nexport const p: P = Kafka\n",
        'stores/store.ts': "export * from '../common/errors.ts'\n",
        'streams/record.ts': 'export type R = 1\n',
        'streams/processors/map.ts':
          "import type { R } from '../record.ts'\nimport '../../stores/store.ts'\nexport type M = R\n",
        'streams/topology.ts': "import './processors/map.ts'\n",
        'streams/dsl/plan.ts': "import '../topology.ts'\n",
        'streams/runtime/task.ts':
          "import '../topology.ts'\nimport type { P } from '../../kafka/port.ts'\nexport type T = P\n",
        'streams/index.ts': "import './dsl/plan.ts'\nimport './runtime/task.ts'\n",
        'topology/rules.ts': "import '../streams/index.ts'\n",
        'connectors/knx/link.ts': "import '../../kafka/port.ts'\n",
        'bin/building.ts': "import '../kafka/kafkajs.ts'\nimport '../topology/rules.ts'\n",
        'test/support/help.ts': 'export const help = 1\n',
        'connectors/knx/link.test.ts':
          "import { test } from 'vitest'\nimport '../../kafka/kafkajs.ts'\nimport '../../test/support/help.ts'\nimport './link.ts'\ntest('a', () => {})\n",
        ...changes,
      }),
    ),
  )

describe('the checker', () => {
  test('finds nothing wrong with a tree that keeps the rules', () => {
    expect(check({})).toEqual([])
  })

  test.each([
    [
      'a forbidden import',
      { 'connectors/a.ts': "import '../streams/index.ts'\n" },
      /connectors\/a\.ts imports streams\/index\.ts/,
    ],
    [
      'a forbidden type import',
      { 'common/a.ts': "import type { P } from '../kafka/port.ts'\nexport type A = P\n" },
      /common may import only itself/,
    ],
    [
      'a forbidden dynamic import',
      { 'http/a.ts': "await import('../connectors/knx/link.ts')\n" },
      /http\/a\.ts imports connectors/,
    ],
    [
      'a forbidden import() type',
      { 'common/a.ts': "export type A = import('../kafka/port.ts').P\n" },
      /common\/a\.ts imports kafka\/port/,
    ],
    [
      'a forbidden re-export',
      { 'stores/a.ts': "export { p } from '../kafka/kafkajs.ts'\n" },
      /stores\/a\.ts imports kafka/,
    ],
    [
      'a forbidden worker',
      { 'http/a.ts': "new Worker(new URL('../bin/building.ts', import.meta.url))\n" },
      /http\/a\.ts imports bin/,
    ],
    [
      'a provider where only the port is allowed',
      { 'streams/a.ts': "import '../kafka/kafkajs.ts'\n" },
      /streams\/a\.ts imports kafka\/kafkajs/,
    ],
    [
      'a way around the public door',
      { 'topology/a.ts': "import '../streams/topology.ts'\n" },
      /topology\/a\.ts imports streams\/topology/,
    ],
    [
      'a test that imports a foreign room',
      { 'common/a.test.ts': "import '../topology/rules.ts'\n" },
      /common\/a\.test\.ts imports topology/,
    ],
    [
      'production code that imports test support',
      { 'http/a.ts': "import '../test/support/help.ts'\n" },
      /http\/a\.ts imports test\/support/,
    ],
    [
      'a processor that knows the runtime',
      { 'streams/processors/a.ts': "import '../runtime/task.ts'\n" },
      /streams\/processors must never reach streams\/runtime/,
    ],
    [
      'a runtime that reaches the dsl through another file',
      { 'streams/runtime/a.ts': "import '../b.ts'\n", 'streams/b.ts': "import './dsl/plan.ts'\n" },
      /runtime\/a\.ts → streams\/b\.ts → streams\/dsl\/plan\.ts/,
    ],
    [
      'a cycle',
      { 'common/a.ts': "import './b.ts'\n", 'common/b.ts': "import './c.ts'\n", 'common/c.ts': "import './a.ts'\n" },
      /cycle: common\/a\.ts → common\/b\.ts → common\/c\.ts → common\/a\.ts/,
    ],
    ['a long source file', { 'common/a.ts': '//\n'.repeat(501) }, /common\/a\.ts has 501 lines/],
    ['a long test file', { 'common/a.test.ts': '//\n'.repeat(601) }, /601 lines; 600/],
    [
      'a package in two files',
      { 'kafka/b.ts': "import { x } from 'kafkajs/src/x.js'\n" },
      /package kafkajs is imported by 2 files/,
    ],
    [
      'a scoped package in two files',
      { 'common/a.ts': "import '@a/b'\n", 'common/b.ts': "import '@a/b/c'\n" },
      /package @a\/b is imported/,
    ],
    [
      'a test of its own only',
      { 'common/a.test.ts': "import { test } from 'vitest'\ntest.only('a', () => {})\n" },
      /test\.only/,
    ],
    ['a skipped group of tests', { 'common/a.test.ts': 'describe.concurrent.skip()\n' }, /describe\.skip/],
    ['a test that is skipped sometimes', { 'common/a.test.ts': "it.skipIf(1 > 2)('a', () => {})\n" }, /it\.skipIf/],
    [
      'a path of a machine',
      { 'common/a.ts': `export const p = '/${'home'}/ann/data'\n` },
      /common\/a\.ts:1 names a path of one machine/,
    ],
    [
      'a test tool in production code',
      { 'common/a.ts': "import 'vitest'\n" },
      /common\/a\.ts imports vitest, so it is test code/,
    ],
    [
      'a property with a seed of its own',
      { 'common/a.test.ts': "import fc from 'fast-check'\n" },
      /common\/a\.test\.ts imports fast-check: test\/support\/property\.ts/,
    ],
    [
      'a contract suite in production code',
      { 'stores/contract/suite.ts': 'export const s = 1\n', 'stores/a.ts': "import './contract/suite.ts'\n" },
      /stores\/a\.ts imports stores\/contract\/suite\.ts, which is test code/,
    ],
    ['a source that is cut off', { 'common/a.ts': 'export function a() {\n' }, /common\/a\.ts cannot be parsed/],
    [
      'an import of a file that is not there',
      { 'common/a.ts': "import './gone.ts'\n" },
      /common\/gone\.ts, which is not there/,
    ],
  ])('finds %s', (_, changes, message) => {
    const problems = check(changes as unknown as Record<string, string>)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
  })

  test.each([
    [
      'type imports of a package by many files',
      { 'kafka/b.ts': "import type { K } from 'kafkajs'\nexport type B = K\n" },
    ],
    [
      'two types of a room that name each other',
      {
        'common/a.ts': "import type { B } from './b.ts'\nexport type A = B[]\n",
        'common/b.ts': "import type { A } from './a.ts'\nexport type B = { a: A }\n",
      },
    ],
    ['node builtins in many files', { 'common/a.ts': "import 'node:fs'\n", 'common/b.ts': "import 'node:fs'\n" }],
    [
      'imports in comments and strings',
      { 'common/a.ts': "// import '../bin/building.ts'\nexport const a = `import '../bin/building.ts'`\n" },
    ],
    [
      'a contract suite that many tests share',
      {
        'stores/contract/suite.ts': "import { test } from 'vitest'\ntest('a', () => {})\n",
        'streams/a.test.ts': "import '../stores/contract/suite.ts'\n",
      },
    ],
    ['a method that is called skip', { 'common/a.ts': 'export const a = [1].values().drop(1)\nreader.skip(4)\n' }],
  ])('allows %s', (_, changes) => {
    expect(check(changes as unknown as Record<string, string>)).toEqual([])
  })
})
