import { setTimeout as sleep } from 'node:timers/promises'
import { BrookError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 15_000

/**
 * Does something that needs a server which may not be there yet: says so in one line and tries again, with longer and longer
 * waits, for as long as the error is one that may pass. `onWait` is told why each time. @throws what is not going to pass; the signal's reason when it is aborted.
 */
export async function untilAvailable<T>(
  what: string,
  attempt: () => Promise<T>,
  log: Logger,
  signal: AbortSignal,
  onWait: (reason: string) => void = () => {},
): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof BrookError) || error.recovery !== 'retry') throw error
      onWait(error.message)
      log.warn({ code: error.code }, `${what}: ${error.message}. Trying again in ${waitMs / 1000} s`)
    }
    await sleep(waitMs, undefined, { signal })
  }
}
