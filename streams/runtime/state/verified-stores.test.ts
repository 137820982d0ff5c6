import { describe, expect, it } from 'vitest'
import { SerdeError } from '../../../common/errors.ts'
import { type Serde, serdes } from '../../../common/serde.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import { Stores } from '../../../stores/stores.ts'
import type { KeyValueStore } from '../../index.ts'
import { verified } from './verified-stores.ts'

const picky: Serde<string> = {
  ...serdes.string,
  serialize(value) {
    if (value === 'unwritable') throw new SerdeError('will not write that')
    return Buffer.from(value)
  },
}

describe('a verified store', () => {
  it('throws where it is put what could not be written at the commit, and is the store otherwise', () => {
    const builder = Stores.keyValueStore('s', { key: picky, value: picky })
    const plain = builder.build({
      database: new MemoryDatabase(),
      changelogTopic: 'c',
      cacheEntries: 10,
      onExpired: () => {},
    }) as KeyValueStore<string, string>
    plain.put('k', 'unwritable', 1)
    expect(() => plain.drain()).toThrow(SerdeError)
    plain.put('k', 'fine', 2)
    const store = verified(plain, { ...builder, changelogTopic: 'c' } as never) as KeyValueStore<string, string>
    expect(() => store.put('k', 'unwritable', 3)).toThrow(SerdeError)
    expect(() => store.put('unwritable', 'v', 3)).toThrow(SerdeError)
    expect(() => store.putIfAbsent('other', 'unwritable', 3)).toThrow(SerdeError)
    store.put('gone', null, 3)
    expect([store.name, store.type, store.get('k')]).toEqual(['s', 'key-value', 'fine'])
    expect(store.dirtyEntries).toBe(plain.dirtyEntries)
  })
})
