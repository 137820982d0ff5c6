import { compareTaskIds } from '../../client/application.ts'
import { placeActive } from './active.ts'
import { type AssignmentRules, Candidate, type MemberFacts, StateView, type TaskPlacement } from './facts.ts'
import { postponeActive, postponeStandbys } from './movements.ts'
import { placeStandbys } from './standby.ts'

/**
 * Decides who runs which task and who keeps standbys: first where everything belongs (evenly, and where the state is), then
 * what has to wait for state to be there. Pure, the same for any order of members, and the same again for what it gave.
 * @see org.apache.kafka.streams.processor.internals.assignment.HighAvailabilityTaskAssignor
 */
export function assignTasks(
  taskIds: readonly string[],
  facts: readonly MemberFacts[],
  rules: AssignmentRules,
): TaskPlacement {
  const members = facts.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1)).map((member) => new Candidate(member))
  const state = new StateView(facts, rules)
  const warmups = { left: rules.maxWarmupReplicas }
  const stateful = taskIds.filter((task) => state.isStateful(task)).sort(compareTaskIds)
  placeActive(taskIds, members, state)
  placeStandbys(stateful, members, state, rules.numStandbyReplicas, rules.rackAwareAssignmentTags)
  const moves = postponeActive(members, state, warmups) + postponeStandbys(members, state, warmups)
  const by = (pick: (member: Candidate) => ReadonlySet<string>): ReadonlyMap<string, readonly string[]> =>
    new Map(members.map((m) => [m.memberId, [...pick(m)].sort(compareTaskIds)]))
  return {
    active: by((m) => m.active),
    standby: by((m) => m.standby),
    warmup: by((m) => m.warmup),
    isInterim: moves > 0,
  }
}
