import type { Serde } from '../../common/serde.ts'
import type { StoreBuilder } from '../store-builder.ts'
import { type RecordBuffer, TimeOrderedRecordBuffer } from './record-buffer.ts'

/** The plan of a buffer of records that wait for their grace to be over. */
export function recordBuffer<K, V>(
  name: string,
  options: {
    readonly key: Serde<K>
    readonly value: Serde<V>
    readonly graceMs: number
    readonly persistent?: boolean
    readonly logging?: boolean
  },
): StoreBuilder<RecordBuffer<K, V>> {
  const { key, value, graceMs, persistent = true, logging = true } = options
  return {
    name,
    type: 'record-buffer',
    persistent,
    logging,
    changelogConfigs: {},
    keySerde: key as Serde<unknown>,
    valueSerde: value as Serde<unknown>,
    build: (context) => new TimeOrderedRecordBuffer(name, key, value, graceMs, context),
  }
}
