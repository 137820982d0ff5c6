import type { Logger } from '../../../common/log.ts'
import type { Admin, OffsetCommit } from '../../../kafka/port.ts'
import type { Application } from '../client/application.ts'
import type { ManagedTask } from './managed-task.ts'

export interface RepartitionPurgeOptions {
  readonly application: Application
  readonly admin: Admin
  readonly intervalMs: number
  readonly log: Logger
}

/** Records of repartition topics that are consumed and committed are of no use to anyone: they are deleted now and then. */
export class RepartitionPurge {
  readonly #options: RepartitionPurgeOptions
  readonly #topics: ReadonlySet<string>
  #lastMs = 0

  constructor(options: RepartitionPurgeOptions) {
    const { application } = options
    this.#options = options
    this.#topics = new Set([...application.topology.repartitionTopics.keys()].map((t) => application.topicName(t)))
  }

  isDue(nowMs: number): boolean {
    return this.#topics.size > 0 && nowMs - this.#lastMs >= this.#options.intervalMs
  }

  /** All that these tasks have taken is committed. */
  purge(tasks: readonly ManagedTask[], nowMs: number): void {
    this.#lastMs = nowMs
    const consumed: OffsetCommit[] = tasks
      .filter((t) => t.state === 'running')
      .flatMap((t) => t.task.positions().filter((p) => this.#topics.has(p.topic) && p.offset > 0))
    if (consumed.length === 0) return
    const { admin, log } = this.#options
    admin
      .deleteRecords(consumed)
      .catch((error) => log.debug({ err: error }, 'purging repartition topics failed; tried again later'))
  }
}
