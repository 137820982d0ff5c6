import { TaskTimeoutError } from '../../errors.ts'
import type { ThreadMetrics } from '../metrics/thread-metrics.ts'
import type { ManagedTask } from './managed-task.ts'

/** A task that waits for a schema lets the others go on, though not for ever. @throws {TaskTimeoutError} */
export function endLongBlockages(tasks: Iterable<ManagedTask>, taskTimeoutMs: number): void {
  for (const { state, taskId, task } of tasks) {
    const blockage = state === 'running' ? task.blockage : undefined
    if (blockage !== undefined && blockage.forMs >= taskTimeoutMs)
      throw new TaskTimeoutError(taskId, taskTimeoutMs, blockage.error)
  }
}

/** Resolves when the producers of the tasks take records again. */
export async function backpressure(tasks: Iterable<ManagedTask>, metrics: ThreadMetrics): Promise<void> {
  for (const { state, collector } of tasks) {
    const wait = state === 'running' ? collector.producer.backpressure() : undefined
    if (wait !== undefined) await metrics.waiting(wait)
  }
}
