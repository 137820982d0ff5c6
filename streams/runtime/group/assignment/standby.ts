import { type Candidate, least, type StateView } from './facts.ts'

/**
 * Deals out the standbys of each task: never to a process that has a copy already, to other tags than those of the other
 * copies where that can be, and within that to where the state is, so long as nobody gets more than a fair share.
 * @see ClientTagAwareStandbyTaskAssignor, DefaultStandbyTaskAssignor
 */
export function placeStandbys(
  tasks: readonly string[],
  members: readonly Candidate[],
  state: StateView,
  replicas: number,
  tagKeys: readonly string[],
): void {
  const most = Math.ceil((tasks.length * replicas) / members.length)
  const missing = new Map(tasks.map((task) => [task, replicas]))
  const round = (accepts: (member: Candidate, task: string) => boolean): void => {
    for (const task of tasks) {
      for (let left = missing.get(task) as number; left > 0; left--) {
        const able = farthest(eligible(task, members), task, members, tagKeys).filter((m) => accepts(m, task))
        const chosen = least(
          able,
          (m) => state.lag(m, task),
          (m) => m.load,
        )
        if (chosen === undefined) break
        chosen.standby.add(task)
        missing.set(task, left - 1)
      }
    }
  }
  round((member, task) => state.hasState(member, task) && member.standby.size < most)
  round((member) => member.standby.size < most)
  round(() => true)
  even(members, state, tagKeys)
}

/**
 * Dealt out one by one, the last tasks may have found only members that had their share already, while another could have had none of them:
 * moves copies to whoever has two fewer, those first that are there already.
 */
function even(members: readonly Candidate[], state: StateView, tagKeys: readonly string[]): void {
  for (;;) {
    const moves = members.flatMap((from) =>
      members
        .filter((to) => to.standby.size < from.standby.size - 1)
        .flatMap((to) =>
          [...from.standby]
            .filter((task) => canMove(task, from, to, members, tagKeys))
            .map((task) => ({ task, from, to })),
        ),
    )
    const move = least(
      moves,
      ({ from, to }) => to.standby.size - from.standby.size,
      ({ task, to }) => state.lag(to, task),
      ({ task, from }) => -state.lag(from, task),
    )
    if (move === undefined) return
    move.from.standby.delete(move.task)
    move.to.standby.add(move.task)
  }
}

function canMove(
  task: string,
  from: Candidate,
  to: Candidate,
  members: readonly Candidate[],
  tagKeys: readonly string[],
): boolean {
  const others = members.filter((m) => m !== from && m.has(task))
  if (others.some((m) => m.processId === to.processId)) return false
  return distance(to, others, tagKeys) >= distance(from, others, tagKeys)
}

/** Members whose process has no copy of the task. */
export function eligible(task: string, members: readonly Candidate[]): readonly Candidate[] {
  const taken = new Set(members.filter((m) => m.has(task)).map((m) => m.processId))
  return members.filter((m) => !taken.has(m.processId))
}

/** Of these, the ones that differ in most tags from the copies there are. */
function farthest(
  candidates: readonly Candidate[],
  task: string,
  members: readonly Candidate[],
  tagKeys: readonly string[],
): readonly Candidate[] {
  if (tagKeys.length === 0) return candidates
  const copies = members.filter((m) => m.has(task))
  const best = Math.max(0, ...candidates.map((member) => distance(member, copies, tagKeys)))
  return candidates.filter((member) => distance(member, copies, tagKeys) === best)
}

/** In how many tags it differs from all of the copies. */
function distance(member: Candidate, copies: readonly Candidate[], tagKeys: readonly string[]): number {
  return tagKeys.filter((key) => copies.every((copy) => copy.tags[key] !== member.tags[key])).length
}
