import type { Awaitable } from '../../../common/awaitable.ts'
import type { RecordMetadata } from '../../record.ts'
import type { Cancellable } from '../processor.ts'

/**
 * How a processor works on records while its task goes on with others. What comes back does so in a turn of the task: between two
 * records, with the metadata of the record that it belongs to, and never while another record is under way.
 */
export interface TaskWork {
  /** One more record is unfinished. The task commits only when as many were released as held, so a commit covers records with their results. */
  hold(): void
  release(): void
  /** While some processor is full, the task takes no records; other tasks go on. */
  full(isFull: boolean): void
  /** Runs `job` in the next turn, after what was asked for before it. */
  post(origin: RecordMetadata | undefined, job: () => Awaitable<void>): void
  /** Runs `then` in a turn when the promise has settled; never, when it is cancelled or the task is closed before. */
  settled<T>(
    promise: Promise<T>,
    origin: RecordMetadata | undefined,
    then: (outcome: PromiseSettledResult<T>) => Awaitable<void>,
  ): Cancellable
  /** Runs `job` in a turn when the wall clock has moved on by `delayMs`. */
  after(delayMs: number, origin: RecordMetadata | undefined, job: () => Awaitable<void>): Cancellable
}
