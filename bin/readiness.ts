import { asError } from '../common/errors.ts'
import type { ReadinessCheck } from '../http/routes/context.ts'
import { topics } from '../schemas/topics.ts'
import type { Platform } from './platform.ts'

const TIMEOUT_MS = 3_000

/** What a program cannot do without, by the names that `/readyz` has for them. */
export type Dependency = 'kafka' | 'schema-registry'

/** Whether the log and the schema registry answer; while the program starts, what it waits for and why. */
export class PlatformReadiness {
  readonly #waits = new Map<Dependency, string>()
  #platform: Pick<Platform, 'kafka' | 'registry'> | undefined

  /** An attempt to reach it has failed; it is tried again. */
  readonly waits = (name: Dependency, reason: string): void => {
    this.#waits.clear()
    this.#waits.set(name, reason)
  }

  opened(platform: Pick<Platform, 'kafka' | 'registry'>): void {
    this.#waits.clear()
    this.#platform = platform
  }

  get checks(): readonly ReadinessCheck[] {
    return [
      this.#check('kafka', ({ kafka }) => kafka.admin().describeTopics([topics.readings.name])),
      this.#check('schema-registry', ({ registry }) => registry.subjects()),
    ]
  }

  #check(name: Dependency, ask: (platform: Pick<Platform, 'kafka' | 'registry'>) => Promise<unknown>): ReadinessCheck {
    return {
      name,
      check: async () => {
        if (this.#platform !== undefined) return problemOf(ask(this.#platform))
        const reason = this.#waits.get(name)
        return reason === undefined ? 'the program is starting' : `waiting for it: ${reason}`
      },
    }
  }
}

async function problemOf(answer: Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer in ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
  })
  const outcome = answer.then(
    () => undefined,
    (error) => asError(error).message,
  )
  try {
    return await Promise.race([outcome, late])
  } finally {
    clearTimeout(timer)
  }
}
