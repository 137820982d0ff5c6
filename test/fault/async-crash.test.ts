import { describe, expect, it } from 'vitest'
import { INPUTS, WORDS } from './crash-app.ts'
import { crashAndFinish } from './crash-runner.ts'

const PER_WORD = INPUTS / WORDS

/** Where asynchronous work makes a difference: while calls are under way, and around the commit of offsets. */
const STEPS = ['call', 1, 4] as const

describe.each(['before', 'after'] as const)('a process with calls %s its state that is killed twice', (place) => {
  const everyCountOnce = Array.from({ length: PER_WORD }, (_, i) => i + 1)
  const env = { CRASH_ASYNC: place }

  it.each(STEPS)('loses and doubles nothing under exactly once (step %s)', { timeout: 60_000 }, async (step) => {
    const { store, output } = await crashAndFinish('exactly_once', step, env)
    expect(Object.keys(store)).toHaveLength(WORDS)
    expect(new Set(Object.values(store))).toEqual(new Set([PER_WORD]))
    for (const counts of Object.values(output)) expect(counts).toEqual(everyCountOnce)
    expect(Object.keys(output)).toHaveLength(WORDS)
  })

  it.each(['call', 4] as const)('loses nothing under at least once (step %s)', { timeout: 60_000 }, async (step) => {
    const { store, output } = await crashAndFinish('at_least_once', step, env)
    expect(Object.keys(store)).toHaveLength(WORDS)
    for (const count of Object.values(store)) expect(count).toBeGreaterThanOrEqual(PER_WORD)
    for (const [word, counts] of Object.entries(output)) expect(counts.at(-1)).toBe(store[word])
  })
})
