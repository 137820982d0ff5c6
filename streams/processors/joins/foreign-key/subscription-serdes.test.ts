import { describe, expect, it } from 'vitest'
import { SerdeError } from '../../../../common/errors.ts'
import { type Serde, serdes } from '../../../../common/serde.ts'
import { INSTRUCTION, type Subscription } from './subscription.ts'
import { subscriptionAnswerSerde, subscriptionSerde } from './subscription-serdes.ts'

const HASH = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const TOPIC = 'app-join-topic'
const serde = subscriptionSerde({ key: serdes.string, foreignKey: serdes.string, registrationTopic: (topic) => topic })
const answers = subscriptionAnswerSerde(serdes.string)

const subscription = (changes: Partial<Subscription<string>> = {}): Subscription<string> => ({
  version: 1,
  hash: HASH,
  instruction: INSTRUCTION.answerAlways,
  primaryKey: 'key',
  primaryPartition: 7,
  ...changes,
})

describe('subscriptions', () => {
  it.each<[what: string, changes: Partial<Subscription<string>>, hex: string]>([
    ['as they are written', {}, `0102${HASH.toString('hex')}6b657900000007`],
    ['of deleted rows', { hash: null, instruction: INSTRUCTION.deleteAndAnswer }, '81016b657900000007'],
    ['of version 0', { version: 0, primaryPartition: undefined }, `0002${HASH.toString('hex')}6b6579`],
    ['of version 0, deleted', { version: 0, primaryPartition: undefined, hash: null }, '80026b6579'],
    ['with an empty key', { primaryKey: '', hash: null }, '810200000007'],
  ])('%s have the bytes of Kafka Streams', (_what, changes, hex) => {
    expect(serde.serialize(subscription(changes), TOPIC).toString('hex')).toBe(hex)
    expect(serde.deserialize(Buffer.from(hex, 'hex'), TOPIC)).toEqual(subscription(changes))
  })

  it.each([
    ['of an unknown version', '02026b6579'],
    ['with an unknown instruction', '81046b657900000007'],
    ['that end in the hash', '010200010203'],
    ['that end in the partition', '8102000007'],
    ['of no bytes', ''],
  ])('%s are refused', (_what, hex) => {
    expect(() => serde.deserialize(Buffer.from(hex, 'hex'), TOPIC)).toThrow(SerdeError)
  })

  it('keep no view of what they are read from', () => {
    const data = serde.serialize(subscription(), TOPIC)
    const { hash } = serde.deserialize(data, TOPIC)
    data.fill(0)
    expect(hash).toEqual(HASH)
  })

  it('write keys for a topic of their own, in their store too, and get all serdes ready for it', async () => {
    const asked: string[] = []
    const spy = (name: string): Serde<string> => ({
      ...serdes.string,
      serialize: (value, topic) => {
        asked.push(`${name} writes ${topic}`)
        return Buffer.from(value)
      },
      prepare: async (topic, role) => void asked.push(`${name} ${role} ${topic}`),
    })
    const inStore = subscriptionSerde({
      key: spy('key'),
      foreignKey: spy('foreign'),
      value: spy('value'),
      registrationTopic: (topic) => topic.replace('store-changelog', 'join-topic'),
    })
    await inStore.prepare?.('app-store-changelog', 'value')
    inStore.serialize(subscription(), 'app-store-changelog')
    expect(asked).toEqual([
      'key key app-join-topic-pk',
      'foreign key app-join-topic-fk',
      'value value app-join-topic-vh',
      'key writes app-join-topic-pk',
    ])
  })
})

describe('answers', () => {
  it.each([
    ['with a row', { hash: HASH, value: 'row' }, `00${HASH.toString('hex')}726f77`],
    ['without one', { hash: HASH, value: null }, `00${HASH.toString('hex')}`],
    ['to deleted rows', { hash: null, value: null }, '80'],
  ])('%s have the bytes of Kafka Streams', (_what, answer, hex) => {
    expect(answers.serialize({ ...answer, primaryPartition: 3 }, TOPIC).toString('hex')).toBe(hex)
    expect(answers.deserialize(Buffer.from(hex, 'hex'), TOPIC)).toEqual({ ...answer, primaryPartition: undefined })
  })

  it('cannot tell a row of no bytes from none', () => {
    const data = answers.serialize({ hash: HASH, value: '', primaryPartition: 0 }, TOPIC)
    expect(answers.deserialize(data, TOPIC).value).toBeNull()
  })

  it.each([
    ['of an unknown version', '01'],
    ['that end in the hash', '000102'],
    ['of no bytes', ''],
  ])('%s are refused', (_what, hex) => {
    expect(() => answers.deserialize(Buffer.from(hex, 'hex'), TOPIC)).toThrow(SerdeError)
  })
})
