import type { StateDirectory } from '../client/state-directory.ts'
import type { StreamThread } from '../thread/stream-thread.ts'
import type { OwnFacts } from './assignor.ts'

/** What runs here, and how far the other state on this disk is. */
export function factsAbout(
  thread: StreamThread | undefined,
  directory: StateDirectory,
): Pick<OwnFacts, 'active' | 'offsetSums' | 'lags'> {
  const tasks = thread?.tasks ?? []
  const active = tasks.filter((t) => t.state === 'running').map((t) => t.taskId)
  const offsetSums = new Map(directory.offsetSums)
  for (const { taskId, stores } of [...(thread?.standbys ?? []), ...tasks])
    if (stores !== undefined) offsetSums.set(taskId, stores.offsetSum)
  for (const taskId of active) offsetSums.delete(taskId)
  const lags = new Map(
    (thread?.standbys ?? []).flatMap(({ taskId, lag }) => (lag === undefined ? [] : [[taskId, lag]])),
  )
  return { active, offsetSums, lags }
}
