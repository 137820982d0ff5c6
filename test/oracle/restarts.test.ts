import { describe, expect, it } from 'vitest'
import { TopologyTestDriver } from '../../streams/index.ts'
import { type Step, WALL_CLOCK } from './recording.ts'
import { feed, feedSlowly, numbered, type Raw, readRaw, readRecording, scenarioOf, topologyOf } from './replay.ts'
import { AREAS } from './scenarios/all.ts'
import type { Scenario } from './scenarios/shared.ts'

/**
 * What Kafka Streams did in one go, ours does with any number of restarts between the records, on the state that is there and on an
 * empty disk, and with a cache that evicts nearly everything at each commit: while state answers at once, and when it answers later.
 */
describe.each(Object.entries(AREAS))('%s: what is sent does not depend on', (area, scenarios) => {
  const recorded = Object.entries(readRecording(area).scenarios).filter(
    ([name, { steps }]) => steps !== undefined && isTheSame(scenarioOf(scenarios, name)),
  )

  it.each(recorded)('restarts and evictions: %s', async (name, { steps = [] }) => {
    await replayWithRestarts(scenarioOf(scenarios, name), steps, randomOf(name), false)
  })

  it.each(recorded.filter(([, { steps = [] }]) => steps.every(([topic]) => topic !== WALL_CLOCK)))(
    'restarts, evictions and a slow disk: %s',
    async (name, { steps = [] }) => {
      await replayWithRestarts(scenarioOf(scenarios, name), steps, randomOf(`${name} slow`), true)
    },
  )
})

/** What is put off by the wall clock is put off anew from each start, as on the JVM: when it comes then depends on restarts. */
function isTheSame({ deviation, driver, forgets }: Scenario): boolean {
  return forgets !== true && deviation?.withCache !== true && (driver?.emitIntervalMs ?? 0) === 0
}

async function replayWithRestarts(
  scenario: Scenario,
  steps: readonly Step[],
  random: () => number,
  slowState: boolean,
): Promise<void> {
  const topology = topologyOf(scenario)
  // What is in no changelog cannot come back to an empty disk.
  const mayBeLost = [...topology.stores.values()].every(({ logging }) => logging)
  const driver = await TopologyTestDriver.create(topology, {
    applicationId: 'app',
    ...scenario.driver,
    restartable: true,
    storeCacheEntries: 2,
    slowState,
  })
  let restarted = 'never'
  for (const [i, step] of numbered(steps)) {
    const [topic, key, value, timestampMs, produced] = step
    if (produced['@error'] !== undefined) break
    const chance = random()
    if (chance < 0.2) {
      const state = chance < 0.1 && mayBeLost ? 'lost' : 'kept'
      await driver.restart({ state })
      restarted = `before record ${i}, state ${state}`
    }
    if (slowState) await feedSlowly(driver, step, i)
    else feed(driver, step, i)
    for (const out of new Set([...driver.producedTopicNames(), ...Object.keys(produced)])) {
      if (out.endsWith('-changelog')) continue
      const where = `${out} after record ${i} (${topic} ${key}=${value}@${timestampMs}), last restart ${restarted}`
      expect(readRaw(driver, out), where).toEqual((produced[out] ?? []) as Raw[])
    }
  }
  await driver.close()
}

/** Numbers in [0, 1) that a name decides (mulberry32). */
function randomOf(name: string): () => number {
  let state = [...name].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 16_777_619), 2_166_136_261)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
