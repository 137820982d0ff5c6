import { BrookError } from '../common/errors.ts'

/** The topology cannot work; thrown while it is built or before anything starts. The message names the nodes. */
export class TopologyError extends BrookError {
  readonly code = 'TOPOLOGY_INVALID'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** A source topic does not exist, or has a partition count that the topology cannot use. */
export class SourceTopicError extends BrookError {
  readonly code = 'SOURCE_TOPIC'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The user's code threw while it processed a record or a punctuation; `cause` is what it threw. */
export class ProcessingError extends BrookError {
  readonly code = 'PROCESSING_FAILED'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly taskId: string
  readonly nodeName: string

  constructor(taskId: string, nodeName: string, where: string, cause: unknown) {
    super(
      `processor ${nodeName} of task ${taskId} failed on ${where}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
    this.taskId = taskId
    this.nodeName = nodeName
  }
}

/** A record could not be read and the handler said `fail`. */
export class DeserializationError extends BrookError {
  readonly code = 'DESERIALIZATION_FAILED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** Local state and changelog disagree: the task's state is wiped and restored. */
export class TaskCorruptedError extends BrookError {
  readonly code = 'TASK_CORRUPTED'
  readonly domain = 'external'
  readonly recovery = 'restore-task'
  readonly taskIds: readonly string[]

  constructor(taskIds: readonly string[], options?: ErrorOptions & { because?: string }) {
    super(
      `state of task ${taskIds.join(', ')} does not match its changelog${options?.because ? `: ${options.because}` : ''}`,
      options,
    )
    this.taskIds = taskIds
  }
}

/** The task belongs to another instance by now: what is not committed is forgotten. */
export class TaskMigratedError extends BrookError {
  readonly code = 'TASK_MIGRATED'
  readonly domain = 'external'
  readonly recovery = 'drop-tasks'
}

/** A state machine was asked for a step that it does not have. */
export class IllegalTransitionError extends BrookError {
  readonly code = 'ILLEGAL_TRANSITION'
  readonly domain = 'internal'
  readonly recovery = 'stop'

  constructor(what: string, from: string, to: string) {
    super(`${what} cannot go from ${from} to ${to}`)
  }
}

/** The store cannot be read now; `reason` says why and so what to do. */
export class StoreNotAvailableError extends BrookError {
  readonly code = 'STORE_NOT_AVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
  readonly reason: 'not-started' | 'rebalancing' | 'restoring' | 'not-local' | 'closed'

  constructor(store: string, reason: StoreNotAvailableError['reason']) {
    super(`store ${store} cannot be read: ${reason.replace('-', ' ')}`)
    this.reason = reason
  }
}

/** There is no store with this name in the topology. */
export class UnknownStoreError extends BrookError {
  readonly code = 'STORE_UNKNOWN'
  readonly domain = 'user'
  readonly recovery = 'stop'

  constructor(store: string, known: readonly string[]) {
    super(`there is no store ${JSON.stringify(store)}; the topology has ${known.length ? known.join(', ') : 'none'}`)
  }
}
