import { describe, expect, it } from 'vitest'
import { murmur3Hash128 } from '../../../../common/murmur3.ts'
import { StreamsBuilder, serdes, TopologyTestDriver } from '../../../index.ts'
import { INSTRUCTION, type Instruction } from './subscription.ts'
import { subscriptionSerde } from './subscription-serdes.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const TOPIC = 'test-j-subscription-registration-topic'
const SUBSCRIPTIONS = subscriptionSerde({
  key: serdes.string,
  foreignKey: serdes.string,
  registrationTopic: (topic) => topic,
})
const { deleteSilently, deleteAndAnswer, answerAlways, answerIfRow } = INSTRUCTION

/** A value is its foreign key and a number; `-` is none, `undefined` the deletion or the absence of the row. */
type Value = string | undefined
type Sent = readonly [foreignKey: string | null, instruction: Instruction]
type Case = readonly [what: string, old: Value, now: Value, sent: readonly Sent[], dropped: number]

const LEFT: readonly Case[] = [
  ['a new row', undefined, 'a1', [['a', answerAlways]], 0],
  ['a new row without a foreign key', undefined, '-1', [[null, answerAlways]], 0],
  [
    'another foreign key',
    'a1',
    'b1',
    [
      ['a', deleteSilently],
      ['b', answerAlways],
    ],
    0,
  ],
  ['another value', 'a1', 'a2', [['a', answerAlways]], 0],
  [
    'the foreign key goes',
    'a1',
    '-1',
    [
      ['a', deleteSilently],
      [null, answerAlways],
    ],
    0,
  ],
  ['a foreign key comes', '-1', 'a1', [['a', answerAlways]], 0],
  ['another value without a foreign key', '-1', '-2', [[null, answerAlways]], 0],
  [
    'a deletion',
    'a1',
    undefined,
    [
      ['a', deleteSilently],
      [null, answerAlways],
    ],
    0,
  ],
  ['a deletion of a row without a foreign key', '-1', undefined, [[null, answerAlways]], 0],
  ['a deletion of what is not there', undefined, undefined, [], 0],
]
const INNER: readonly Case[] = [
  ['a new row', undefined, 'a1', [['a', answerIfRow]], 0],
  ['a new row without a foreign key', undefined, '-1', [], 1],
  [
    'another foreign key',
    'a1',
    'b1',
    [
      ['a', deleteSilently],
      ['b', answerAlways],
    ],
    0,
  ],
  ['another value', 'a1', 'a2', [['a', answerIfRow]], 0],
  ['the foreign key goes', 'a1', '-1', [['a', deleteAndAnswer]], 1],
  ['a foreign key comes', '-1', 'a1', [['a', answerIfRow]], 1],
  ['another value without a foreign key', '-1', '-2', [], 2],
  ['a deletion', 'a1', undefined, [['a', deleteAndAnswer]], 0],
  ['a deletion of a row without a foreign key', '-1', undefined, [], 1],
  ['a deletion of what is not there', undefined, undefined, [], 0],
]

async function sent(kind: 'join' | 'leftJoin', [, old, now]: Case, byKey: boolean) {
  const builder = new StreamsBuilder()
  const rows = builder.table('left', TEXT)
  const foreignKey = (v: string, k: string): string | null =>
    v.startsWith('-') ? null : v.slice(0, 1) + (byKey ? k : '')
  const other = builder.table('right', TEXT)
  if (kind === 'join') rows.join(other, foreignKey, (a, b) => a + b, { name: 'j' })
  else rows.leftJoin(other, foreignKey, (a, b) => a + b, { name: 'j' })
  const driver = await TopologyTestDriver.create(builder.build(), { cacheMaxBytes: 0 })
  const left = driver.createInputTopic('left', TEXT)
  const subscriptions = driver.createOutputTopic(TOPIC, { key: serdes.string, value: SUBSCRIPTIONS })
  if (old !== undefined) left.pipeInput('k', old, { timestampMs: 1 })
  subscriptions.readRecords()
  left.pipeInput('k', now ?? null, { timestampMs: 2 })
  const records = subscriptions.readRecords()
  const dropped = driver.dropped.get('null-foreign-key') ?? 0
  await driver.close()
  return { records, dropped }
}

for (const [kind, cases] of [
  ['leftJoin', LEFT],
  ['join', INNER],
] as const) {
  for (const byKey of [false, true]) {
    describe(`subscriptions of a ${kind}, foreign key from value${byKey ? ' and key' : ''}`, () => {
      it.each(cases)('%s', async (...each) => {
        const [, , now, expected, drops] = each
        const { records, dropped } = await sent(kind, each, byKey)
        const suffix = byKey ? 'k' : ''
        expect(records.map((r) => [r.key, r.value?.instruction])).toEqual(
          expected.map(([foreignKey, instruction]) => [foreignKey && foreignKey + suffix, instruction]),
        )
        for (const { value, timestampMs } of records) {
          expect(value).toMatchObject({ version: 1, primaryKey: 'k', primaryPartition: 0 })
          expect(value?.hash).toEqual(now === undefined ? null : murmur3Hash128(Buffer.from(now)))
          expect(timestampMs).toBe(2)
        }
        expect(dropped).toBe(drops)
      })
    })
  }
}
