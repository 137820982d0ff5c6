import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks until the answer is not `undefined`; an error of `ask` counts as no answer yet. @throws with `what` and the last error
 * when `timeoutMs` is over.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 15_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    let reason = ''
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}${reason}`)
    await sleep(50)
  }
}
