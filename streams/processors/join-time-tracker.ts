/**
 * Time that both sides of a stream-stream join share within a task (rule 44): a clock per side would take a record for expired
 * that the other side still reaches.
 * @see KStreamImplJoin.TimeTracker
 */
export class JoinTimeTracker {
  streamTimeMs = -1
  /** About the time of the earliest record that waits; unknown after a start, so it begins at the lowest; infinite: none waits. */
  earliestMs = Number.NEGATIVE_INFINITY
  #nextEmitMs = Number.NEGATIVE_INFINITY

  advance(timestampMs: number): void {
    if (timestampMs > this.streamTimeMs) this.streamTimeMs = timestampMs
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
export function sharedTrackers(): (sharedStore: object) => JoinTimeTracker {
  const trackers = new WeakMap<object, JoinTimeTracker>()
  return (sharedStore) => {
    let tracker = trackers.get(sharedStore)
    if (tracker === undefined) {
      tracker = new JoinTimeTracker()
      trackers.set(sharedStore, tracker)
    }
    return tracker
  }
}
