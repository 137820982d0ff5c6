import { describe, expect, test } from 'vitest'
import { applicationTopics } from '../../bin/cli/deployed-topics.ts'
import { topicUses } from '../../bin/cli/describe.ts'
import { Application } from '../../streams/runtime/client/application.ts'
import { blueprintOf, type TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { compareBlueprints } from '../../streams/runtime/deployment/compare-blueprints.ts'
import { deployedTopologyTopic } from '../../streams/runtime/deployment/deployed-topology.ts'
import { planTopics } from '../../streams/runtime/group/internal-topics.ts'
import { topologyOf } from '../oracle/replay.ts'
import { AREAS } from '../oracle/scenarios/all.ts'

const scenarios = Object.entries(AREAS).flatMap(([area, all]) =>
  Object.entries(all).map(([name, scenario]) => {
    const given = typeof scenario === 'function' ? { build: scenario } : scenario
    return [`${area}/${name}`, () => new Application('app', topologyOf(given))] as const
  }),
)

describe('the description of a topology', () => {
  test('is tried on every topology that the oracle knows', () => {
    expect(scenarios.length).toBeGreaterThan(100)
  })

  test.each(scenarios)(
    '%s: comes back from JSON, and what is built anew goes on from it without a change',
    (_, build) => {
      const text = JSON.stringify(blueprintOf(build()))
      const kept = JSON.parse(text) as TopologyBlueprint
      expect(JSON.stringify(kept)).toBe(text)
      expect(compareBlueprints(blueprintOf(build()), kept).filter(({ change }) => change !== 'same')).toEqual([])
    },
  )

  test.each(scenarios)('%s: has the topics that the application makes, and no others', (_, build) => {
    const application = build()
    const external = application.sourceTopics().map((topic) => [topic, 3] as const)
    const globals = [...application.topology.globalStores.values()].map(
      ({ source }) => [source.topics[0] as string, 3] as const,
    )
    const internal = planTopics(application, new Map([...external, ...globals])).internalTopics.map(({ name }) => name)
    const described = deployedTopologyTopic('app')
    const existing = [...new Set([...internal, ...external.map(([topic]) => topic), described])]
    const found = applicationTopics('app', existing, [], blueprintOf(application))
    expect([...found.repartition, ...found.changelogs].sort()).toEqual([...internal].sort())
    expect(found.description).toBe(described)
    expect(found.lookAlikes).toEqual([])
    const byName = applicationTopics(
      'app',
      existing,
      external.map(([topic]) => topic),
      undefined,
    )
    expect([...byName.repartition, ...byName.changelogs].sort()).toEqual([...internal].sort())
    const uses = topicUses(application).filter(({ use }) => use === 'repartition' || use === 'changelog')
    expect(uses.map(({ topic }) => topic).sort()).toEqual([...internal].sort())
  })
})
