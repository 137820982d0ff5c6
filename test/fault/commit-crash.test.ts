import { describe, expect, it } from 'vitest'
import { INPUTS, WORDS } from './crash-app.ts'
import { crashAndFinish } from './crash-runner.ts'

const PER_WORD = INPUTS / WORDS

describe('a process that is killed after each step of a commit, twice', () => {
  const steps = [1, 2, 3, 4, 5]
  const everyCountOnce = Array.from({ length: PER_WORD }, (_, i) => i + 1)

  it.each(steps)('loses and doubles nothing under exactly once (step %i)', { timeout: 60_000 }, async (step) => {
    const { store, output } = await crashAndFinish('exactly_once', step)
    expect(Object.keys(store)).toHaveLength(WORDS)
    expect(new Set(Object.values(store))).toEqual(new Set([PER_WORD]))
    for (const counts of Object.values(output)) expect(counts).toEqual(everyCountOnce)
    expect(Object.keys(output)).toHaveLength(WORDS)
  })

  it.each(steps)('loses nothing under at least once (step %i)', { timeout: 60_000 }, async (step) => {
    const { store, output } = await crashAndFinish('at_least_once', step)
    expect(Object.keys(store)).toHaveLength(WORDS)
    for (const count of Object.values(store)) expect(count).toBeGreaterThanOrEqual(PER_WORD)
    for (const [word, counts] of Object.entries(output)) expect(counts.at(-1)).toBe(store[word])
  })
})
