import { describe, expect, it } from 'vitest'
import type { Subtopology } from '../subtopologies.ts'
import type { TopologyNode } from '../topology-nodes.ts'
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
  const processed = new Map([['in', 9]])
  const committed = new Map([['in', 4]])

  function position(holding: readonly string[]): TaskPosition {
    const made = new TaskPosition(subtopology)
    made.committed(committed)
    for (const node of holding) made.holdsBack(node)
    return made
  }

  it.each([
    ['nothing is held back', [], 'lower', false, true, processed],
    ['only committed rows are read', [], 'lower', true, true, committed],
    ['asynchronous work is under way', [], 'upper', false, false, committed],
    ['an operator above holds results back', ['upper-node'], 'lower', false, true, committed],
    [
      'its own operator does: the row is there, only its result is not',
      ['upper-node'],
      'upper',
      false,
      true,
      processed,
    ],
    ['one below does', ['lower-node'], 'upper', false, true, processed],
  ] as const)('when %s', (_, holding, store, committedOnly, isSettled, expected) => {
    expect(position(holding).reachedBy(store, committedOnly, processed, isSettled)).toBe(expected)
  })
})
