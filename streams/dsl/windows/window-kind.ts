import { SlidingWindowAggregate } from '../../processors/aggregates/sliding-window-aggregate.ts'
import type { Aggregate, AggregateOptions } from '../../processors/aggregates/stream-aggregate.ts'
import { WindowAggregate } from '../../processors/aggregates/window-aggregate.ts'
import type { WindowCloseSettings } from '../../processors/aggregates/window-close.ts'
import type { Windows } from '../../processors/aggregates/windows.ts'
import type { Processor } from '../../processors/processor.ts'
import type { CopyOf } from '../../processors/tables/table-forwarder.ts'
import type { Change, Windowed } from '../../record.ts'
import { SlidingWindows } from './sliding-windows.ts'
import { UnlimitedWindows } from './unlimited-windows.ts'
import { TimeWindows } from './windows.ts'

/** What a windowed aggregation has to know of its kind of windows. */
export interface WindowKind {
  /** Of the windowed keys' serde, and of the store. */
  readonly sizeMs: number
  readonly graceMs: number
  /** How long after its start a window can still be read or changed: the default retention, and the least one. */
  readonly leastRetentionMs: number
  /** How long the operator itself reads a window, where that is longer than the retention. */
  readonly readsMs: number
  /** All windows are `sizeMs` long. */
  readonly fixedSize: boolean
  /** All windows start at multiples of it. */
  readonly stepMs: number
  /** Why no window ever closes, if so. */
  readonly neverCloses: string | undefined
  /** A count without a store name takes a number that it does not use. */
  readonly burnsForCount: boolean
  /** `copy`: a value that shares nothing with the one given. */
  processor<K, V, A>(
    aggregate: Aggregate<K, V, A>,
    options: (sharesInput: boolean) => AggregateOptions<A>,
    copy: CopyOf<A>,
    onClose: WindowCloseSettings | undefined,
  ): Processor<K, V, Windowed<K>, Change<A>>
}

export function windowKindOf(windows: Windows | SlidingWindows): WindowKind {
  return windows instanceof SlidingWindows ? slidingKind(windows) : timeKind(windows)
}

function timeKind(windows: Windows): WindowKind {
  const { sizeMs, graceMs, fixedSize, overlapping } = windows
  return {
    sizeMs,
    graceMs,
    leastRetentionMs: Math.min(sizeMs + graceMs, Number.MAX_SAFE_INTEGER),
    readsMs: 0,
    fixedSize,
    stepMs: windows instanceof TimeWindows ? windows.advanceMs : 1,
    neverCloses: windows instanceof UnlimitedWindows ? 'unlimited windows have no end' : undefined,
    burnsForCount: true,
    processor: (aggregate, options, _copy, onClose) =>
      new WindowAggregate(windows, aggregate, options(overlapping), onClose),
  }
}

/**
 * A record that is just not late looks for windows that start up to twice the difference before it. Kafka Streams hides the oldest of
 * them when it does not find them in the record cache.
 */
function slidingKind(windows: SlidingWindows): WindowKind {
  const { timeDifferenceMs, graceMs } = windows
  return {
    sizeMs: timeDifferenceMs,
    graceMs,
    leastRetentionMs: 2 * timeDifferenceMs + graceMs,
    readsMs: 3 * timeDifferenceMs + graceMs + 2,
    fixedSize: true,
    stepMs: 1,
    neverCloses: undefined,
    burnsForCount: false,
    processor: (aggregate, options, copy, onClose) =>
      new SlidingWindowAggregate(windows, aggregate, options(true), copy, onClose),
  }
}
