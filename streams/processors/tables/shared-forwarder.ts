import type { AggregateOptions } from '../aggregates/stream-aggregate.ts'
import type { ProcessorContext } from '../processor.ts'
import { TableForwarder, type WindowEnd } from './table-forwarder.ts'

/**
 * Aggregations that write one store send its updates on as one: with the record cache, the last update of a key counts, whichever of them
 * made it. The last one to start in a task makes the forwarder for all, so that it is flushed after everything above any of them.
 */
export class SharedForwarder<V> {
  readonly #users: number
  readonly #waiting = new WeakMap<object, ((forwarder: TableForwarder<V>) => void)[]>()

  /** How many there are in a task. */
  constructor(users: number) {
    this.#users = users
  }

  /** `store`: the one that they share, which tells tasks apart. */
  join(store: object, make: () => TableForwarder<V>, use: (forwarder: TableForwarder<V>) => void): void {
    const waiting = this.#waiting.get(store) ?? []
    waiting.push(use)
    this.#waiting.set(store, waiting)
    if (waiting.length < this.#users) return
    this.#waiting.delete(store)
    const forwarder = make()
    for (const each of waiting) each(forwarder)
  }
}

/** Gives the aggregation that writes these rows its forwarder: one of its own, or the one that it shares. */
export function withForwarder<V>(
  context: ProcessorContext,
  { store, settings, keyIdOf, shared }: AggregateOptions<V>,
  rows: object,
  use: (forwarder: TableForwarder<V>) => void,
  windowEnd?: WindowEnd,
): void {
  const make = (): TableForwarder<V> => new TableForwarder(context, store, settings, keyIdOf, windowEnd)
  if (shared === undefined) use(make())
  else shared.join(rows, make, use)
}
