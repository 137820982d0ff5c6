/** Where a member of a group stands. */
export type Phase =
  /** Not in the group; a join is due. */
  | 'outside'
  /** The join is under way. */
  | 'joining'
  /** The assignment is here, the listener does not know it yet. */
  | 'assigned'
  /** The listener has its partitions. */
  | 'stable'
  /** A new rebalance is due: partitions have to be given up first. */
  | 'rebalancing'
  /** The group went on without this member. */
  | 'lost'
  | 'failed'
  | 'closed'

export type MembershipEvent = 'join' | 'answered' | 'told' | 'rebalance' | 'given-up' | 'lose' | 'fail' | 'close'

/** Events that are missing change nothing: they come from answers that were under way when something else happened. */
const TRANSITIONS: Readonly<Record<Phase, Readonly<Partial<Record<MembershipEvent, Phase>>>>> = {
  outside: { join: 'joining', fail: 'failed', close: 'closed' },
  joining: { answered: 'assigned', fail: 'failed', close: 'closed' },
  assigned: { told: 'stable', rebalance: 'outside', lose: 'outside', fail: 'failed', close: 'closed' },
  stable: { rebalance: 'rebalancing', lose: 'lost', fail: 'failed', close: 'closed' },
  rebalancing: { 'given-up': 'outside', lose: 'lost', fail: 'failed', close: 'closed' },
  lost: { 'given-up': 'outside', fail: 'failed', close: 'closed' },
  failed: { close: 'closed' },
  closed: {},
}

/** The phase after the event. */
export function afterEvent(phase: Phase, event: MembershipEvent): Phase {
  return TRANSITIONS[phase][event] ?? phase
}

/** Whether the coordinator expects heartbeats. */
export function beats(phase: Phase): boolean {
  return phase === 'assigned' || phase === 'stable' || phase === 'rebalancing'
}
