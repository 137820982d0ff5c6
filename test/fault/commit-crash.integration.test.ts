import { describe, expect, it } from 'vitest'
import { INPUTS, WORDS } from './crash-app.ts'
import { crashAndFinish } from './crash-runner.ts'

const PER_WORD = INPUTS / WORDS

describe('on a real broker, a process that is killed after each step of a commit, twice', () => {
  const everyCountOnce = Array.from({ length: PER_WORD }, (_, i) => i + 1)
  const cases = [1, 2, 3, 4, 5].map((step) => ({ step }))

  it.each(cases)(
    'loses and doubles nothing under exactly once (step $step)',
    { timeout: 120_000 },
    async ({ step }) => {
      const env = { CRASH_BROKERS: process.env['BROOK_TEST_BROKERS'], CRASH_NAME: `crash-${step}-${Date.now()}` }
      const { store, output } = await crashAndFinish('exactly_once', step, env)
      expect(Object.keys(store)).toHaveLength(WORDS)
      expect(new Set(Object.values(store))).toEqual(new Set([PER_WORD]))
      for (const counts of Object.values(output)) expect(counts).toEqual(everyCountOnce)
    },
  )
})
