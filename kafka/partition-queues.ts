import { PartitionQueue } from './producer-batch.ts'
import type { ProducerIdentity } from './protocol/transaction.ts'

/** The queues of a producer, one per partition that it has sent to. */
export class PartitionQueues {
  readonly #byTopic = new Map<string, Map<number, PartitionQueue>>()
  /** What new partitions are sent to under; `undefined`: not known yet. */
  identity: ProducerIdentity | undefined

  of(topic: string, partition: number): PartitionQueue {
    let partitions = this.#byTopic.get(topic)
    if (!partitions) {
      partitions = new Map()
      this.#byTopic.set(topic, partitions)
    }
    let queue = partitions.get(partition)
    if (!queue) {
      queue = new PartitionQueue(topic, partition)
      queue.identity = this.identity
      partitions.set(partition, queue)
    }
    return queue
  }

  /** All partitions are sent to under this identity from now on, numbered from 0. */
  startOver(identity: ProducerIdentity): void {
    this.identity = identity
    for (const partitions of this.#byTopic.values()) for (const queue of partitions.values()) queue.startOver(identity)
  }
}
