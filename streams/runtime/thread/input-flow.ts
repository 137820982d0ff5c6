import type { TopicPartition } from '../../../common/record.ts'
import type { GroupConsumer } from '../../../kafka/port.ts'
import { nameOf } from '../client/application.ts'
import type { ManagedTask } from './managed-task.ts'

/** Which inputs of a thread are fetched: not those of tasks that do not run, nor those that have enough buffered. */
export class InputFlow {
  readonly #consumer: GroupConsumer
  readonly #bufferedRecordsPerPartition: number
  readonly #paused = new Set<string>()

  constructor(consumer: GroupConsumer, bufferedRecordsPerPartition: number) {
    this.#consumer = consumer
    this.#bufferedRecordsPerPartition = bufferedRecordsPerPartition
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#consumer.pause(partitions)
    for (const partition of partitions) this.#paused.add(nameOf(partition))
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#consumer.resume(partitions)
    for (const partition of partitions) this.#paused.delete(nameOf(partition))
  }

  /** Pauses inputs that have enough buffered, and resumes those that have not any more. */
  regulate(tasks: Iterable<ManagedTask>): void {
    const pause: TopicPartition[] = []
    const resume: TopicPartition[] = []
    for (const { state, task, inputs } of tasks) {
      if (state !== 'running') continue
      for (const partition of inputs) {
        const full = task.bufferedOf(partition.topic, partition.partition) > this.#bufferedRecordsPerPartition
        if (full !== this.#paused.has(nameOf(partition))) (full ? pause : resume).push(partition)
      }
    }
    if (pause.length > 0) this.pause(pause)
    if (resume.length > 0) this.resume(resume)
  }
}
