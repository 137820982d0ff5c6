import type { InteractiveQueries, KafkaStreams } from '../streams/index.ts'
import { HttpProblem } from './problem.ts'

/** What is asked of the reads of a client. */
export type QueriesView = Pick<
  InteractiveQueries,
  | 'stores'
  | 'store'
  | 'builder'
  | 'serdeTopic'
  | 'positionTopics'
  | 'keyValueStore'
  | 'query'
  | 'waitFor'
  | 'follow'
  | 'metadataForKey'
  | 'metadataForPartition'
  | 'instances'
  | 'allLocalStorePartitionLags'
>

/** What is asked of a {@link KafkaStreams} client. */
export type StreamsView = Pick<
  KafkaStreams,
  'state' | 'applicationId' | 'processId' | 'describe' | 'tasks' | 'standbyTasks'
> & {
  readonly queries: QueriesView
}

/** The client of this process, once there is one. */
export type StreamsProvider = () => StreamsView | undefined

/** Where the other instances reach this one, if it has said so. */
export function ownEndpoint(streams: StreamsView): string | undefined {
  return streams.queries.instances().find((i) => i.local)?.endpoint
}

/** @throws {HttpProblem} `NOT_RUNNING` before the client is made. */
export function requireStreams(provider: StreamsProvider): StreamsView {
  const streams = provider()
  if (streams === undefined)
    throw new HttpProblem('NOT_RUNNING', 'the stream application has not been started yet', { retryAfterS: 2 })
  return streams
}
