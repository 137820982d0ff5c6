import type { Verdict } from './tally-model.ts'

/** Prints how long the application took to be itself again. */
export function reportTimes(fault: string, recovered: string, tookMs: readonly number[], verdict: Verdict): void {
  const times = tookMs.map((ms) => Math.round(ms)).join(', ')
  console.log(
    `[fault] ${fault}: ${recovered} after ${times} ms; ${verdict.inputs} readings, ${verdict.repeated} results more than once`,
  )
}
