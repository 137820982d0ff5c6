import { describe, expect, it } from 'vitest'
import { INPUTS, WORDS } from './crash-app.ts'
import { crashAndFinish } from './crash-runner.ts'

const PER_WORD = INPUTS / WORDS

describe('on a real broker, a process with calls under way that is killed twice', () => {
  const everyCountOnce = Array.from({ length: PER_WORD }, (_, i) => i + 1)
  const cases = [
    { place: 'before', step: 'call' },
    { place: 'after', step: 'call' },
    { place: 'after', step: 4 },
  ] as const

  it.each(cases)(
    'loses and doubles nothing under exactly once (calls $place the state, step $step)',
    { timeout: 120_000 },
    async ({ place, step }) => {
      const env = {
        CRASH_BROKERS: process.env['BROOK_TEST_BROKERS'],
        CRASH_NAME: `async-${place}-${step}-${Date.now()}`,
        CRASH_ASYNC: place,
      }
      const { store, output } = await crashAndFinish('exactly_once', step, env)
      expect(Object.keys(store)).toHaveLength(WORDS)
      expect(new Set(Object.values(store))).toEqual(new Set([PER_WORD]))
      for (const counts of Object.values(output)) expect(counts).toEqual(everyCountOnce)
    },
  )
})
