import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { TopicMapping } from './mapping.ts'
import { type Shard, shardsOf } from './shards.ts'
import { SubscriptionMemory } from './subscription-memory.ts'
import { covers, overlaps } from './topic-filter.ts'

const shards = (filters: readonly string[], count: number, by: 'filters' | 'shared-subscriptions' = 'filters') =>
  shardsOf({ clientId: 'c', filters, shards: count, by, group: 'g' })

describe('the filters are dealt out', () => {
  test('one connection has all of them, under the plain client id', () => {
    expect(shards(['a', 'b'], 1)).toEqual([{ number: 1, clientId: 'c', filters: ['a', 'b'] }])
  })

  test('several have each a part and a client id of their own', () => {
    expect(shards(['a/+', 'b/+', 'c/+'], 2)).toEqual([
      { number: 1, clientId: 'c-1', filters: ['a/+', 'c/+'] },
      { number: 2, clientId: 'c-2', filters: ['b/+'] },
    ])
  })

  test('those that can match the same topic stay together', () => {
    const lists = shards(['a/+/x', 'a/b/+', 'c', '+/z/x', 'd'], 3).map((shard) => shard.filters)
    expect(lists).toEqual([['+/z/x', 'a/+/x', 'a/b/+'], ['c'], ['d']])
  })

  test('levels under only make more to share', () => {
    const rule = { topic: 'b/<roomId>/<deviceId>', only: { roomId: ['r1', 'r2', 'r3', 'r4'] }, ignore: true }
    const { filters } = new TopicMapping({ builtIn: false, rules: [rule] })
    expect(shards(filters, 2).map((shard) => shard.filters)).toEqual([
      ['b/r1/+', 'b/r3/+'],
      ['b/r2/+', 'b/r4/+'],
    ])
  })

  test('shared subscriptions have every filter on every connection', () => {
    expect(shards(['a/+', '#'], 2, 'shared-subscriptions').map((shard) => shard.filters)).toEqual([
      ['$share/g/a/+', '$share/g/#'],
      ['$share/g/a/+', '$share/g/#'],
    ])
  })

  const level = fc.constantFrom('a', 'b', 'c', '+')
  const filter = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))
  const topicName = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 })
    .map((levels) => levels.join('/'))

  test('whatever the filters: each is on one connection, and a topic never on two; their order does not matter', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(filter, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 2, max: 5 }),
        topicName,
        (filters, count, topic) => {
          const dealt = shards(filters, count)
          expect(dealt.flatMap((shard) => shard.filters).sort()).toEqual([...filters].sort())
          const takers = dealt.filter((shard: Shard) => shard.filters.some((one) => covers(one, topic)))
          expect(takers.length).toBeLessThanOrEqual(1)
          const sets = (some: readonly Shard[]) => some.map((shard) => [...shard.filters].sort())
          expect(sets(shards([...filters].reverse(), count))).toEqual(sets(dealt))
        },
      ),
      { numRuns: 500 },
    )
  })

  test.each([
    ['a/+', '+/b', true],
    ['a/#', 'a', true],
    ['#', 'x/y', true],
    ['a/+/c', 'a/b', false],
    ['a/b', 'a/c', false],
    ['+', 'a/b', false],
  ])('%s and %s overlap: %s', (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected)
    expect(overlaps(other, one)).toBe(expected)
  })
})

describe('what sessions are subscribed to is remembered', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-subscriptions-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))
  const session = { url: 'mqtt://u:p@b', clientId: 'c-1' }

  test('what is left out is told until it has been ended', async () => {
    const path = join(directory, 'new', 'file.json')
    const first = await SubscriptionMemory.open(path)
    expect(await first.begin(session, ['a', 'b'])).toEqual([])
    await first.done(session, ['a', 'b'])
    const second = await SubscriptionMemory.open(path)
    expect(await second.begin(session, ['b', 'c'])).toEqual(['a'])
    const third = await SubscriptionMemory.open(path)
    expect(await third.begin(session, ['b', 'c'])).toEqual(['a'])
    await third.done(session, ['b', 'c'])
    const last = await SubscriptionMemory.open(path)
    expect(await last.begin(session, ['b', 'c'])).toEqual([])
    expect(last.others('mqtt://u:p@b', [])).toEqual(['c-1'])
    expect(last.others('mqtt://u:p@b', ['c-1'])).toEqual([])
    expect(last.others('mqtt://another', [])).toEqual([])
    for (const left of [['c-1'], []]) {
      await last.begin(session, [])
      await last.done(session, [])
      expect((await SubscriptionMemory.open(path)).others('mqtt://u:p@b', [])).toEqual(left)
    }
  })

  test('a file that cannot be written keeps nobody from anything', async () => {
    const memory = await SubscriptionMemory.open('/dev/null/file.json')
    expect(await memory.begin(session, ['a'])).toEqual([])
    await memory.done(session, ['a'])
    expect(await memory.begin(session, [])).toEqual(['a'])
  })

  test.each(['', 'null', '[1]', '{"b":1}', '{"b":{"c":[1]}}'])('a file with %j counts as none', async (text) => {
    const path = join(directory, 'spoilt.json')
    await writeFile(path, text)
    const memory = await SubscriptionMemory.open(path)
    expect(await memory.begin(session, ['a'])).toEqual([])
    expect(await (await SubscriptionMemory.open(path)).begin(session, [])).toEqual(['a'])
  })
})
