import { type StateNotWritableError, TaskTimeoutError } from '../../errors.ts'

const FIRST_DELAY_MS = 100
const MOST_DELAY_MS = 5_000

interface Trouble {
  readonly sinceMs: number
  attempts: number
  /** When the task has last begun to run. */
  runsSinceMs: number | undefined
}

/** How long tasks have been in trouble that should pass, and when to try them again. */
export class TaskRetries {
  readonly #timeoutMs: number
  readonly #nowMs: () => number
  readonly #troubles = new Map<string, Trouble>()
  readonly #verifying = new Set<string>()

  /** `nowMs`: a clock that does not jump. */
  constructor(timeoutMs: number, nowMs: () => number = () => performance.now()) {
    this.#timeoutMs = timeoutMs
    this.#nowMs = nowMs
  }

  /** Milliseconds until the task should be tried again. @throws {TaskTimeoutError} when it has had its time. */
  delayAfter(taskId: string, error: Error): number {
    const delay = this.backOff(taskId)
    const { sinceMs } = this.#troubles.get(taskId) as Trouble
    if (this.#nowMs() - sinceMs >= this.#timeoutMs) throw new TaskTimeoutError(taskId, this.#timeoutMs, error)
    return delay
  }

  /** The same, for troubles without an end. */
  backOff(taskId: string): number {
    const nowMs = this.#nowMs()
    const known = this.#troubles.get(taskId)
    const isOld = known?.runsSinceMs !== undefined && nowMs - known.runsSinceMs >= this.#timeoutMs
    const trouble = known === undefined || isOld ? { sinceMs: nowMs, attempts: 0, runsSinceMs: undefined } : known
    trouble.runsSinceMs = undefined
    this.#troubles.set(taskId, trouble)
    return Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** trouble.attempts++)
  }

  /** The task runs; when it does so for `timeoutMs`, the next trouble is a new one. */
  runs(taskId: string): void {
    const trouble = this.#troubles.get(taskId)
    if (trouble !== undefined) trouble.runsSinceMs = this.#nowMs()
  }

  /** The task has committed something: its trouble is over. */
  over(taskId: string): void {
    this.#troubles.delete(taskId)
  }

  /** The task is to be done over with stores that name the record. @throws the error when it has been: there is nothing more to try. */
  verify(error: StateNotWritableError): void {
    if (this.#verifying.has(error.taskId)) throw error
    this.#verifying.add(error.taskId)
  }

  /** Whether the stores of the task find out at the put what they cannot write. */
  verifies(taskId: string): boolean {
    return this.#verifying.has(taskId)
  }

  /** The other tasks are somebody else's. */
  keepOnly(taskIds: ReadonlySet<string>): void {
    for (const taskId of this.#verifying) if (!taskIds.has(taskId)) this.#verifying.delete(taskId)
    for (const taskId of this.#troubles.keys()) if (!taskIds.has(taskId)) this.#troubles.delete(taskId)
  }
}
