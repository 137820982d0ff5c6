import type { StateStore } from '../../../stores/state-store.ts'
import type { ProcessorContext } from '../processor.ts'
import { OperatorTime } from '../times/operator-time.ts'

/** Stands for infinity in the metadata of a commit. */
const NONE_WAITS = Number.MAX_SAFE_INTEGER

/**
 * Time that both sides of a stream-stream join share within a task (rule 44): a clock per side would take a record for expired
 * that the other side still reaches.
 * @see KStreamImplJoin.TimeTracker
 */
export class JoinTimeTracker extends OperatorTime {
  /** About the time of the earliest record that waits; unknown after a start, so it begins at the lowest; infinite: none waits. */
  earliestMs: number
  #nextEmitMs = Number.NEGATIVE_INFINITY

  constructor(context: ProcessorContext, store: string) {
    super(context, store)
    const key = `~${store}@waits`
    const kept = context.processorMetadata(key)
    this.earliestMs = kept === NONE_WAITS ? Number.POSITIVE_INFINITY : (kept ?? Number.NEGATIVE_INFINITY)
    context.keepProcessorMetadata(key, () => (this.mayHaveWaiting ? this.earliestMs : NONE_WAITS))
  }

  waits(timestampMs: number): void {
    if (timestampMs < this.earliestMs) this.earliestMs = timestampMs
  }

  get mayHaveWaiting(): boolean {
    return this.earliestMs !== Number.POSITIVE_INFINITY
  }

  /** Throttles by the wall clock; true at most once per interval. */
  mayEmit(nowMs: number, intervalMs: number): boolean {
    if (nowMs < this.#nextEmitMs) return false
    this.#nextEmitMs = nowMs + intervalMs
    return true
  }
}

/** One tracker per task: the sides of a join in one task know each other by the store that they share. */
export function sharedTrackers(): (sharedStore: StateStore, context: ProcessorContext) => JoinTimeTracker {
  const trackers = new WeakMap<object, JoinTimeTracker>()
  return (sharedStore, context) => {
    let tracker = trackers.get(sharedStore)
    if (tracker === undefined) {
      tracker = new JoinTimeTracker(context, sharedStore.name)
      trackers.set(sharedStore, tracker)
    }
    return tracker
  }
}
