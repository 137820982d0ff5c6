import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../common/errors.ts'
import { serdes } from '../common/serde.ts'
import { MemoryDatabase } from './database/memory-database.ts'
import { Stores } from './stores.ts'

const types = { key: serdes.string, value: serdes.string }

describe('store plans', () => {
  it('have Kafka Streams defaults: persistent, with a changelog', () => {
    expect(Stores.keyValueStore('s', types)).toMatchObject({
      name: 's',
      type: 'key-value',
      persistent: true,
      logging: true,
      changelogConfigs: {},
      keySerde: serdes.string,
    })
  })

  it('take durations and overrides', () => {
    const plan = Stores.windowStore('w', {
      ...types,
      retention: '5m',
      windowSize: 60_000,
      retainDuplicates: true,
      persistent: false,
      logging: false,
      changelogConfigs: { 'segment.ms': '1000' },
    })
    expect(plan).toMatchObject({
      type: 'window',
      retentionMs: 300_000,
      windowSizeMs: 60_000,
      retainDuplicates: true,
      persistent: false,
      logging: false,
      changelogConfigs: { 'segment.ms': '1000' },
    })
  })

  it('build a store that is persistent when its database is', () => {
    const database = new MemoryDatabase()
    const store = Stores.keyValueStore('s', types).build({ database, changelogTopic: 't' })
    expect(store).toMatchObject({ name: 's', type: 'key-value', persistent: false })
  })

  it.each(['', '.', '..', 'a b', 'ä', 'x'.repeat(250), 'a/b'])('refuse the name %j', (name) => {
    expect(() => Stores.keyValueStore(name, types)).toThrow(InvalidArgumentError)
    expect(() => Stores.windowStore(name, { ...types, retention: '1m', windowSize: '1m' })).toThrow(
      InvalidArgumentError,
    )
  })

  it.each([
    [-1, 0],
    [10, -1],
    ['1m', '2m'],
    [1.5, 1],
    ['1 minute', 1],
  ] as const)('refuse a retention of %s with a window of %s', (retention, windowSize) => {
    const options = { ...types, retention: retention as number, windowSize: windowSize as number }
    expect(() => Stores.windowStore('w', options)).toThrow(InvalidArgumentError)
  })
})
