import { HttpProblem } from '../problem.ts'

/** @throws {HttpProblem} `TIMEOUT` when the time for the answer is up. */
export function checkDeadline(signal: AbortSignal): void {
  if (signal.aborted) throw timeout()
}

/** The promise, unless the signal is aborted first. What is abandoned so may end as it likes. */
export async function withDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  checkDeadline(signal)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(timeout())
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function timeout(): HttpProblem {
  return new HttpProblem('TIMEOUT', 'the time for the answer is up', { retryAfterS: 1 })
}
