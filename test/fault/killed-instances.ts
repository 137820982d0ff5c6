import { expect } from 'vitest'
import type { ProcessingGuarantee } from '../../streams/index.ts'
import { reportTimes } from './report.ts'
import { TallyApplication } from './tally-application.ts'

const STEPS = [1, 2, 3, 4, 5] as const
/** The broker takes an instance for dead after so long. */
const SESSION_TIMEOUT_MS = 2_000

export interface KilledInstances {
  readonly brokers: string
  readonly guarantee: ProcessingGuarantee
  /** How long it goes on; each step has its turn at least once. */
  readonly forMs: number
  readonly load: number
  readonly numStandbyReplicas?: number
}

/** One of three instances is killed at each step of a commit, another one each time; the two others take over, and it comes back with its state. */
export async function killOneAtEveryStep(options: KilledInstances): Promise<void> {
  const { brokers, guarantee, forMs, load, numStandbyReplicas = 0 } = options
  const application = await TallyApplication.start(brokers, {
    name: `killed-${guarantee.replaceAll('_', '-')}`,
    guarantee,
    instances: 3,
    load,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    numStandbyReplicas,
  })
  try {
    const tookMs: number[] = []
    const endMs = performance.now() + forMs
    for (let n = 0; n < STEPS.length || performance.now() < endMs; n++) {
      const step = STEPS[n % STEPS.length] as number
      const victim = application.instance(n)
      const others = application.instances.filter((instance) => instance !== victim)
      victim.arm({ step, commit: 1 + (n % 3), signal: 'SIGKILL' })
      await application.until(`step ${step}`, () => victim.ended !== undefined)
      expect(victim.ended, application.describe()).toEqual({ signal: 'SIGKILL' })
      tookMs.push(await application.untilItGoesOn(`going on after a kill at step ${step}`))
      await application.untilShared('the other two with all tasks', others)
      const back = application.launch(victim.id)
      await application.untilShared('sharing with the one that is back', [...others, back])
    }
    const verdict = await application.finish()
    reportTimes(`kill -9 of one of three at every step of a commit (${guarantee})`, 'all keys again', tookMs, verdict)
    expect(verdict.problems).toEqual([])
    for (const instance of application.instances) expect(instance.ended, instance.describe()).toBeUndefined()
  } finally {
    await application.close()
  }
}
