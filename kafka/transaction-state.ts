import { InvalidArgumentError } from '../common/errors.ts'

/** Where a transactional producer stands. */
export type TransactionState = 'new' | 'ready' | 'open' | 'ending' | 'broken'

export type TransactionStep = 'init' | 'begin' | 'end' | 'ended' | 'endFailed' | 'break'

const TRANSITIONS: Readonly<Record<TransactionState, Readonly<Partial<Record<TransactionStep, TransactionState>>>>> = {
  new: { init: 'ready', break: 'broken' },
  ready: { init: 'ready', begin: 'open', break: 'broken' },
  open: { end: 'ending', break: 'broken' },
  ending: { ended: 'ready', endFailed: 'open', break: 'broken' },
  broken: { break: 'broken' },
}

const WHAT: Readonly<Record<TransactionState, string>> = {
  new: 'before initTransactions',
  ready: 'without an open transaction',
  open: 'while a transaction is open',
  ending: 'while the transaction is being ended',
  broken: 'after a fatal error',
}

/** @throws {InvalidArgumentError} when the step is not allowed in this state. */
export function afterStep(state: TransactionState, step: TransactionStep): TransactionState {
  const next = TRANSITIONS[state][step]
  if (next === undefined) throw new InvalidArgumentError(`${step} is not possible ${WHAT[state]}`)
  return next
}
