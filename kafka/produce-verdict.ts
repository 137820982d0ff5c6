import { isRetriable } from './protocol/codes.ts'

/** What a broker's answer means for one batch. */
export type Verdict =
  /** It is in the log (or was already). */
  | 'acknowledged'
  /** A newer producer has this transactional id. */
  | 'fenced'
  /** The broker's numbering is out of step with ours; nobody knows what became of the batch. */
  | 'sequence-lost'
  | 'send-again'
  /** Too large as a whole, but it can be divided. */
  | 'split'
  /** The broker named the records at fault: the others can go without them. */
  | 'refuse-some'
  /** Not in the log, and never will be. */
  | 'refused'
  /** The transaction it belongs to can only be aborted. */
  | 'transaction-broken'

export interface Judged {
  /** Kafka's name of the error; `undefined` for success. */
  readonly code: string | undefined
  readonly recordCount: number
  readonly faultyCount: number
  readonly isTransactional: boolean
}

const SEQUENCE_LOST = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNKNOWN_SERVER_ERROR',
])
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
const TRANSACTION_BROKEN = new Set(['TRANSACTION_ABORTABLE', 'INVALID_TXN_STATE'])

/** The decisions of Kafka's own `Sender` and `TransactionManager`, but that good records survive their bad neighbours. */
export function verdictOf({ code, recordCount, faultyCount, isTransactional }: Judged): Verdict {
  if (code === undefined || code === 'DUPLICATE_SEQUENCE_NUMBER') return 'acknowledged'
  if (FENCED.has(code)) return isTransactional ? 'fenced' : 'sequence-lost'
  if (SEQUENCE_LOST.has(code)) return 'sequence-lost'
  if (isRetriable(code)) return 'send-again'
  if (TOO_LARGE.has(code) && recordCount > 1) return 'split'
  if (faultyCount > 0 && faultyCount < recordCount) return 'refuse-some'
  return TRANSACTION_BROKEN.has(code) ? 'transaction-broken' : 'refused'
}
