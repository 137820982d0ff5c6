import { durationMs } from '../../../common/duration.ts'
import type { Serde } from '../../../common/serde.ts'
import type { WindowStoreBuilder } from '../../../stores/store-builder.ts'
import { Stores } from '../../../stores/stores.ts'
import { TopologyError } from '../../errors.ts'
import type { Windowed } from '../../record.ts'
import type { WindowMaterialized } from '../options.ts'
import { storeOptions } from '../plan/materialize.ts'
import type { WindowKind } from './window-kind.ts'
import { intervalWindowedSerde, timeWindowedSerde } from './windowed-serde.ts'

/** Of stores whose rows are read by ranges of time. */
const LEAST_SEGMENT_MS = 1_000

/**
 * The store of a windowed aggregation. `timeOrdered`: of one that emits when windows close.
 * @throws {TopologyError} when the retention is less than windows can be asked for. @see WindowStoreMaterializer
 */
export function windowStoreBuilder<K, A>(
  store: string,
  kind: WindowKind,
  serdes: { readonly key: Serde<K>; readonly value: Serde<A> },
  options: Omit<WindowMaterialized<K, A>, 'key' | 'value'>,
  timeOrdered = false,
): WindowStoreBuilder<K, A> {
  const leastMs = kind.leastRetentionMs
  const retentionMs = options.retention === undefined ? leastMs : durationMs(options.retention, `retention of ${store}`)
  if (retentionMs < leastMs)
    throw new TopologyError(
      `store ${store} keeps windows for ${retentionMs} ms, but they can be asked for until ${leastMs} ms after their start`,
    )
  return Stores.windowStore<K, A>(store, {
    ...serdes,
    windowSize: kind.sizeMs,
    retention: retentionMs,
    shown: Math.max(retentionMs, kind.readsMs),
    ...(kind.readsMs > 0 ? { segment: Math.max(Math.floor(retentionMs / 2), LEAST_SEGMENT_MS) } : {}),
    ...(timeOrdered ? { timeOrdered: { step: kind.stepMs } } : {}),
    ...storeOptions(options),
  })
}

export function windowedKeySerde<K>({ fixedSize, sizeMs }: WindowKind, key: Serde<K>): Serde<Windowed<K>> {
  return fixedSize ? timeWindowedSerde(key, sizeMs) : intervalWindowedSerde(key)
}
