import { setTimeout as sleep } from 'node:timers/promises'
import { asError, BrookError } from '../../../common/errors.ts'
import type { GroupConsumer, OffsetCommit } from '../../../kafka/port.ts'
import { TaskTimeoutError } from '../../errors.ts'
import type { StreamsConfig } from '../client/streams-config.ts'
import { type CommitPort, type CommitStep, commit } from '../commit.ts'
import type { ThreadMetrics } from '../metrics/thread-metrics.ts'
import type { StreamTask } from '../task/stream-task.ts'
import type { ManagedTask } from './managed-task.ts'

const OFFSETS_RETRY_MS = 250

export interface FailedCommit {
  readonly managed: ManagedTask
  readonly error: Error
}

export interface TaskCommitsOptions {
  readonly config: StreamsConfig
  readonly consumer: GroupConsumer
  readonly metrics: ThreadMetrics
  readonly isStopping: () => boolean
}

/**
 * Commits the tasks of a thread so that what goes wrong with one leaves the others alone: under exactly-once each has its own transaction;
 * under at-least-once those whose records did not all arrive are left out of the common commit.
 */
export class TaskCommits {
  readonly #options: TaskCommitsOptions

  constructor(options: TaskCommitsOptions) {
    this.#options = options
  }

  /** Never rejects; gives the tasks that are not committed. */
  commit(tasks: readonly ManagedTask[]): Promise<readonly FailedCommit[]> {
    return this.#options.config.exactlyOnce ? this.#commitEach(tasks) : this.#commitTogether(tasks)
  }

  async #commitEach(tasks: readonly ManagedTask[]): Promise<readonly FailedCommit[]> {
    const failed: FailedCommit[] = []
    const port = (managed: ManagedTask): CommitPort => ({
      acknowledged: async (settled) => {
        await managed.collector.flush()
        return settled
      },
      commitOffsets: () => this.#endTransaction(managed),
      ...this.#afterStep(),
    })
    const commitOne = async (managed: ManagedTask): Promise<void> => {
      try {
        await commit([managed.task], port(managed))
      } catch (error) {
        failed.push({ managed, error: asError(error) })
      }
    }
    // Transactions end beside each other: nearly all of it is waiting for brokers.
    await this.#options.metrics.waiting(Promise.all(tasks.map(commitOne)))
    return failed
  }

  async #endTransaction({ task, collector }: ManagedTask): Promise<void> {
    collector.begin()
    await collector.producer.sendOffsets(task.positions(), this.#options.consumer.groupMetadata())
    await collector.producer.commitTransaction()
    collector.ended()
  }

  async #commitTogether(tasks: readonly ManagedTask[]): Promise<readonly FailedCommit[]> {
    const failed: FailedCommit[] = []
    let drained = false
    const port: CommitPort = {
      acknowledged: async (settled) => {
        const arrived: StreamTask[] = []
        const flush = async (managed: ManagedTask): Promise<void> => {
          try {
            await managed.collector.flush()
            arrived.push(managed.task)
          } catch (error) {
            failed.push({ managed, error: asError(error) })
          }
        }
        await this.#options.metrics.waiting(Promise.all(tasks.filter(({ task }) => settled.includes(task)).map(flush)))
        return arrived
      },
      commitOffsets: (settled) => this.#options.metrics.waiting(this.#commitOffsets(settled)),
      ...this.#afterStep(() => {
        drained = true
      }),
    }
    try {
      await commit(
        tasks.map(({ task }) => task),
        port,
      )
    } catch (thrown) {
      const error = asError(thrown)
      // Until something was drained for good, only the task that threw is the worse for it.
      const culprit = drained ? undefined : tasks.find(({ taskId }) => 'taskId' in error && error.taskId === taskId)
      const affected = culprit ? [culprit] : tasks.filter((managed) => !failed.some((one) => one.managed === managed))
      failed.push(...affected.map((managed) => ({ managed, error })))
    }
    return failed
  }

  /** Nothing speaks against trying again: the offsets are the same, and no record was taken since. */
  async #commitOffsets(tasks: readonly StreamTask[]): Promise<void> {
    const { config, consumer, isStopping } = this.#options
    const offsets: OffsetCommit[] = tasks.flatMap((task) => task.positions())
    const startedMs = performance.now()
    for (;;) {
      try {
        return await consumer.commit(offsets)
      } catch (error) {
        if (!(error instanceof BrookError) || error.recovery !== 'retry' || isStopping()) throw error
        const [first] = tasks
        if (first !== undefined && performance.now() - startedMs >= config.taskTimeoutMs)
          throw new TaskTimeoutError(first.taskId, config.taskTimeoutMs, error)
        config.log.warn({ err: error }, 'offsets cannot be committed now: trying again')
      }
      await sleep(OFFSETS_RETRY_MS)
    }
  }

  #afterStep(onDrained?: () => void): Pick<CommitPort, 'afterStep'> {
    const { afterCommitStep } = this.#options.config
    return {
      afterStep: (step: CommitStep) => {
        if (step === 1) onDrained?.()
        afterCommitStep?.(step)
      },
    }
  }
}
