import type { Duration } from '../../../common/duration.ts'
import type { StandbyUpdateListener } from '../standby/standby-listener.ts'
import type { StateRestoreListener } from '../state/restore-listener.ts'

/** Settings of state: where its copies are, how it moves, how long it stays. Names and defaults are Kafka Streams'. */
export interface StateOptions {
  /** Copies of each task's state on other instances, kept warm to take over without a restore (default 0). */
  readonly numStandbyReplicas?: number
  /** Changelog records that an instance's copy may be behind, and still take the task over at once (default 10,000). */
  readonly acceptableRecoveryLag?: number
  /** Copies that may be built at a time, over all instances, for tasks that are to move (default 2). */
  readonly maxWarmupReplicas?: number
  /** While tasks are not where they belong: how often the group looks again, besides when a warm-up has caught up (default 10 min). */
  readonly probingRebalanceInterval?: Duration
  /** Where this instance stands, such as `{ zone: 'a' }`. At most 5 tags. */
  readonly clientTags?: Readonly<Record<string, string>>
  /** Tags in which the copies of a task should differ, where there are enough instances. */
  readonly rackAwareAssignmentTags?: readonly string[]
  /** How long the state of a task that is not here any more is kept, in case it comes back (default 10 min). */
  readonly stateCleanupDelay?: Duration
  /** Told how restores go. */
  readonly stateRestoreListener?: StateRestoreListener
  /** Told how standbys are kept up to date. */
  readonly standbyUpdateListener?: StandbyUpdateListener
}

export interface StateSettings {
  readonly numStandbyReplicas: number
  readonly acceptableRecoveryLag: number
  readonly maxWarmupReplicas: number
  readonly probingRebalanceIntervalMs: number
  readonly clientTags: Readonly<Record<string, string>>
  readonly rackAwareAssignmentTags: readonly string[]
  readonly stateCleanupDelayMs: number
  readonly stateRestoreListener: StateRestoreListener | undefined
  readonly standbyUpdateListener: StandbyUpdateListener | undefined
}

/** How settings are read; `problems` gathers what is wrong. */
export interface SettingReaders {
  readonly duration: (name: string, value: Duration | undefined, fallback: number) => number
  readonly count: (name: string, value: number | undefined, fallback: number, min?: number) => number
  readonly problems: string[]
}

const MOST_TAGS = 5
const MINUTE_MS = 60_000

export function stateSettings(options: StateOptions, { duration, count, problems }: SettingReaders): StateSettings {
  const { clientTags = {}, rackAwareAssignmentTags = [] } = options
  if (Object.keys(clientTags).length > MOST_TAGS) problems.push(`clientTags has more than ${MOST_TAGS} tags`)
  for (const tag of rackAwareAssignmentTags)
    if (!(tag in clientTags)) problems.push(`rackAwareAssignmentTags names ${tag}, which clientTags does not have`)
  const probingRebalanceIntervalMs = duration(
    'probingRebalanceInterval',
    options.probingRebalanceInterval,
    10 * MINUTE_MS,
  )
  if (probingRebalanceIntervalMs < MINUTE_MS)
    problems.push(`probingRebalanceInterval must be at least 1 min, got ${probingRebalanceIntervalMs} ms`)
  return {
    numStandbyReplicas: count('numStandbyReplicas', options.numStandbyReplicas, 0),
    acceptableRecoveryLag: count('acceptableRecoveryLag', options.acceptableRecoveryLag, 10_000),
    maxWarmupReplicas: count('maxWarmupReplicas', options.maxWarmupReplicas, 2, 1),
    probingRebalanceIntervalMs,
    clientTags,
    rackAwareAssignmentTags,
    stateCleanupDelayMs: duration('stateCleanupDelay', options.stateCleanupDelay, 10 * MINUTE_MS),
    stateRestoreListener: options.stateRestoreListener,
    standbyUpdateListener: options.standbyUpdateListener,
  }
}
