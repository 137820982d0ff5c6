import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import type { StreamTask } from './stream-task.ts'

/** The steps of a commit, by number. */
export type CommitStep = 1 | 2 | 3 | 4 | 5

/** The parts of a commit that depend on where the records go. */
export interface CommitPort {
  /** Step 3: resolves when everything that these tasks sent is acknowledged. */
  acknowledged(tasks: readonly StreamTask[]): Awaitable<void>
  /** Step 4: makes the input positions (and under exactly-once the transaction with everything sent) final. */
  commitOffsets(tasks: readonly StreamTask[]): Awaitable<void>
  /** Called after each step; crash tests end the process here. */
  afterStep?(step: CommitStep): void
}

/**
 * The one place where anything is committed. No record of these tasks may be processed until it is over. In this order:
 *
 * 1. drain: operators that hold results back forward them, into stores and sinks further down;
 * 2. produce: the changed store entries are encoded, once, and handed to the changelogs (outputs were sent as they came);
 * 3. wait until all of it is acknowledged;
 * 4. commit the input offsets, under exactly-once in the transaction of step 2;
 * 5. write the changed entries and the changelog offsets to local state, one batch a task.
 *
 * Local state therefore never runs ahead of what is committed: after a crash anywhere, the changelog from the stored
 * offset on is all that has to be restored. A failure in 1 to 4 leaves the tasks to be closed and restored by the caller.
 */
export function commit(tasks: readonly StreamTask[], port: CommitPort): Awaitable<void> {
  const after = (step: CommitStep): void => port.afterStep?.(step)
  const drained = eachInOrder(tasks, (task) => task.flush())
  return chain(drained, () => {
    after(1)
    for (const task of tasks) task.stores.sendChanges(task.collector)
    after(2)
    return chain(port.acknowledged(tasks), () => {
      after(3)
      return chain(port.commitOffsets(tasks), () => {
        after(4)
        return chain(writeState(tasks), () => {
          for (const task of tasks) {
            task.stores.committed()
            task.afterCommit()
          }
          after(5)
        })
      })
    })
  })
}

function writeState(tasks: readonly StreamTask[]): Awaitable<void> {
  const writes: Promise<void>[] = []
  for (const task of tasks) {
    const write = task.stores.writeDrained()
    if (write !== undefined) writes.push(write)
  }
  if (writes.length > 0) return Promise.all(writes).then(() => {})
}
