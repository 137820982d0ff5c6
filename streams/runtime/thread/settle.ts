import type { StreamTask } from '../task/stream-task.ts'

/** Goes on with what the task has begun, without new records, until it is finished; false when it is not by `deadline` (of `performance.now`). */
export async function settle(
  task: Pick<StreamTask, 'settled' | 'runMail' | 'mailArrival'>,
  deadline: number,
): Promise<boolean> {
  for (;;) {
    await task.runMail()
    if (task.settled) return true
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) return false
    await task.mailArrival(leftMs)
  }
}
