import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../common/errors.ts'
import { afterStep, type TransactionState, type TransactionStep } from './transaction-state.ts'

describe('the state of a transactional producer', () => {
  it.each<[TransactionStep[], TransactionState]>([
    [['init', 'begin', 'end', 'ended'], 'ready'],
    [['init', 'begin', 'end', 'ended', 'begin'], 'open'],
    [['init', 'begin', 'break'], 'broken'],
    [['init', 'init'], 'ready'],
  ])('after %j is %s', (steps, state) => {
    expect(steps.reduce<TransactionState>(afterStep, 'new')).toBe(state)
  })

  it.each<[TransactionState, TransactionStep]>([
    ['new', 'begin'],
    ['ready', 'end'],
    ['open', 'begin'],
    ['ending', 'begin'],
    ['broken', 'begin'],
    ['broken', 'init'],
  ])('%s refuses %s', (state, step) => {
    expect(() => afterStep(state, step)).toThrow(InvalidArgumentError)
  })
})
