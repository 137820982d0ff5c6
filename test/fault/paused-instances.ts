import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { readAll } from './committed.ts'
import { reportTimes } from './report.ts'
import { TallyApplication } from './tally-application.ts'
import { zombieWrites } from './tally-model.ts'

const SESSION_TIMEOUT_MS = 2_000
/** Where an instance stops: after a step of a commit, or anywhere. */
const STOPS = ['anywhere', 4, 2, 3, 1, 5] as const
const NOTICED = /belong to another instance|the group (went|has gone) on/

export interface PausedInstances {
  readonly brokers: string
  readonly load: number
  /** How often an instance stops at least. */
  readonly stops: number
  /** How long it goes on. Stops beyond `stops` end at any time, before or after the others have taken over. */
  readonly forMs: number
  readonly numStandbyReplicas?: number
}

/**
 * One of three instances stands still (SIGSTOP) until the others have taken over, and goes on (SIGCONT) as if nothing had happened. It must write
 * nothing of what it had begun, notice, and get its share of the tasks again. Exactly once: without transactions nothing keeps a
 * zombie from writing.
 */
export async function pauseBeyondTheSession(options: PausedInstances): Promise<void> {
  const { brokers, stops, forMs, load, numStandbyReplicas = 0 } = options
  const application = await TallyApplication.start(brokers, {
    name: 'paused',
    guarantee: 'exactly_once',
    instances: 3,
    load,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    numStandbyReplicas,
  })
  try {
    const takenOverMs: number[] = []
    const noticedMs: number[] = []
    const endMs = performance.now() + forMs
    for (let n = 0; n < stops || performance.now() < endMs; n++) {
      const at = STOPS[n % STOPS.length] as (typeof STOPS)[number]
      const zombie = application.instance(n)
      if (at === 'anywhere') zombie.pause()
      else {
        zombie.arm({ step: at, commit: 1 + (n % 3), signal: 'SIGSTOP' })
        await application.until(`step ${at}`, () => zombie.isStopping)
      }
      if (n < stops) {
        takenOverMs.push(await application.untilItGoesOn(`going on without the one that stopped at ${at}`))
        const others = application.instances.filter((instance) => instance !== zombie)
        await application.untilShared('the other two with all tasks', others)
        zombie.forgetWarnings()
        zombie.resume()
        const notices = (): boolean => zombie.warnings.some((warning) => NOTICED.test(warning))
        noticedMs.push(await application.until('the zombie noticing', notices))
      } else {
        await sleep(2 * SESSION_TIMEOUT_MS * Math.random())
        zombie.resume()
      }
      await application.untilItGoesOn('going on with the one that is back')
      await application.untilShared('sharing with the one that is back')
    }
    const verdict = await application.finish()
    reportTimes('SIGSTOP of one of three past its session', 'all keys again', takenOverMs, verdict)
    reportTimes('SIGCONT of the zombie', 'it has noticed', noticedMs, verdict)
    expect(verdict.problems).toEqual([])
    const everything = await readAll(application.kafka, application.topics.totals, 'read_uncommitted')
    expect(zombieWrites(everything)).toEqual([])
    for (const instance of application.instances) expect(instance.ended, instance.describe()).toBeUndefined()
  } finally {
    await application.close()
  }
}
