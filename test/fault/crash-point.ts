import { writeSync } from 'node:fs'
import type { CommitStep } from '../../streams/runtime/commit.ts'

/** After which step of which commit (counted from when it is armed) this process sends itself which signal. */
export interface CrashPlan {
  readonly step: number
  readonly commit: number
  readonly signal: 'SIGKILL' | 'SIGSTOP'
}

/** A place in the commit at which a process ends, or stops, itself. `reached` is to be called after each step of each commit. */
export class CrashPoint {
  #plan: CrashPlan | undefined
  #reached = 0

  arm(plan: CrashPlan): void {
    this.#plan = plan
    this.#reached = 0
  }

  readonly reached = (step: CommitStep): void => {
    const plan = this.#plan
    if (plan === undefined || step !== plan.step || ++this.#reached < plan.commit) return
    this.#plan = undefined
    // At once and without the event loop, which is about to stand still.
    if (plan.signal === 'SIGSTOP') writeSync(1, `${JSON.stringify({ stopping: plan })}\n`)
    process.kill(process.pid, plan.signal)
  }
}
