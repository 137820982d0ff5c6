import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { Windows } from '../../processors/aggregates/windows.ts'
import { windowView } from '../../processors/tables/table-view.ts'
import type { Windowed } from '../../record.ts'
import { type CogroupPlan, cogroupTable, started } from '../cogroup.ts'
import type { DroppedOptions } from '../dropped.ts'
import { KTable } from '../ktable.ts'
import type { WindowMaterialized } from '../options.ts'
import type { SlidingWindows } from './sliding-windows.ts'
import { windowKindOf } from './window-kind.ts'
import { windowedKeySerde, windowStoreBuilder } from './window-store-plan.ts'

/**
 * Cogrouped streams cut into windows. Null keys are dropped, records are dropped and counted once for each window that is closed; each
 * input has a time of its own for that.
 * @see org.apache.kafka.streams.kstream.TimeWindowedCogroupedKStream
 */
export class TimeWindowedCogroupedKStream<K, A> {
  readonly #plan: CogroupPlan<K, A>
  readonly #windows: Windows | SlidingWindows

  constructor(plan: CogroupPlan<K, A>, windows: Windows | SlidingWindows) {
    this.#plan = plan
    this.#windows = windows
  }

  /**
   * The aggregate per key and window, of the records of all inputs. Creates the nodes of a cogroup and one window store with changelog.
   * @see KStreamWindowAggregate, KStreamSlidingWindowAggregate
   */
  aggregate(
    initializer: () => A,
    options: WindowMaterialized<K, A> & DroppedOptions<K, unknown>,
  ): KTable<Windowed<K>, A> {
    const windowKind = windowKindOf(this.#windows)
    const table = cogroupTable<K, Windowed<K>, A>(
      this.#plan,
      {
        graceMs: windowKind.graceMs,
        builder: (store, serdes) => windowStoreBuilder(store, windowKind, serdes, options) as StoreBuilder,
        keySerde: (key) => windowedKeySerde(windowKind, key),
        processor: (aggregator, settings, copy) =>
          windowKind.processor<K, never, A>(started(initializer, aggregator), settings, copy, undefined),
        view: (store, copy) => windowView<K, A>(store, copy),
      },
      options,
    )
    return new KTable(table)
  }
}
