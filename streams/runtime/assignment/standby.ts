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
  const distance = (member: Candidate): number =>
    tagKeys.filter((key) => copies.every((copy) => copy.tags[key] !== member.tags[key])).length
  const best = Math.max(0, ...candidates.map(distance))
  return candidates.filter((member) => distance(member) === best)
}
