import { durationMs } from '../../../common/duration.ts'
import type { Serde } from '../../../common/serde.ts'
import type { SessionStoreBuilder } from '../../../stores/store-builder.ts'
import { Stores } from '../../../stores/stores.ts'
import { TopologyError } from '../../errors.ts'
import type { InactivityGap } from '../../processors/aggregates/session-aggregate.ts'
import type { WindowMaterialized } from '../options.ts'
import { storeOptions } from '../plan/materialize.ts'

/**
 * The store of a session aggregation. It keeps a session for a millisecond longer than it is told: one that ended exactly gap and grace
 * ago still takes records, and the store would hide it already.
 * @throws {TopologyError} when the retention is less than gap and grace. @see SessionStoreMaterializer
 */
export function sessionStoreBuilder<K, A>(
  store: string,
  windows: InactivityGap,
  serdes: { readonly key: Serde<K>; readonly value: Serde<A> },
  options: Omit<WindowMaterialized<K, A>, 'key' | 'value'>,
  timeOrdered = false,
): SessionStoreBuilder<K, A> {
  const leastMs = windows.gapMs + windows.graceMs
  const retentionMs = options.retention === undefined ? leastMs : durationMs(options.retention, `retention of ${store}`)
  if (retentionMs < leastMs)
    throw new TopologyError(
      `store ${store} keeps sessions for ${retentionMs} ms, but they can change for ${leastMs} ms (gap and grace)`,
    )
  const plan = Stores.sessionStore<K, A>(store, {
    ...serdes,
    retention: retentionMs + 1,
    timeOrdered,
    ...storeOptions(options),
  })
  return { ...plan, retentionMs }
}
