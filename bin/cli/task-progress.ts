import { barText, percentText } from '../../common/progress.ts'

/** How far a task is, as its instance says; `null` where that was not asked, or is not known. */
export interface TaskProgress {
  readonly state: string | null
  /** Of an active task the input records, of a copy the changelog records that it is behind. */
  readonly lag: number | null
  /** While it is restored, in changelog offsets over all of its stores. */
  readonly restore: { readonly restored: number; readonly total: number } | null
}

export const UNKNOWN_PROGRESS: TaskProgress = { state: null, lag: null, restore: null }

/** What an instance tells of its tasks (`/v1/tasks`). Older ones tell no more than the state. */
export interface ToldTasks {
  readonly tasks: readonly {
    readonly taskId: string
    readonly state: string
    readonly inputs: readonly string[]
    readonly offsets?: readonly { readonly lag?: number }[]
    readonly restores?: readonly {
      readonly startingOffset: number
      readonly restoredOffset: number
      readonly endOffset: number
    }[]
  }[]
  readonly standbyTasks?: readonly { readonly taskId: string; readonly lag?: number }[]
}

/** Pure: how far a task is at the instance that was asked, as an active one or as a copy. */
export function progressOf(told: ToldTasks | undefined, taskId: string, isActive: boolean): TaskProgress {
  if (told === undefined) return UNKNOWN_PROGRESS
  if (!isActive) {
    const copy = told.standbyTasks?.find((t) => t.taskId === taskId)
    return copy === undefined ? UNKNOWN_PROGRESS : { state: 'following', lag: copy.lag ?? null, restore: null }
  }
  const task = told.tasks.find((t) => t.taskId === taskId)
  if (task === undefined) return UNKNOWN_PROGRESS
  const { state, offsets = [], restores = [] } = task
  const lags = offsets.flatMap(({ lag }) => lag ?? [])
  const total = restores.reduce((sum, r) => sum + r.endOffset - r.startingOffset, 0)
  const restored = restores.reduce((sum, r) => sum + r.restoredOffset - r.startingOffset, 0)
  return {
    state,
    lag: offsets.length > 0 && lags.length === offsets.length ? lags.reduce((sum, lag) => sum + lag, 0) : null,
    restore: restores.length === 0 ? null : { restored, total },
  }
}

/** `██▌       25 % of 1,000,000`, `lag 12` */
export function progressText({ lag, restore }: TaskProgress, barWidth: number): string | undefined {
  if (restore !== null) {
    const done = restore.total === 0 ? 1 : restore.restored / restore.total
    const bar = barWidth === 0 ? '' : `${barText(done, barWidth)} `
    return `${bar}${percentText(done)} of ${restore.total.toLocaleString('en-US')}`
  }
  return lag === null ? undefined : `lag ${lag.toLocaleString('en-US')}`
}
