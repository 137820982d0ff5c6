import { expect, test } from 'vitest'
import { objectName } from './object-name.ts'

const identity = { topic: 'building.readings', partition: 3, hour: '2026/11/22/10', firstOffset: 42 }

test.each([
  ['topics', {}, '.jsonl', 'topics/building.readings/2026/11/22/10/building.readings+3+0000000042.jsonl'],
  ['', { schemaId: 7 }, '.avro', 'building.readings/2026/11/22/10/building.readings+3+0000000042+7.avro'],
  ['a/b', { firstOffset: 1e12 }, '.avro', 'a/b/building.readings/2026/11/22/10/building.readings+3+1000000000000.avro'],
])('under prefix %j with %j', (prefix, more, extension, name) => {
  expect(objectName(prefix, { ...identity, ...more }, extension)).toBe(name)
})
