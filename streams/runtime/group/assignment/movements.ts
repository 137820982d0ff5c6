import { type Candidate, least, type StateView } from './facts.ts'
import { eligible } from './standby.ts'

interface Movement {
  readonly task: string
  readonly destination: Candidate
}

/** Copies that may still be built beside the ones that are wanted. */
export interface Warmups {
  left: number
}

/**
 * Leaves tasks for now with a member that can run them at once, where the one they belong to is not caught up; that one warms
 * up a copy first, as long as there may be more of those; where the other one was its standby, they swap. Gives how many tasks are not where they belong.
 * @see org.apache.kafka.streams.processor.internals.assignment.TaskMovement#assignActiveTaskMovements
 */
export function postponeActive(members: readonly Candidate[], state: StateView, warmups: Warmups): number {
  const movements = whatWaits(members, (m) => m.active, state)
  for (const { task, destination } of movements) {
    const source = sourceOf(task, destination, members, state)
    destination.active.delete(task)
    const isSwapped = members.some((m) => m.processId === source.processId && m.standby.delete(task))
    source.active.add(task)
    if (!isSwapped && warmups.left === 0) continue
    if (!isSwapped) warmups.left--
    destination.standby.add(task)
    destination.warmup.add(task)
  }
  return movements.length
}

/** The same for standbys: the copy that is caught up stays beside the new one until that is, too. */
export function postponeStandbys(members: readonly Candidate[], state: StateView, warmups: Warmups): number {
  let moves = 0
  const standbys = (m: Candidate): ReadonlySet<string> => new Set([...m.standby].filter((task) => !m.warmup.has(task)))
  for (const { task, destination } of whatWaits(members, standbys, state)) {
    const source = least(
      eligible(task, members).filter((m) => state.lag(m, task) < state.lag(destination, task)),
      (m) => (state.isCaughtUp(m, task) ? 0 : state.lag(m, task)),
      (m) => m.load,
    )
    if (source === undefined) continue
    source.standby.add(task)
    if (warmups.left > 0) {
      warmups.left--
      // It says when it has caught up: the group then lets the other one go.
      destination.warmup.add(task)
    } else destination.standby.delete(task)
    moves++
  }
  return moves
}

/** Copies on members that are not caught up although others are further; those with fewest alternatives first. */
function whatWaits(
  members: readonly Candidate[],
  copies: (member: Candidate) => ReadonlySet<string>,
  state: StateView,
): readonly Movement[] {
  const ready = (task: string): number => members.filter((m) => state.isCaughtUp(m, task)).length
  return members
    .flatMap((destination) => [...copies(destination)].map((task) => ({ task, destination })))
    .filter(
      ({ task, destination }) => !state.isCaughtUp(destination, task) && isFurther(task, destination, members, state),
    )
    .sort((a, b) => ready(a.task) - ready(b.task))
}

function isFurther(task: string, than: Candidate, members: readonly Candidate[], state: StateView): boolean {
  return members.some((m) => state.lag(m, task) < state.lag(than, task))
}

/** Who runs it now; else a standby that is caught up, anyone who is, or whoever is furthest. */
function sourceOf(task: string, destination: Candidate, members: readonly Candidate[], state: StateView): Candidate {
  const others = members.filter((m) => m !== destination)
  return least(
    others,
    (m) => (m.runs(task) ? 0 : 1),
    (m) => (state.isCaughtUp(m, task) ? 0 : state.lag(m, task)),
    (m) => (m.standby.has(task) ? 0 : 1),
    (m) => m.load,
  ) as Candidate
}
