import type { Duration } from '../../../common/duration.ts'
import type { InputOffsets } from '../thread/managed-task.ts'
import type { StreamThread } from '../thread/stream-thread.ts'
import type { ClientState } from './client-state.ts'

/** A task as it is shown to people. */
export interface TaskInfo {
  readonly taskId: string
  readonly state: string
  readonly inputs: readonly string[]
  readonly stores: readonly string[]
  readonly buffered: number
  /** Once it runs: where its inputs stand. */
  readonly offsets: readonly InputOffsets[]
  /** While it is restored: how far each store is that needs it, in offsets of its changelog. */
  readonly restores: readonly StoreRestore[]
}

/** The part of a changelog that a store is restored from, and how far that is. */
export interface StoreRestore {
  readonly store: string
  readonly startingOffset: number
  readonly restoredOffset: number
  readonly endOffset: number
}

/** A stream thread of this client. @see org.apache.kafka.streams.ThreadMetadata */
export interface ThreadMetadata {
  readonly threadName: string
  /** That of a client with this thread alone. */
  readonly threadState: ClientState
  readonly activeTasks: readonly string[]
  readonly standbyTasks: readonly string[]
}

export interface CloseOptions {
  /** After this long, threads are ended as they are: what they had not committed is done over by whoever has their tasks next (default: never). */
  readonly timeout?: Duration
}

/** A standby task as it is shown to people. */
export interface StandbyTaskInfo {
  readonly taskId: string
  readonly stores: readonly string[]
  /** Changelog records that it is behind by; absent while that is not known. */
  readonly lag?: number
}

type Inside = Pick<StreamThread, 'name' | 'tasks' | 'standbys'>

export function taskInfos(thread: Inside | undefined): readonly TaskInfo[] {
  return (thread?.tasks ?? []).map((managed) => ({
    taskId: managed.taskId,
    state: managed.state,
    inputs: managed.inputs.map((p) => `${p.topic}-${p.partition}`),
    stores: managed.stores?.names ?? [],
    buffered: managed.task?.buffered ?? 0,
    offsets: managed.inputOffsets(),
    restores: managed.restores.map(({ taskId: _, ...restore }) => restore),
  }))
}

export function standbyTaskInfos(thread: Inside | undefined): readonly StandbyTaskInfo[] {
  return (thread?.standbys ?? []).map(({ taskId, stores, lag }) => ({
    taskId,
    stores: stores.names,
    ...(lag === undefined ? {} : { lag }),
  }))
}

export function threadMetadata({ name, tasks, standbys }: Inside, threadState: ClientState): ThreadMetadata {
  return {
    threadName: name,
    threadState,
    activeTasks: tasks.map((t) => t.taskId),
    standbyTasks: standbys.map((t) => t.taskId),
  }
}
