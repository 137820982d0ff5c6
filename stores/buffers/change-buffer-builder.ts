import type { Serde } from '../../common/serde.ts'
import type { StoreBuilder } from '../store-builder.ts'
import { type ChangeBuffer, InMemoryChangeBuffer } from './change-buffer.ts'

/** The plan of a buffer of updates. `countBytes`: keep its size, for which every update is encoded as it comes. */
export function changeBuffer<K, V>(
  name: string,
  options: {
    readonly key: Serde<K>
    readonly value: Serde<V>
    readonly logging: boolean
    readonly changelogConfigs: Readonly<Record<string, string>>
    readonly countBytes: boolean
  },
): StoreBuilder<ChangeBuffer<K, V>> {
  const { key, value, logging, changelogConfigs, countBytes } = options
  return {
    name,
    type: 'change-buffer',
    persistent: false,
    logging,
    changelogConfigs,
    keySerde: key as Serde<unknown>,
    valueSerde: value as Serde<unknown>,
    build: (context) => new InMemoryChangeBuffer(name, key, value, { logging, countBytes }, context),
  }
}
