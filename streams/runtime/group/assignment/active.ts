import { compareTaskIds } from '../../client/application.ts'
import { type Candidate, least, type StateView } from './facts.ts'

/** How dear a task is to a member; the first rounds deal out the dearest. */
const RANKS: readonly ((member: Candidate, task: string, state: StateView) => boolean)[] = [
  (member, task) => member.runs(task),
  (member, task, state) => state.hasState(member, task) && state.isCaughtUp(member, task),
  (member, task, state) => state.hasState(member, task),
]

/**
 * Where the tasks belong once everyone's state is there. Each sub-topology is shared out by itself: everyone gets the same
 * number of its tasks, give or take one, so that the work and the keys of each are spread; and in all nobody keeps more than
 * a fair share. Within that a task stays where it runs, or goes to where its state is.
 */
export function placeActive(taskIds: readonly string[], members: readonly Candidate[], state: StateView): void {
  const total = new Share(taskIds.length, members)
  // Tasks without state come last: they go to whoever has room for them.
  const isStateful = (tasks: readonly string[]): number => (state.isStateful(tasks[0] as string) ? 0 : 1)
  const groups = bySubtopology(taskIds).toSorted((a, b) => isStateful(a) - isStateful(b))
  for (const tasks of groups) {
    const others = (task: string): number => members.filter((m) => !m.runs(task) && state.isCaughtUp(m, task)).length
    // What somebody else could take over at once is given away first.
    const alternatives = new Map(tasks.map((task) => [task, state.isStateful(task) ? others(task) : 0]))
    const order = tasks.toSorted((a, b) => (alternatives.get(a) as number) - (alternatives.get(b) as number))
    deal(order, members, state, total)
  }
}

function deal(tasks: readonly string[], members: readonly Candidate[], state: StateView, total: Share): void {
  const share = new Share(tasks.length, members)
  const free = new Set(tasks)
  const round = (orOneMore: boolean, accepts: (member: Candidate, task: string) => boolean): void => {
    for (const task of tasks) {
      if (!free.has(task)) continue
      const able = members.filter((m) => share.hasRoom(m, orOneMore) && accepts(m, task))
      const chosen = least(able, (m) => m.active.size)
      if (chosen === undefined) continue
      share.take(chosen)
      total.take(chosen)
      free.delete(task)
      chosen.active.add(task)
    }
  }
  for (const rank of RANKS) {
    round(false, (member, task) => rank(member, task, state))
    round(true, (member, task) => rank(member, task, state) && total.hasRoom(member, true))
  }
  round(false, () => true)
  round(true, (member) => total.hasRoom(member, true))
  round(true, () => true)
}

/** An equal part for each member, and the odd ones for some. */
class Share {
  readonly #fair: number
  readonly #taken: Map<Candidate, number>
  #odd: number

  constructor(tasks: number, members: readonly Candidate[]) {
    this.#fair = Math.floor(tasks / members.length)
    this.#odd = tasks % members.length
    this.#taken = new Map(members.map((member) => [member, 0]))
  }

  hasRoom(member: Candidate, orOneMore: boolean): boolean {
    const count = this.#taken.get(member) as number
    return count < this.#fair || (orOneMore && this.#odd > 0 && count === this.#fair)
  }

  take(member: Candidate): void {
    const count = this.#taken.get(member) as number
    if (count >= this.#fair) this.#odd--
    this.#taken.set(member, count + 1)
  }
}

function bySubtopology(taskIds: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>()
  for (const task of [...taskIds].sort(compareTaskIds)) {
    const subtopology = task.slice(0, task.indexOf('_'))
    const group = groups.get(subtopology)
    if (group) group.push(task)
    else groups.set(subtopology, [task])
  }
  return [...groups.values()]
}
