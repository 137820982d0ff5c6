import { partitionName, type TopicPartition } from '../../common/record.ts'
import type { OffsetAndMetadata, OffsetCommit } from '../port.ts'
import { offsetKey, readOffsetKey, rowsOf } from './keys.ts'
import type { LogStore } from './log-store.ts'

interface GroupOffsets {
  readonly committed: Map<string, OffsetCommit>
  /** How many open transactions have offsets for a partition. */
  readonly pending: Map<string, number>
  readonly waiting: Set<() => void>
}

/** What groups have committed, and which of it open transactions are about to change. */
export class OffsetStore {
  readonly #groups = new Map<string, GroupOffsets>()

  async load(store: LogStore): Promise<void> {
    for await (const [key, value] of store.scan(rowsOf('offset'))) {
      const [groupId, topic, partition] = readOffsetKey(key)
      this.apply(groupId, [{ topic, partition, ...(JSON.parse(value.toString('utf8')) as OffsetAndMetadata) }])
    }
  }

  rows(groupId: string, offsets: readonly OffsetCommit[]): [Buffer, Buffer][] {
    return offsets.map(({ topic, partition, offset, metadata }) => [
      offsetKey(groupId, topic, partition),
      Buffer.from(JSON.stringify(metadata === undefined ? { offset } : { offset, metadata })),
    ])
  }

  /** The rows are durable, or enqueued. */
  apply(groupId: string, offsets: readonly OffsetCommit[]): void {
    const { committed } = this.#group(groupId)
    for (const one of offsets) committed.set(partitionName(one.topic, one.partition), one)
  }

  committed(groupId: string, partitions: readonly TopicPartition[]): Map<string, OffsetAndMetadata> {
    const group = this.#groups.get(groupId)
    const found = new Map<string, OffsetAndMetadata>()
    for (const { topic, partition } of partitions) {
      const name = partitionName(topic, partition)
      const one = group?.committed.get(name)
      if (one) found.set(name, withoutPartition(one))
    }
    return found
  }

  committedOf(groupId: string, topics: readonly string[]): Map<string, OffsetAndMetadata> {
    const found = new Map<string, OffsetAndMetadata>()
    for (const [name, one] of this.#groups.get(groupId)?.committed ?? []) {
      if (topics.includes(one.topic)) found.set(name, withoutPartition(one))
    }
    return found
  }

  /** Whether the group has committed anything. */
  has(groupId: string): boolean {
    return (this.#groups.get(groupId)?.committed.size ?? 0) > 0
  }

  hold(groupId: string, offsets: readonly OffsetCommit[]): void {
    const { pending } = this.#group(groupId)
    for (const { topic, partition } of offsets) {
      const name = partitionName(topic, partition)
      pending.set(name, (pending.get(name) ?? 0) + 1)
    }
  }

  release(groupId: string, offsets: readonly OffsetCommit[]): void {
    const { pending, waiting } = this.#group(groupId)
    for (const { topic, partition } of offsets) {
      const name = partitionName(topic, partition)
      const count = (pending.get(name) ?? 1) - 1
      if (count > 0) pending.set(name, count)
      else pending.delete(name)
    }
    for (const wake of waiting) wake()
  }

  isPending(groupId: string, partitions: readonly TopicPartition[]): boolean {
    const pending = this.#groups.get(groupId)?.pending
    if (!pending || pending.size === 0) return false
    return partitions.some(({ topic, partition }) => pending.has(partitionName(topic, partition)))
  }

  /** Calls `wake` whenever a transaction with offsets of this group has ended, until the returned function is called. */
  watch(groupId: string, wake: () => void): () => void {
    const { waiting } = this.#group(groupId)
    waiting.add(wake)
    return () => waiting.delete(wake)
  }

  /** Forgets the group; returns the keys of its rows. */
  deleteGroup(groupId: string): Buffer[] {
    const committed = [...(this.#groups.get(groupId)?.committed.values() ?? [])]
    this.#groups.get(groupId)?.committed.clear()
    return committed.map(({ topic, partition }) => offsetKey(groupId, topic, partition))
  }

  /** Forgets what all groups have committed for a topic; returns the keys of the rows. */
  deleteTopic(topic: string): Buffer[] {
    const keys: Buffer[] = []
    for (const [groupId, { committed }] of this.#groups) {
      for (const [name, one] of committed) {
        if (one.topic !== topic) continue
        committed.delete(name)
        keys.push(offsetKey(groupId, topic, one.partition))
      }
    }
    return keys
  }

  #group(groupId: string): GroupOffsets {
    let group = this.#groups.get(groupId)
    if (!group) {
      group = { committed: new Map(), pending: new Map(), waiting: new Set() }
      this.#groups.set(groupId, group)
    }
    return group
  }
}

function withoutPartition({ offset, metadata }: OffsetCommit): OffsetAndMetadata {
  return metadata === undefined ? { offset } : { offset, metadata }
}
