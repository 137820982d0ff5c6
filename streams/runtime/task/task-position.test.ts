import { describe, expect, it } from 'vitest'
import type { Subtopology } from '../../subtopologies.ts'
import type { TopologyNode } from '../../topology-nodes.ts'
import { TaskPosition } from './task-position.ts'

const processor = (name: string, parents: string[], stores: string[]) =>
  ({ kind: 'processor', name, parents, stores: new Set(stores) }) as unknown as TopologyNode

const subtopology: Subtopology = {
  id: 0,
  global: false,
  stores: ['upper', 'lower'],
  nodes: [
    { kind: 'source', name: 'source' } as TopologyNode,
    processor('upper-node', ['source'], ['upper']),
    processor('map', ['upper-node'], []),
    processor('lower-node', ['map'], ['lower']),
  ],
}

describe('how far a store has got', () => {
  function position(holding: readonly string[]): TaskPosition {
    const made = new TaskPosition(subtopology)
    for (const node of holding) made.holdsBack(node)
    return made
  }

  it.each([
    ['nothing holds back', [], 'lower', false],
    ['an operator above does', ['upper-node'], 'lower', true],
    ['its own operator does: the row is there, only its result is not', ['upper-node'], 'upper', false],
    ['one below does', ['lower-node'], 'upper', false],
  ] as const)('when %s', (_, holding, store, expected) => {
    expect(position(holding).isHeldBack(store)).toBe(expected)
  })
})
