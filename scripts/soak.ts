import { soakMinutes, soakMsOfProperties } from '../test/support/soak.ts'
import { MINUTE_MS, runStages, runVitest, type Stage } from './stages.ts'
import type { Tally } from './test-report.ts'

const HELP = `npm run test:soak [-- <stage> ...]

Makes long what \`npm test\` has in short, and ends with "N passed, N failed". The stages:

  properties   all property tests with seeds at random, each tried BROOK_PROPERTY_RUNS times as often
  soak         test/soak: faults under load on the real servers that the integration tests use

Environment:

  BROOK_SOAK_MINUTES    how long it should take in all, about; 10. Servers and the last round of each stage come on top
  BROOK_PROPERTY_SEED   a seed that a failure has told: one round with it, instead of rounds with seeds at random
  BROOK_PROPERTY_RUNS   a factor; 3
`
const RUNS = '3'

/** Rounds over all property tests until their time is up, each with a seed of its own; one at least. */
const properties: Stage = {
  name: 'properties',
  run: async () => {
    const given = process.env['BROOK_PROPERTY_SEED']
    const endMs = performance.now() + soakMsOfProperties()
    let sum: Tally = { passed: 0, failed: 0, remarks: [] }
    let rounds = 0
    do {
      const seed = given ?? String(Math.trunc(Math.random() * 2 ** 31))
      console.log(`round ${++rounds}: BROOK_PROPERTY_SEED=${seed}`)
      const tally = await runVitest('properties', ['related', 'test/support/property.ts', ...ROUND], {
        limitMs: 30 * MINUTE_MS,
        env: { BROOK_PROPERTY_SEED: seed, BROOK_PROPERTY_RUNS: process.env['BROOK_PROPERTY_RUNS'] ?? RUNS },
      })
      const told = tally.failed > 0 ? [`${tally.failed} failed with BROOK_PROPERTY_SEED=${seed}`] : []
      sum = {
        passed: sum.passed + tally.passed,
        failed: sum.failed + tally.failed,
        remarks: [...sum.remarks, ...tally.remarks, ...told],
      }
    } while (given === undefined && performance.now() < endMs)
    return sum
  },
}

const ROUND = ['--run', '--project', 'unit', '--testTimeout', '120000']

const soak: Stage = {
  name: 'soak',
  run: () => {
    const limitMs = (soakMinutes() * 3 + 30) * MINUTE_MS
    return runVitest('soak', ['run', '--project', 'soak'], { limitMs })
  },
}

async function main(args: readonly string[]): Promise<boolean> {
  if (args.includes('--help')) {
    process.stdout.write(HELP)
    return true
  }
  console.log(`about ${soakMinutes()} minutes (BROOK_SOAK_MINUTES)`)
  return runStages([properties, soak], args)
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
