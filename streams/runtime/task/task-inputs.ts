import type { LogRecord } from '../../../kafka/port.ts'
import type { DropReason } from '../../processors/processor.ts'
import type { RecordMetadata } from '../../record.ts'
import type { Subtopology } from '../../subtopologies.ts'
import type { SourceNode } from '../../topology-nodes.ts'
import { RecordQueue } from './record-queue.ts'
import type { StreamTaskOptions } from './stream-task-options.ts'

/** What comes of records that a source does not take; as {@link RecordQueueHooks}, with the source. */
export interface InputHooks {
  readonly onUnreadable: (source: string, at: RecordMetadata, record: LogRecord, error: Error) => void
  readonly onDrop: (
    source: string,
    at: RecordMetadata,
    record: LogRecord,
    reason: DropReason,
    error: Error | undefined,
  ) => void
}

/** A queue for each input of a task, and the source that it feeds. */
export function makeQueues(
  subtopology: Subtopology,
  { application, inputs, onUnblocked }: Pick<StreamTaskOptions, 'application' | 'inputs' | 'onUnblocked'>,
  { onUnreadable, onDrop }: InputHooks,
): ReadonlyMap<RecordQueue, SourceNode> {
  const sourceOf = application.inputs(subtopology)
  const queues = new Map<RecordQueue, SourceNode>()
  for (const { topic, partition } of inputs) {
    const source = sourceOf.get(topic) as SourceNode
    const at = ({ offset }: LogRecord): RecordMetadata => ({ topic, partition, offset })
    const queue = new RecordQueue(source, topic, partition, {
      onUnreadable: (raw, error) => onUnreadable(source.name, at(raw), raw, error),
      onUnblocked,
      onDrop: (reason, raw, _topic, _partition, error) => onDrop(source.name, at(raw), raw, reason, error),
    })
    queues.set(queue, source)
  }
  return queues
}
