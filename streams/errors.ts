import { BrookError } from '../common/errors.ts'

/** What can be wrong with a topology. */
export type TopologyProblemCode =
  | 'no-source'
  | 'no-topic'
  | 'no-parent'
  | 'unknown-parent'
  | 'sink-as-parent'
  | 'own-parent'
  | 'duplicate-node'
  | 'duplicate-store'
  | 'unknown-store'
  | 'unconnected-store'
  | 'store-not-of-a-processor'
  | 'global-store-misuse'
  | 'duplicate-topic'
  | 'source-mismatch'
  | 'topic-name-clash'
  | 'endless-loop'
  | 'not-fed'
  | 'not-copartitioned'
  | 'unknown-partition-count'
  | 'partition-count-mismatch'
  | 'partition-count-cycle'
  | 'missing-topic'
  | 'missing-serde'
  | 'generated-name'
  | 'shared-processor'
  | 'invalid'

export interface TopologyProblem {
  readonly code: TopologyProblemCode
  /** Says what is wrong and the way out. */
  readonly message: string
  /** Nodes, stores and topics that it is about. */
  readonly nodes: readonly string[]
}

/**
 * The topology cannot work; thrown while it is built or before anything starts. The message names the nodes and the way out;
 * `problems` has every one that was found.
 */
export class TopologyError extends BrookError {
  readonly code = 'TOPOLOGY_INVALID'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly problems: readonly TopologyProblem[]

  constructor(
    what: string | readonly TopologyProblem[],
    { code = 'invalid', nodes = [] }: Partial<Omit<TopologyProblem, 'message'>> = {},
  ) {
    const problems = typeof what === 'string' ? [{ code, message: what, nodes }] : what
    const [first] = problems
    super(
      first !== undefined && problems.length === 1
        ? first.message
        : `the topology has ${problems.length} problems:\n${problems.map((p) => `  - ${p.message}`).join('\n')}`,
    )
    this.problems = problems
  }
}

/** One thing of a topology that cannot go on from what is deployed. */
export interface TopologyChange {
  readonly kind: string
  readonly name: string
  readonly verdict: string
  readonly reasons: readonly string[]
}

/** The topology cannot go on from what another one has left under the same application id; `changes` says what and why. */
export class TopologyChangedError extends BrookError {
  readonly code = 'TOPOLOGY_CHANGED'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly changes: readonly TopologyChange[]

  constructor(applicationId: string, changes: readonly TopologyChange[]) {
    const lines = changes.map((c) => `  - ${c.kind} ${c.name} (${c.verdict}): ${c.reasons.join('; ')}`)
    super(
      `the topology of ${applicationId} does not fit what is deployed:\n${lines.join('\n')}\nGo back, name things as before, reset the application (brook reset), or accept it once (topologyCheck: 'warn')`,
    )
    this.changes = changes
  }
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

/** A record could not be written, and the handler said `fail`, or `retry` (then the task is done over from its last commit). */
export class ProductionError extends BrookError {
  readonly code = 'PRODUCTION_FAILED'
  readonly domain: 'user' | 'external'
  readonly recovery: 'stop' | 'retry'
  readonly taskId: string
  readonly topic: string

  constructor(taskId: string, nodeName: string, topic: string, due: 'stop' | 'retry', cause: Error) {
    super(`${nodeName} of task ${taskId} could not write to ${topic}: ${cause.message}`, { cause })
    this.domain = due === 'stop' ? 'user' : 'external'
    this.recovery = due
    this.taskId = taskId
    this.topic = topic
  }
}

/** What a processor put into a store cannot be written; the task is done over with stores that find out at the put, where the record is known. */
export class StateNotWritableError extends BrookError {
  readonly code = 'STATE_NOT_WRITABLE'
  readonly domain = 'user'
  readonly recovery = 'restore-task'
  readonly taskId: string

  constructor(taskId: string, cause: Error) {
    super(`a change of a store of task ${taskId} cannot be written: ${cause.message}`, { cause })
    this.taskId = taskId
  }
}

/** A handler of errors threw itself; `cause` is what it threw. */
export class ErrorHandlerFailedError extends BrookError {
  readonly code = 'ERROR_HANDLER_FAILED'
  readonly domain = 'user'
  readonly recovery = 'stop'

  constructor(kind: string, failure: Error, cause: unknown) {
    super(
      `the ${kind} handler threw ${cause instanceof Error ? cause.message : String(cause)} when it was asked about: ${failure.message}`,
      { cause },
    )
  }
}

/** A dead letter could not be written: to go on would be to lose its record without trace. */
export class DeadLetterError extends BrookError {
  readonly code = 'DEAD_LETTER_FAILED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** What should have passed did not within `taskTimeout`; `cause` is the last error. */
export class TaskTimeoutError extends BrookError {
  readonly code = 'TASK_TIMEOUT'
  readonly domain = 'external'
  readonly recovery = 'stop'
  readonly taskId: string

  constructor(taskId: string, timeoutMs: number, cause: Error | undefined) {
    super(`task ${taskId} made no progress for ${timeoutMs} ms${cause === undefined ? '' : `: ${cause.message}`}`, {
      cause,
    })
    this.taskId = taskId
  }
}

/** A member of the group had an error for which its policy is to shut the whole application down. */
export class ShutdownRequestedError extends BrookError {
  readonly code = 'SHUTDOWN_REQUESTED'
  readonly domain = 'external'
  readonly recovery = 'stop'
}

/** A call of an asynchronous operator took longer than its `timeout`; its signal was aborted with this error. */
export class AsyncTimeoutError extends BrookError {
  readonly code = 'ASYNC_TIMEOUT'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The reason with which the calls of a task are aborted that is closed: its records are done over from the last commit. */
export class TaskClosedError extends BrookError {
  readonly code = 'TASK_CLOSED'
  readonly domain = 'external'
  readonly recovery = 'drop-tasks'
}

/** A processor of `processValues` forwarded a record with another key than it was given. */
export class KeyChangedError extends BrookError {
  readonly code = 'KEY_CHANGED'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly nodeName: string

  constructor(nodeName: string) {
    super(`${nodeName} is a processor of values and may not change keys: use process() for that, which repartitions`)
    this.nodeName = nodeName
  }
}

/** A record could not be read and the handler said `fail`. */
export class DeserializationError extends BrookError {
  readonly code = 'DESERIALIZATION_FAILED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** Another process works with this state directory: give each process its own, or end the other one. */
export class StateDirectoryLockedError extends BrookError {
  readonly code = 'STATE_DIRECTORY_LOCKED'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly path: string

  constructor(path: string, owner: string, options?: ErrorOptions) {
    super(`the state directory ${path} is used by ${owner}: each process needs a stateDir of its own`, options)
    this.path = path
  }
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
  /** `migrated`: the task was closed while it was read. */
  readonly reason: 'not-started' | 'rebalancing' | 'restoring' | 'not-local' | 'migrated' | 'closed'

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

/** A suppression holds more than it may, and was told to stop rather than send anything early (`shutDownWhenFull`). */
export class SuppressBufferFullError extends BrookError {
  readonly code = 'SUPPRESS_BUFFER_FULL'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly nodeName: string

  constructor(
    nodeName: string,
    held: {
      readonly records: number
      readonly maxRecords: number
      readonly sizeBytes: number
      readonly maxBytes: number
    },
  ) {
    const { records, maxRecords, sizeBytes, maxBytes } = held
    super(
      `the buffer of ${nodeName} is full: it holds ${records} records of ${maxRecords} and ${sizeBytes} bytes of ${maxBytes}. Raise the limits, or let it send early (emitEarlyWhenFull)`,
    )
    this.nodeName = nodeName
  }
}

/** The module that a topology was to be loaded from cannot be imported, or gives none. */
export class TopologyModuleError extends BrookError {
  readonly code = 'TOPOLOGY_MODULE'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** A stream thread ended without saying why: something in it ended the thread, or it ran out of memory. */
export class StreamThreadDiedError extends BrookError {
  readonly code = 'STREAM_THREAD_DIED'
  readonly domain = 'internal'
  readonly recovery = 'stop'
  readonly threadName: string

  constructor(threadName: string, why: string, options?: ErrorOptions) {
    super(`stream thread ${threadName} died: ${why}`, options)
    this.threadName = threadName
  }
}

/** The client cannot have several stream threads, or not another one now; the message says the way out. */
export class StreamThreadsError extends BrookError {
  readonly code = 'STREAM_THREADS'
  readonly domain = 'user'
  readonly recovery = 'stop'
}
