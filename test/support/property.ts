/**
 * fast-check as all tests use it: `import * as fc from '…/test/support/property.ts'`. Each run of `npm test` tries the same values; other
 * values come with BROOK_PROPERTY_SEED (an integer, or `random`), more of them with BROOK_PROPERTY_RUNS (a factor). A failure tells its
 * seed, which brings it back.
 */
import * as fastCheck from 'fast-check'

// A name that is exported below goes before the same name of fast-check's.
export * from 'fast-check'

const SEED = 20_261_122
const RUNS = 100

export interface PropertySettings {
  readonly seed: number
  /** Each number of runs is multiplied by this. */
  readonly runsFactor: number
}

/** @throws {RangeError} which names the variable that is wrong. */
export function propertySettings(env: Readonly<Record<string, string | undefined>>): PropertySettings {
  const seed = env['BROOK_PROPERTY_SEED'] || String(SEED)
  const runs = env['BROOK_PROPERTY_RUNS'] || '1'
  if (seed !== 'random' && !/^-?\d{1,10}$/.test(seed))
    throw new RangeError(`BROOK_PROPERTY_SEED is ${seed}: it has to be an integer, or random`)
  if (!(Number(runs) > 0)) throw new RangeError(`BROOK_PROPERTY_RUNS is ${runs}: it has to be a number above 0`)
  const seedOf = (): number => (seed === 'random' ? Math.trunc(Math.random() * 2 ** 31) : Number(seed) | 0)
  return { seed: seedOf(), runsFactor: Number(runs) }
}

const settings = propertySettings(process.env)
fastCheck.configureGlobal({ seed: settings.seed, numRuns: RUNS })

/** As fast-check's, with `numRuns` times the factor that was asked for. */
export function assert<T>(property: fastCheck.IAsyncProperty<T>, parameters?: fastCheck.Parameters<T>): Promise<void>
export function assert<T>(property: fastCheck.IProperty<T>, parameters?: fastCheck.Parameters<T>): void
export function assert<T>(
  property: fastCheck.IAsyncProperty<T> | fastCheck.IProperty<T>,
  parameters: fastCheck.Parameters<T> = {},
): Promise<void> | void {
  const numRuns = Math.max(1, Math.round((parameters.numRuns ?? RUNS) * settings.runsFactor))
  return fastCheck.assert(property, { ...parameters, numRuns })
}

/** For a test with a time limit of its own: the limit with as many runs as usual, times the factor that was asked for. */
export function limitMs(usualMs: number): number {
  return usualMs * Math.max(1, settings.runsFactor)
}
