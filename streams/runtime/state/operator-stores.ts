import type { StateStore } from '../../../stores/state-store.ts'
import type { StreamTaskOptions } from '../task/stream-task-options.ts'
import type { TaskTracing } from '../tracing/task-tracing.ts'
import { traced } from '../tracing/traced-store.ts'
import { verified } from './verified-stores.ts'

/**
 * The stores of a task as its operators see them: one object for each, whoever asks, since operators that share a store find each other by it.
 */
export class OperatorStores {
  readonly #options: StreamTaskOptions
  readonly #tracing: TaskTracing | undefined
  readonly #seen = new Map<string, StateStore>()

  constructor(options: StreamTaskOptions, tracing: TaskTracing | undefined) {
    this.#options = options
    this.#tracing = tracing
  }

  get(name: string): StateStore | undefined {
    let store = this.#seen.get(name)
    if (store !== undefined) return store
    store = this.#options.stores.get(name)
    if (store === undefined) return undefined
    const { application, verifiesPuts = false } = this.#options
    const builder = application.storeBuilder(name)
    const changelogTopic = application.changelogTopic(name)
    if (verifiesPuts) store = verified(store, { ...builder, changelogTopic })
    if (this.#tracing !== undefined) store = traced(store, builder, changelogTopic, this.#tracing)
    this.#seen.set(name, store)
    return store
  }
}
