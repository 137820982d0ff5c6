import { expect, it } from 'vitest'
import { type Verdict, verdictOf } from './produce-verdict.ts'

it.each<[string | undefined, Verdict, Verdict]>([
  [undefined, 'acknowledged', 'acknowledged'],
  ['DUPLICATE_SEQUENCE_NUMBER', 'acknowledged', 'acknowledged'],
  ['NOT_LEADER_OR_FOLLOWER', 'send-again', 'send-again'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'send-again', 'send-again'],
  ['REQUEST_TIMED_OUT', 'send-again', 'send-again'],
  ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'sequence-lost', 'sequence-lost'],
  ['UNKNOWN_SERVER_ERROR', 'sequence-lost', 'sequence-lost'],
  ['INVALID_PRODUCER_EPOCH', 'sequence-lost', 'fenced'],
  ['PRODUCER_FENCED', 'sequence-lost', 'fenced'],
  ['MESSAGE_TOO_LARGE', 'split', 'split'],
  ['TOPIC_AUTHORIZATION_FAILED', 'refused', 'refused'],
  ['INVALID_TXN_STATE', 'transaction-broken', 'transaction-broken'],
])('%s means %s, in a transaction %s', (code, plain, transactional) => {
  const judged = { code, recordCount: 3, faultyCount: 0 }
  expect(verdictOf({ ...judged, isTransactional: false })).toBe(plain)
  expect(verdictOf({ ...judged, isTransactional: true })).toBe(transactional)
})

it.each<[string, number, number, Verdict]>([
  ['MESSAGE_TOO_LARGE', 1, 0, 'refused'],
  ['INVALID_RECORD', 3, 2, 'refuse-some'],
  ['INVALID_RECORD', 3, 3, 'refused'],
  ['INVALID_RECORD', 3, 0, 'refused'],
])('%s for %d records, %d of them named, means %s', (code, recordCount, faultyCount, verdict) => {
  expect(verdictOf({ code, recordCount, faultyCount, isTransactional: false })).toBe(verdict)
})
