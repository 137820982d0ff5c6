import type { TopicPartition } from '../../../common/record.ts'
import type { Admin, ConsumerOptions } from '../../../kafka/port.ts'
import { ShutdownRequestedError } from '../../errors.ts'
import type { Application } from '../client/application.ts'
import type { StreamsConfig } from '../client/streams-config.ts'
import { type AssignmentNews, streamsAssignor } from './assignor.ts'
import { changelogEnds } from './changelog-ends.ts'
import type { factsAbout } from './own-facts.ts'
import { withShutdown } from './shutdown-assignor.ts'

export interface GroupMemberOptions {
  readonly config: StreamsConfig
  readonly application: Application
  readonly admin: Admin
  /** All tasks that could be, with their partitions. */
  readonly tasks: ReadonlyMap<string, readonly TopicPartition[]>
  readonly processId: string
  /** Where the thread is one of several. */
  readonly threadName: string | undefined
  /** What the thread tells the group of its state. */
  readonly facts: () => ReturnType<typeof factsAbout>
  readonly onAssignment: (news: AssignmentNews) => void
  /** A member of the group asks all others to end. */
  readonly onAsked: (error: ShutdownRequestedError) => void
}

/** How a stream thread joins the group of its application. */
export function groupMember(options: GroupMemberOptions): ConsumerOptions {
  const { config, application, admin, tasks, processId, threadName = '' } = options
  const { applicationId, applicationServer, exactlyOnce, autoOffsetReset, sessionTimeoutMs, heartbeatIntervalMs } =
    config
  const isolationLevel = exactlyOnce ? 'read_committed' : 'read_uncommitted'
  const assignor = streamsAssignor({
    self: () => ({ processId, endpoint: applicationServer, tags: config.clientTags, ...options.facts() }),
    rules: config,
    tasks: () => tasks,
    endOffsetSums: () => changelogEnds(application, [...tasks.keys()], admin, isolationLevel, config.log),
    onAssignment: options.onAssignment,
  })
  const onAsked = (): void =>
    options.onAsked(new ShutdownRequestedError('a member of the group asks for the end of the application'))
  return {
    groupId: applicationId,
    clientId: `${applicationId}-${processId}${threadName.slice(applicationId.length)}`,
    assignor: withShutdown(assignor, { asks: false, onAsked }),
    autoOffsetReset,
    sessionTimeoutMs,
    heartbeatIntervalMs,
    isolationLevel,
  }
}
