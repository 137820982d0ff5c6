import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { SessionAggregate } from '../../processors/aggregates/session-aggregate.ts'
import { sessionView } from '../../processors/tables/table-view.ts'
import type { Windowed } from '../../record.ts'
import { type CogroupPlan, cogroupTable } from '../cogroup.ts'
import type { DroppedOptions } from '../dropped.ts'
import { KTable } from '../ktable.ts'
import type { WindowMaterialized } from '../options.ts'
import { sessionStoreBuilder } from './session-store-plan.ts'
import { sessionWindowedSerde } from './session-windowed-serde.ts'
import type { SessionWindows } from './session-windows.ts'

/**
 * Cogrouped streams cut into sessions, which records of any input start, make longer, or merge.
 * @see org.apache.kafka.streams.kstream.SessionWindowedCogroupedKStream
 */
export class SessionWindowedCogroupedKStream<K, A> {
  readonly #plan: CogroupPlan<K, A>
  readonly #windows: SessionWindows

  constructor(plan: CogroupPlan<K, A>, windows: SessionWindows) {
    this.#plan = plan
    this.#windows = windows
  }

  /**
   * The aggregate per key and session, of the records of all inputs. Creates the nodes of a cogroup and one session store with changelog.
   * @see KStreamSessionWindowAggregate
   */
  aggregate(
    initializer: () => A,
    merger: (aggregate: A, other: A, key: K) => A,
    options: WindowMaterialized<K, A> & DroppedOptions<K, unknown>,
  ): KTable<Windowed<K>, A> {
    const windows = this.#windows
    const merge = (before: A | undefined, session: A, key: K): A => merger(before as A, session, key)
    const table = cogroupTable<K, Windowed<K>, A>(
      this.#plan,
      {
        graceMs: windows.gapMs + windows.graceMs,
        builder: (store, serdes) => sessionStoreBuilder(store, windows, serdes, options) as StoreBuilder,
        keySerde: (key) => sessionWindowedSerde(key),
        processor: (aggregator, settings) => {
          const aggregate = (before: A | undefined, value: never, key: K): A => aggregator(before as A, value, key)
          return new SessionAggregate<K, never, A>(windows, { initial: initializer, aggregate, merge }, settings())
        },
        view: (store, copy) => sessionView<K, A>(store, copy),
      },
      options,
    )
    return new KTable(table)
  }
}
