import { type Duration, durationMs } from '../../../common/duration.ts'

/** Without a time-out: for ever. */
export function timeoutMs(timeout: Duration | undefined): number {
  return timeout === undefined ? Number.POSITIVE_INFINITY : durationMs(timeout, 'timeout')
}

/** Whether it resolves within the time; rejects when it does. */
export async function inTime(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  if (!Number.isFinite(withinMs)) return work.then(() => true)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
