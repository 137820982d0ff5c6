import { partitionName, type TopicPartition } from '../../common/record.ts'
import { GroupActiveError, OffsetOutOfRangeError } from '../errors.ts'
import type {
  Admin,
  GroupDescription,
  IsolationLevel,
  OffsetAndMetadata,
  OffsetCommit,
  TopicDescription,
  TopicSpec,
} from '../port.ts'
import type { Engine, EngineSource } from './engine.ts'
import { offsetForTime } from './offset-for-time.ts'
import type { PartitionLog } from './partition-log.ts'

export class EmbeddedAdmin implements Admin {
  readonly #source: EngineSource

  constructor(source: EngineSource) {
    this.#source = source
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await (await this.#source.open()).catalogue.create(topics)
  }

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const { catalogue } = await this.#source.open()
    const found = new Map<string, TopicDescription>()
    for (const name of names) {
      const topic = catalogue.find(name)
      if (topic) found.set(name, { name, partitions: topic.partitions.length })
    }
    return found
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.#source.open()).catalogue.names
  }

  async topicConfigs(name: string): Promise<Readonly<Record<string, string>>> {
    return (await this.#source.open()).catalogue.get(name).configs
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    const { catalogue, offsets } = await this.#source.open()
    await catalogue.delete(names, (topic) => offsets.deleteTopic(topic))
  }

  async deleteRecords(before: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    const { catalogue, cleaner } = await this.#source.open()
    for (const { topic, partition, offset } of before) {
      const log = catalogue.log(topic, partition)
      if (offset > log.stableOffset || offset < 0) {
        throw new OffsetOutOfRangeError(
          `records of ${log.name} cannot be deleted before ${offset}: it has ${log.head.logStart} to ${log.stableOffset}`,
        )
      }
    }
    for (const { topic, partition, offset } of before)
      await cleaner.deleteBefore(catalogue.log(topic, partition), offset)
  }

  async beginningOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#ofEach(partitions, (log) => log.head.logStart)
  }

  async endOffsets(
    partitions: readonly TopicPartition[],
    isolationLevel: IsolationLevel = 'read_uncommitted',
  ): Promise<ReadonlyMap<string, number>> {
    return this.#ofEach(partitions, (log) =>
      isolationLevel === 'read_committed' ? log.stableOffset : log.head.nextOffset,
    )
  }

  async offsetsForTime(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
  ): Promise<ReadonlyMap<string, number>> {
    const { catalogue } = await this.#source.open()
    const found = new Map<string, number>()
    for (const { topic, partition, timestampMs } of partitions) {
      found.set(partitionName(topic, partition), await offsetForTime(catalogue.log(topic, partition), timestampMs))
    }
    return found
  }

  async committedOffsets(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, OffsetAndMetadata>> {
    return (await this.#source.open()).offsets.committedOf(groupId, topics)
  }

  async describeGroup(groupId: string): Promise<GroupDescription> {
    const { groups, offsets } = await this.#source.open()
    const group = groups.find(groupId)
    if (group !== undefined && group.size > 0) return group.describe()
    return { groupId, state: offsets.has(groupId) ? 'Empty' : 'Dead', members: [] }
  }

  async alterOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void> {
    const engine = await this.#source.open()
    refuseActive(engine, groupId)
    for (const { topic, partition } of offsets) engine.catalogue.log(topic, partition)
    await engine.writer.write(engine.offsets.rows(groupId, offsets))
    engine.offsets.apply(groupId, offsets)
  }

  async deleteGroup(groupId: string): Promise<void> {
    const engine = await this.#source.open()
    refuseActive(engine, groupId)
    await engine.writer.write(engine.offsets.deleteGroup(groupId).map((key) => [key, null]))
  }

  async #ofEach(
    partitions: readonly TopicPartition[],
    tell: (log: PartitionLog) => number,
  ): Promise<ReadonlyMap<string, number>> {
    const { catalogue } = await this.#source.open()
    return new Map(
      partitions.map(({ topic, partition }) => [
        partitionName(topic, partition),
        tell(catalogue.log(topic, partition)),
      ]),
    )
  }
}

function refuseActive({ groups }: Engine, groupId: string): void {
  if ((groups.find(groupId)?.size ?? 0) > 0) throw new GroupActiveError(`group ${groupId} has members: stop them first`)
}
