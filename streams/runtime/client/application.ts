import { partitionName, type TopicPartition } from '../../../common/record.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { type Subtopology, sourcesOf, subtopologiesOf } from '../../subtopologies.ts'
import type { Topology } from '../../topology.ts'
import type { SourceNode } from '../../topology-nodes.ts'
import { validateTopology } from '../../topology-validation.ts'
import { refuseInternalSinks } from '../group/internal-sinks.ts'

/** A topology under its application id: Brook's own topics carry that id as their prefix. */
export class Application {
  readonly id: string
  readonly topology: Topology
  readonly subtopologies: readonly Subtopology[]

  /** @throws {TopologyError} when the topology cannot work. */
  constructor(id: string, topology: Topology) {
    validateTopology(topology)
    this.id = id
    this.topology = topology
    this.subtopologies = subtopologiesOf(topology).filter((s) => !s.global)
    refuseInternalSinks(this)
  }

  /** Repartition topics are named without the application id in the topology. */
  topicName(name: string): string {
    return this.topology.repartitionTopics.has(name) ? `${this.id}-${name}` : name
  }

  changelogTopic(store: string): string {
    return this.sourceTopicOf(store) ?? changelogTopicName(this.id, store)
  }

  /** The source topic that is the changelog of a store, where it has none of its own. */
  sourceTopicOf(store: string): string | undefined {
    const topic = this.topology.sourceTopicsOfStores.get(store)
    return topic === undefined ? undefined : this.topicName(topic)
  }

  storeBuilder(name: string): StoreBuilder {
    return this.topology.stores.get(name) as StoreBuilder
  }

  /** Something is kept on this machine's disk. */
  get hasPersistentState(): boolean {
    const { stores, globalStores } = this.topology
    return [...stores.values(), ...[...globalStores.values()].map((g) => g.store)].some((store) => store.persistent)
  }

  /** Input topics of a sub-topology with the source that reads each. */
  inputs(subtopology: Subtopology): ReadonlyMap<string, SourceNode> {
    const inputs = new Map<string, SourceNode>()
    for (const source of sourcesOf(subtopology))
      for (const topic of source.topics) inputs.set(this.topicName(topic), source)
    return inputs
  }

  /** The source that reads a topic, by name. */
  readerOf(topic: string): string | undefined {
    for (const node of this.topology.nodes.values())
      if (node.kind === 'source' && node.topics.some((name) => this.topicName(name) === topic)) return node.name
  }

  /** Every topic that the tasks read. */
  sourceTopics(): readonly string[] {
    return this.subtopologies.flatMap((s) => [...this.inputs(s).keys()])
  }

  subtopologyOf(taskId: string): Subtopology {
    const id = Number(taskId.slice(0, taskId.indexOf('_')))
    return this.subtopologies.find((s) => s.id === id) as Subtopology
  }

  /**
   * The tasks and their partitions: task `s_p` has partition p of every input of sub-topology s that has one; there are as
   * many as the input with the most partitions has.
   * @see org.apache.kafka.streams.processor.internals.PartitionGrouper
   */
  tasks(partitionCounts: ReadonlyMap<string, number>): ReadonlyMap<string, readonly TopicPartition[]> {
    const tasks = new Map<string, TopicPartition[]>()
    for (const subtopology of this.subtopologies) {
      for (const topic of this.inputs(subtopology).keys()) {
        const count = partitionCounts.get(topic) ?? 0
        for (let partition = 0; partition < count; partition++) {
          const taskId = `${subtopology.id}_${partition}`
          const partitions = tasks.get(taskId)
          if (partitions) partitions.push({ topic, partition })
          else tasks.set(taskId, [{ topic, partition }])
        }
      }
    }
    return new Map([...tasks].sort(([a], [b]) => compareTaskIds(a, b)))
  }
}

export function partitionOf(taskId: string): number {
  return Number(taskId.slice(taskId.indexOf('_') + 1))
}

export function compareTaskIds(a: string, b: string): number {
  const [subtopologyA = 0, partitionA = 0] = a.split('_').map(Number)
  const [subtopologyB = 0, partitionB = 0] = b.split('_').map(Number)
  return subtopologyA - subtopologyB || partitionA - partitionB
}

export function nameOf(partition: TopicPartition): string {
  return partitionName(partition.topic, partition.partition)
}
