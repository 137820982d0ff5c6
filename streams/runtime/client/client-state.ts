import { IllegalTransitionError } from '../../errors.ts'

/** States of a client, with Kafka Streams' names. @see org.apache.kafka.streams.KafkaStreams.State */
export type ClientState =
  | 'CREATED'
  | 'REBALANCING'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'NOT_RUNNING'
  | 'PENDING_ERROR'
  | 'ERROR'

const NEXT: { readonly [S in ClientState]: readonly ClientState[] } = {
  CREATED: ['REBALANCING', 'PENDING_SHUTDOWN', 'PENDING_ERROR'],
  REBALANCING: ['RUNNING', 'PENDING_SHUTDOWN', 'PENDING_ERROR'],
  RUNNING: ['REBALANCING', 'PENDING_SHUTDOWN', 'PENDING_ERROR'],
  PENDING_SHUTDOWN: ['NOT_RUNNING'],
  PENDING_ERROR: ['ERROR'],
  NOT_RUNNING: [],
  ERROR: [],
}

export function canGo(from: ClientState, to: ClientState): boolean {
  return NEXT[from].includes(to)
}

/** @throws {IllegalTransitionError} naming both states. */
export function checkTransition(from: ClientState, to: ClientState): void {
  if (!canGo(from, to)) throw new IllegalTransitionError('the client', from, to)
}

/** Nothing comes after these without a new client. */
export function isFinal(state: ClientState): boolean {
  return NEXT[state].length === 0
}
