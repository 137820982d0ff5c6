import type { OffsetCommit } from '../../../kafka/port.ts'
import { KeptMetadata } from './kept-metadata.ts'
import type { PartitionGroup } from './partition-group.ts'
import { decodePartitionMetadata, encodePartitionMetadata } from './partition-metadata.ts'
import type { QueueOffsets } from './record-queue.ts'
import type { Reached } from './task-position.ts'

/** How far a task is in each of its inputs, with what its processors keep beside the offsets. */
export class InputPositions {
  readonly #group: PartitionGroup
  readonly metadata = new KeptMetadata()
  /** Stream time as of the last commit before this run: it counts from the first record on, and so never goes back. */
  resumedMs = -1

  constructor(group: PartitionGroup) {
    this.#group = group
  }

  /** Where to go on reading an input, after the offset that is committed (or a reset policy's). */
  startAt(topic: string, partition: number, offset: number, metadata: string | undefined): void {
    const queue = this.#group.queue(topic, partition)
    if (queue === undefined) return
    queue.clear()
    queue.startAt(offset)
    const { partitionTimeMs, processors } = decodePartitionMetadata(metadata)
    queue.partitionTimeMs = partitionTimeMs
    this.resumedMs = Math.max(this.resumedMs, partitionTimeMs)
    this.metadata.resume(processors)
  }

  /** Forgets what is buffered; the position stays. */
  clearBuffers(): void {
    for (const queue of this.#group.queues) {
      const position = queue.positionOffset
      queue.clear()
      queue.startAt(position)
    }
  }

  /** The offset of the next record of each input. */
  toCommit(): readonly OffsetCommit[] {
    const processors = this.metadata.toCommit()
    return this.#group.queues.map((queue) => ({
      topic: queue.topic,
      partition: queue.partition,
      offset: queue.positionOffset,
      metadata: encodePartitionMetadata(queue.partitionTimeMs, processors),
    }))
  }

  committed(): void {
    for (const queue of this.#group.queues) queue.committedOffset = queue.positionOffset
  }

  offsets(): readonly QueueOffsets[] {
    return this.#group.queues.map((queue) => queue.offsets)
  }

  /** Per input, the offset after the last record that is in a store; with `isCommitted` the last one that is committed. */
  reached(isCommitted: boolean): Reached {
    return new Map(this.#group.queues.map((q) => [q.topic, isCommitted ? q.committedOffset : q.positionOffset]))
  }
}
