import { describe, expect, it } from 'vitest'
import { type ClientState, canGo, checkTransition, isFinal } from './client-state.ts'

const STATES: readonly ClientState[] = [
  'CREATED',
  'REBALANCING',
  'RUNNING',
  'PENDING_SHUTDOWN',
  'NOT_RUNNING',
  'PENDING_ERROR',
  'ERROR',
]

describe('the states of a client', () => {
  it.each<[ClientState, readonly ClientState[]]>([
    ['CREATED', ['REBALANCING', 'PENDING_SHUTDOWN', 'PENDING_ERROR']],
    ['REBALANCING', ['RUNNING', 'PENDING_SHUTDOWN', 'PENDING_ERROR']],
    ['RUNNING', ['REBALANCING', 'PENDING_SHUTDOWN', 'PENDING_ERROR']],
    ['PENDING_SHUTDOWN', ['NOT_RUNNING']],
    ['PENDING_ERROR', ['ERROR']],
    ['NOT_RUNNING', []],
    ['ERROR', []],
  ])('%s goes to %j only', (from, to) => {
    expect(STATES.filter((state) => canGo(from, state))).toEqual(STATES.filter((state) => to.includes(state)))
    expect(isFinal(from)).toBe(to.length === 0)
  })

  it('names both states of a step that is not there', () => {
    expect(() => checkTransition('ERROR', 'RUNNING')).toThrow('the client cannot go from ERROR to RUNNING')
  })
})
