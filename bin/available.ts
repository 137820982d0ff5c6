import { setTimeout as sleep } from 'node:timers/promises'
import { BrookError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'

const FIRST_WAIT_MS = 1_000
/** So that a program works within 5 s of the return of what it waits for. */
const LONGEST_WAIT_MS = 4_000
/** Once the wait is the longest, every so many attempts are told. */
const TOLD_EVERY = 15

/**
 * Does something that needs a server which may not be there yet: says so in one line and tries again, with longer and longer
 * waits up to 4 s, for as long as the error is one that may pass; the line is repeated once a minute then. `onWait` is told why each time. @throws what is not going to pass; the signal's reason when it is aborted.
 */
export async function untilAvailable<T>(
  what: string,
  attempt: () => Promise<T>,
  log: Logger,
  signal: AbortSignal,
  onWait: (reason: string) => void = () => {},
): Promise<T> {
  let longest = 0
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof BrookError) || error.recovery !== 'retry') throw error
      onWait(error.message)
      if (waitMs < LONGEST_WAIT_MS || longest++ % TOLD_EVERY === 0)
        log.warn({ code: error.code }, `${what}: ${error.message}. Trying again in ${waitMs / 1000} s`)
    }
    await sleep(waitMs, undefined, { signal })
  }
}
