import { SerdeNotReadyError } from '../common/errors.ts'
import { backoffMs } from './backoff.ts'

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects and leaves no timer behind. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/**
 * What `read` returns, waiting for schemas that have to be fetched first, and again where fetching failed, until `signal`
 * aborts. @throws what `read` throws otherwise; {SerdeNotReadyError} when aborted while waiting.
 */
export async function whenReady<T>(read: () => T, signal: AbortSignal): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError) || signal.aborted) throw error
      await Promise.race([error.ready.catch(() => pause(backoffMs(attempt), signal)), aborted(signal)])
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
