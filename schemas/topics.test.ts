import { expect, expectTypeOf, it } from 'vitest'
import type { AvroValue } from './avro-type.ts'
import { topicPlans, topics } from './topics.ts'
import type { Reading } from './types.ts'

it('plans every topic once, all with the same number of partitions', () => {
  const plans = topicPlans(6)
  expect(new Set(plans.map(({ name }) => name)).size).toBe(Object.keys(topics).length)
  expect(plans.every(({ name, partitions }) => name.startsWith('building.') && partitions === 6)).toBe(true)
  expect(topicPlans().every(({ partitions }) => partitions === 4)).toBe(true)
})

it('compacts the directory of devices and rules, and nothing else', () => {
  const compacted = topicPlans().filter(({ configs }) => configs['cleanup.policy'] === 'compact')
  expect(compacted.map(({ name }) => name)).toEqual(['building.devices', 'building.rules'])
  for (const { configs } of topicPlans())
    expect(Number(configs['retention.ms']) > 0).toBe(configs['cleanup.policy'] === 'delete')
})

it('keys each topic by a field of its value', () => {
  for (const { name, key, value } of Object.values(topics))
    if (key !== 'original')
      expect(
        value.schema.fields?.map((field) => field.name),
        name,
      ).toContain(key)
})

it('knows the type of each value', () => {
  expectTypeOf<AvroValue<typeof topics.readings.value>>().toEqualTypeOf<Reading>()
})
