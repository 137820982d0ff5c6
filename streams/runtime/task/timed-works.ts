import type { Awaitable } from '../../../common/awaitable.ts'
import { TopologyError } from '../../errors.ts'
import type { PunctuationType } from '../../processors/processor.ts'
import type { TimedWork } from '../../processors/times/timed-work.ts'

/** What the nodes of a task do at times of their own. */
export class TimedWorks {
  readonly #works: { readonly [T in PunctuationType]: TimedWork[] } = { 'stream-time': [], 'wall-clock-time': [] }
  readonly #ownerOfStore = new Map<string, string>()

  /** `store`: whose rows the work takes. @throws {TopologyError} when another node takes them already. */
  add(nodeName: string, work: TimedWork, store?: string): void {
    if (store !== undefined) {
      const owner = this.#ownerOfStore.get(store)
      if (owner !== undefined)
        throw new TopologyError(
          `${owner} takes the rows of store ${store} that are due; ${nodeName} cannot take them too`,
        )
      this.#ownerOfStore.set(store, nodeName)
    }
    this.#works[work.type].push(work)
  }

  isTaken(store: string): boolean {
    return this.#ownerOfStore.has(store)
  }

  nextDueMs(type: PunctuationType): number {
    const works = this.#works[type]
    let next = Number.POSITIVE_INFINITY
    for (let i = 0; i < works.length; i++) {
      const { nextDueMs } = works[i] as TimedWork
      if (nextDueMs < next) next = nextDueMs
    }
    return next
  }

  /** Does what is due, in the order in which the nodes came; true when something was. */
  run(type: PunctuationType, nowMs: number): Awaitable<boolean> {
    return this.#run(this.#works[type], 0, nowMs, false)
  }

  #run(works: readonly TimedWork[], from: number, nowMs: number, called: boolean): Awaitable<boolean> {
    let any = called
    for (let i = from; i < works.length; i++) {
      const work = works[i] as TimedWork
      if (work.nextDueMs > nowMs) continue
      any = true
      const pending = work.run(nowMs)
      if (pending instanceof Promise) return pending.then(() => this.#run(works, i + 1, nowMs, true))
    }
    return any
  }
}
