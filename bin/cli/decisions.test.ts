import { describe, expect, test } from 'vitest'
import type { GroupDescription } from '../../kafka/port.ts'
import type { AvroSchema } from '../../schemas/avro-type.ts'
import { incompatibilities } from '../../schemas/compatibility.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import type { TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { applicationTopics } from './deployed-topics.ts'
import { lagRows } from './lag.ts'
import { bytesText, durationText, tableText } from './output.ts'
import { comparePartitions, compareTopicNames } from './plan-topics.ts'
import { offsetAfter } from './reset-target.ts'
import { checkSchema } from './schemas-check.ts'
import { taskRows } from './task-rows.ts'

const BLUEPRINT = {
  format: 1,
  applicationId: 'app',
  subtopologies: [
    { id: 0, global: false, sources: ['in'], stores: [] },
    { id: 1, global: false, sources: ['app-by-repartition'], stores: ['s', 'source-store'] },
  ],
  stores: [
    { name: 's', changelog: 'app-s-changelog', isSourceTopic: false },
    { name: 'source-store', changelog: 'in', isSourceTopic: true },
    { name: 'unlogged', changelog: null, isSourceTopic: false },
  ],
  repartitionTopics: [{ topic: 'app-by-repartition' }],
} as unknown as TopologyBlueprint

describe('where a reset puts an offset', () => {
  const bounds = { begin: 10, end: 100 }
  test.each([
    [{ kind: 'earliest' }, 50, undefined, 10],
    [{ kind: 'latest' }, 50, undefined, 100],
    [{ kind: 'datetime', timestampMs: 0 }, 50, 77, 77],
    [{ kind: 'datetime', timestampMs: 0 }, 50, undefined, 100],
    [{ kind: 'shift', by: -20 }, 50, undefined, 30],
    [{ kind: 'shift', by: -60 }, 50, undefined, 10],
    [{ kind: 'shift', by: 60 }, 50, undefined, 100],
    [{ kind: 'shift', by: 5 }, null, undefined, 15],
  ] as const)('%j from %j', (target, committed, atTime, expected) => {
    expect(offsetAfter(target, committed, bounds, atTime)).toBe(expected)
  })
})

test('lag counts from the commit, from the beginning where there is none, and never below zero', () => {
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition }))
  const rows = lagRows(
    partitions,
    new Map([
      ['t-0', { offset: 30 }],
      ['t-2', { offset: 5 }],
      ['t-3', { offset: 120 }],
    ]),
    new Map(partitions.map((p) => [`t-${p.partition}`, 10])),
    new Map(partitions.map((p) => [`t-${p.partition}`, 100])),
  )
  expect(rows.map(({ committed, lag }) => [committed, lag])).toEqual([
    [30, 70],
    [null, 90],
    [5, 90],
    [120, 0],
  ])
})

describe('the topics of an application', () => {
  const existing = [
    'in',
    'other',
    'app-by-repartition',
    'app-s-changelog',
    'app-old-changelog',
    'app-2-x-changelog',
    'app-brook-topology',
  ]

  test('are those of its description; what only looks alike is told apart', () => {
    expect(applicationTopics('app', existing, ['in'], BLUEPRINT)).toEqual({
      sources: ['in'],
      repartition: ['app-by-repartition'],
      changelogs: ['app-s-changelog'],
      description: 'app-brook-topology',
      lookAlikes: ['app-2-x-changelog', 'app-old-changelog'],
    })
  })

  test('are known by their names where there is no description', () => {
    const foreignKey = 'app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000008-topic'
    expect(applicationTopics('app', ['in', 'app-s-changelog', foreignKey], ['in', foreignKey], undefined)).toEqual({
      sources: ['in'],
      repartition: [foreignKey],
      changelogs: ['app-s-changelog'],
      description: undefined,
      lookAlikes: [],
    })
  })
})

describe('tasks', () => {
  const member = (memberId: string, partitions: [string, number][], said: object, told: object) => ({
    memberId,
    clientId: `client-${memberId}`,
    host: '10.0.0.1',
    userData: Buffer.from(JSON.stringify(said)),
    assignment: {
      partitions: partitions.map(([topic, partition]) => ({ topic, partition })),
      userData: Buffer.from(JSON.stringify(told)),
    },
  })
  const group: GroupDescription = {
    groupId: 'app',
    state: 'Stable',
    members: [
      member(
        'b',
        [
          ['app-by-repartition', 10],
          ['in', 0],
        ],
        { endpoint: 'b:1' },
        { standby: ['1_2'], warmup: ['1_2'] },
      ),
      { ...member('a', [['app-by-repartition', 2]], {}, { standby: ['1_10'] }), userData: Buffer.from('not json') },
    ],
  }

  test('are told from what the members have, in order', () => {
    const rows = taskRows(group, BLUEPRINT)
    expect(rows.map((r) => [r.taskId, r.role, r.memberId, r.endpoint])).toEqual([
      ['0_0', 'active', 'b', 'b:1'],
      ['1_2', 'active', 'a', null],
      ['1_2', 'warm-up', 'b', 'b:1'],
      ['1_10', 'active', 'b', 'b:1'],
      ['1_10', 'standby', 'a', null],
    ])
    expect(rows[0]?.partitions).toEqual(['in-0'])
  })

  test('have no number of their sub-topology without a description', () => {
    expect(taskRows(group, undefined).map(({ taskId }) => taskId)).toContain('?_10')
  })
})

describe('a plan by topics alone', () => {
  const specs = (...names: string[]) => names.map((name) => ({ name, partitions: 4 }))

  test('takes generated names that moved for renames, and not names that people gave', () => {
    const generated = (n: number) => `app-KSTREAM-AGGREGATE-STATE-STORE-000000000${n}-changelog`
    const items = compareTopicNames(specs('app-a-changelog', generated(5)), [generated(3), 'app-a-changelog'])
    expect(items.map(({ name, verdict, change }) => [name, verdict, change])).toEqual([
      ['app-a-changelog', 'compatible', 'same'],
      [generated(5), 'rename', 'renamed'],
    ])
    expect(items[1]?.reasons.join()).toContain(generated(3))
    expect(compareTopicNames(specs(generated(5)), ['app-a-changelog']).map(({ change }) => change)).toEqual([
      'new',
      'removed',
    ])
  })

  test('finds partition counts that do not fit', () => {
    const items = comparePartitions(
      specs('one', 'two', 'new'),
      new Map([
        ['one', 4],
        ['two', 2],
      ]),
    )
    expect(items).toMatchObject([{ name: 'two', verdict: 'rebuild' }])
    expect(items[0]?.reasons.join()).toContain('has 2 partitions and needs 4')
  })
})

describe('a schema against the registry', () => {
  const record = (...fields: object[]): AvroSchema => ({ type: 'record', name: 'R', fields: fields as never })
  const OLD = record({ name: 'a', type: 'string' })
  const registry = (latest: AvroSchema | undefined): Parameters<typeof checkSchema>[0] => ({
    latest: async () => (latest === undefined ? undefined : { id: 1, version: 3, schema: latest }),
    lookup: async (_subject, schema) => (JSON.stringify(schema) === JSON.stringify(latest) ? 1 : undefined),
    compatibility: async () => 'BACKWARD',
    isCompatible: async (_subject, schema) =>
      latest === undefined || incompatibilities(schema, [{ name: 'v', schema: latest }], 'BACKWARD').length === 0,
  })
  const use = (schema: AvroSchema, what: 'reads' | 'writes' = 'writes') => ({
    subject: 't-value',
    use: what,
    serde: 'avro:R',
    schema,
  })
  const wider = record({ name: 'a', type: 'string' }, { name: 'b', type: 'string', default: '' })
  const broken = record({ name: 'a', type: 'string' }, { name: 'b', type: 'string' })

  test.each([
    ['nobody has the subject', undefined, use(OLD), 'new'],
    ['it is there', OLD, use(OLD), 'registered'],
    ['it may follow', OLD, use(wider), 'compatible'],
    ['it may not follow', OLD, use(broken), 'incompatible'],
    ['it reads what is there', wider, use(OLD, 'reads'), 'compatible'],
    ['it cannot read what is there', OLD, use(broken, 'reads'), 'incompatible'],
  ] as const)('%s', async (_, latest, asked, status) => {
    const check = await checkSchema(registry(latest), asked)
    expect(check.status).toBe(status)
    expect(check.reasons.length > 0).toBe(status === 'incompatible')
    if (status === 'incompatible') expect(check.reasons.join()).toMatch(/field b: .* version 3 does not have it/)
  })

  test('asks what a registry client has', () => {
    for (const method of ['latest', 'lookup', 'compatibility', 'isCompatible'] as const)
      expect(RegistryClient.prototype[method]).toBeTypeOf('function')
  })
})

describe('output', () => {
  test('tables are as wide as they have to be, numbers to the right', () => {
    expect(
      tableText(
        ['NAME', 'N'],
        [
          ['long name', 1],
          ['x', 1000],
          ['y', undefined],
        ],
      ),
    ).toBe('NAME          N\nlong name     1\nx          1000\ny             -')
  })

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [5 * 1024 ** 3, '5.0 GiB'],
  ])('%d bytes are %s', (size, text) => {
    expect(bytesText(size)).toBe(text)
  })

  test.each([
    [300_000, '5 min'],
    [86_400_000, '1 d'],
    [1_500, '1500 ms'],
    [Number.MAX_SAFE_INTEGER, 'for ever'],
    [undefined, undefined],
  ])('%d ms are %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })
})
