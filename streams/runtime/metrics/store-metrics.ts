import type { StoreType } from '../../../stores/state-store.ts'
import { Stat } from './sensors.ts'
import type { MetricScope } from './streams-metrics.ts'

/** Kafka Streams' names of the calls of a store. */
export type StoreCall =
  | 'put'
  | 'put-if-absent'
  | 'get'
  | 'fetch'
  | 'all'
  | 'range'
  | 'prefix-scan'
  | 'delete'
  | 'remove'
  | 'flush'
  | 'restore'

const CALLS: { readonly [T in StoreType]: readonly StoreCall[] } = {
  'key-value': ['put', 'put-if-absent', 'get', 'all', 'range', 'prefix-scan', 'delete', 'flush', 'restore'],
  window: ['put', 'fetch', 'all', 'flush', 'restore'],
  session: ['put', 'fetch', 'remove', 'flush', 'restore'],
  versioned: ['put', 'get', 'range', 'all', 'delete', 'flush', 'restore'],
  'record-buffer': ['put', 'flush', 'restore'],
  'change-buffer': ['put', 'flush', 'restore'],
}

/** The record that a put belongs to. */
export interface PutTime {
  readonly isTrace: boolean
  readonly nowMs: number
  readonly recordMs: number
}

/** The metrics of one store of a task; there are none below level DEBUG. @see org.apache.kafka.streams.state.internals.metrics.StateStoreMetrics */
export class StoreMetrics {
  readonly #calls = new Map<StoreCall, Stat>()
  readonly #iterators = new Stat()
  readonly #open = new Set<{ readonly sinceMs: number }>()
  readonly #bufferCount: Stat | undefined
  readonly #bufferSize = new Stat()
  readonly #hits: Stat | undefined
  readonly #endToEnd = new Stat()
  readonly #time: PutTime
  #reads = 0
  #hitReads = 0

  /** `cache`: of stores that may have to read from a disk. */
  constructor(type: StoreType, scope: MetricScope, cache: MetricScope | undefined, time: PutTime) {
    this.#time = time
    for (const name of CALLS[type]) {
      const stat = new Stat()
      this.#calls.set(name, stat)
      scope.rate(name, () => stat.total)
      scope.stat(`${name}-latency`, stat)
    }
    scope.value('num-open-iterators', () => this.#open.size)
    scope.value('oldest-iterator-open-since-ms', () => this.#oldestMs())
    scope.stat('iterator-duration', this.#iterators)
    scope.stat('record-e2e-latency', this.#endToEnd, true)
    if (type === 'change-buffer') {
      this.#bufferCount = new Stat()
      scope.stat('suppression-buffer-count', this.#bufferCount)
      scope.stat('suppression-buffer-size', this.#bufferSize)
    }
    if (cache === undefined) return
    this.#hits = new Stat()
    cache.stat('hit-ratio', this.#hits, true)
  }

  called(name: StoreCall, ns: number): void {
    this.#calls.get(name)?.record(ns)
    if (name === 'put' && this.#time.isTrace) this.#endToEnd.record(this.#time.nowMs - this.#time.recordMs)
  }

  /** Something was read; `atOnce`: from memory. */
  read(atOnce: boolean): void {
    if (this.#hits === undefined) return
    this.#reads++
    if (atOnce) this.#hitReads++
    this.#hits.record(this.#hitReads / this.#reads)
  }

  /** A scan was begun; the answer is called when it ends. */
  iterated(name: StoreCall): () => void {
    const open = { sinceMs: Date.now() }
    const startedMs = performance.now()
    this.#open.add(open)
    return () => {
      if (!this.#open.delete(open)) return
      const ns = (performance.now() - startedMs) * 1e6
      this.#iterators.record(ns)
      this.called(name, ns)
    }
  }

  buffered(records: number, sizeBytes: number): void {
    this.#bufferCount?.record(records)
    this.#bufferSize.record(sizeBytes)
  }

  #oldestMs(): number | undefined {
    let oldest: number | undefined
    for (const { sinceMs } of this.#open) if (oldest === undefined || sinceMs < oldest) oldest = sinceMs
    return oldest
  }
}
