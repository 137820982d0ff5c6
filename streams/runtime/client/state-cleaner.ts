import type { Logger } from '../../../common/log.ts'
import type { StateDirectory } from './state-directory.ts'

const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface StateCleanerOptions {
  readonly directory: StateDirectory
  /** How long the state of a task that is not here is kept. */
  readonly delayMs: number
  readonly log: Logger
  /** Nothing is deleted while tasks move. */
  readonly isRunning: () => boolean
  /** Tasks and copies that are here, or are about to be. */
  readonly inUse: () => ReadonlySet<string>
}

/** Deletes, from time to time, the state of tasks that have gone elsewhere; the answer stops that. */
export function cleanRegularly({ directory, delayMs, log, isRunning, inUse }: StateCleanerOptions): () => void {
  const clean = async (): Promise<void> => {
    if (!isRunning()) return
    const tasks = await directory.clean(delayMs, inUse)
    if (tasks.length > 0) log.info({ tasks }, 'deleted the state of tasks that are not here any more')
  }
  const timer = setInterval(
    () => void clean().catch((error) => log.warn({ err: error }, 'cleaning the state directory failed')),
    Math.min(Math.max(delayMs, 100), LONGEST_TIMER_MS),
  )
  timer.unref()
  return () => clearInterval(timer)
}
