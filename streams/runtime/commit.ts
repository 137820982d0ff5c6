import { type Awaitable, eachInOrder } from '../../common/awaitable.ts'
import { SerdeError } from '../../common/errors.ts'
import { StateNotWritableError } from '../errors.ts'
import type { StreamTask } from './task/stream-task.ts'

/** The steps of a commit, by number. */
export type CommitStep = 1 | 2 | 3 | 4 | 5

/** The parts of a commit that depend on where the records go. */
export interface CommitPort {
  /** Step 3: resolves when everything that these tasks sent is acknowledged, with those of them for which that is so. */
  acknowledged(tasks: readonly StreamTask[]): Awaitable<readonly StreamTask[]>
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
 *
 * A task whose records did not all arrive is left out after step 3, so that no offset is committed past what it lost.
 * Tasks in which the drain began asynchronous work are left out after step 1: their positions are ahead of their results.
 */
export function commit(tasks: readonly StreamTask[], port: CommitPort): Awaitable<void> {
  const drained = tasks.length === 1 ? (tasks[0] as StreamTask).flush() : eachInOrder(tasks, (task) => task.flush())
  return drained instanceof Promise ? drained.then(() => produce(tasks, port)) : produce(tasks, port)
}

/** Steps 2 and 3. What follows a step is a function of its own: a commit that never waits makes no closure. */
function produce(tasks: readonly StreamTask[], port: CommitPort): Awaitable<void> {
  port.afterStep?.(1)
  const settled = allSettled(tasks) ? tasks : tasks.filter((task) => task.settled)
  if (settled.length === 0) return
  for (const task of settled) sendChanges(task)
  port.afterStep?.(2)
  const arrived = port.acknowledged(settled)
  return arrived instanceof Promise ? arrived.then((those) => commitInputs(those, port)) : commitInputs(arrived, port)
}

/** Step 4. */
function commitInputs(tasks: readonly StreamTask[], port: CommitPort): Awaitable<void> {
  if (tasks.length === 0) return
  port.afterStep?.(3)
  const done = port.commitOffsets(tasks)
  return done instanceof Promise ? done.then(() => keep(tasks, port)) : keep(tasks, port)
}

/** Step 5. */
function keep(tasks: readonly StreamTask[], port: CommitPort): Awaitable<void> {
  port.afterStep?.(4)
  const written = writeState(tasks)
  return written instanceof Promise ? written.then(() => finish(tasks, port)) : finish(tasks, port)
}

function finish(tasks: readonly StreamTask[], port: CommitPort): void {
  for (const task of tasks) {
    task.stores.committed()
    task.afterCommit()
  }
  port.afterStep?.(5)
}

function allSettled(tasks: readonly StreamTask[]): boolean {
  for (const task of tasks) if (!task.settled) return false
  return true
}

/** @throws {StateNotWritableError} */
function sendChanges(task: StreamTask): void {
  try {
    task.stores.sendChanges(task.collector)
  } catch (error) {
    throw error instanceof SerdeError ? new StateNotWritableError(task.taskId, error) : error
  }
}

function writeState(tasks: readonly StreamTask[]): Awaitable<void> {
  let pending: Promise<void>[] | undefined
  for (const task of tasks) {
    const write = task.stores.writeDrained(task.stores.positionsOfSources(task))
    if (write === undefined) continue
    if (pending === undefined) pending = [write]
    else pending.push(write)
  }
  if (pending !== undefined) return Promise.all(pending).then(() => {})
}
