import type { Serde } from '../../../common/serde.ts'
import type { StoreType } from '../../../stores/state-store.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { type Subtopology, sourcesOf } from '../../subtopologies.ts'
import { parentsOf, type TopologyNode } from '../../topology-nodes.ts'
import type { Application } from '../client/application.ts'

export const BLUEPRINT_FORMAT = 1

/** How something is written: the name of its serde and, where it has one, its schema. */
export interface SerdeBlueprint {
  readonly name: string
  readonly schema?: unknown
  /** Why it cannot read what was written with another schema. Not in the JSON: a plan that runs can be asked, one of the past cannot. */
  readonly readProblems?: (writerSchema: unknown) => readonly string[]
}

export interface StoreBlueprint {
  readonly name: string
  readonly type: StoreType
  /** `null` for a global store. */
  readonly subtopology: number | null
  readonly persistent: boolean
  /** The topic that it is restored from; `null` when there is none. */
  readonly changelog: string | null
  /** That topic is one that the application reads anyway. */
  readonly isSourceTopic: boolean
  readonly key: SerdeBlueprint
  readonly value: SerdeBlueprint
  readonly windowSizeMs?: number
  readonly retentionMs?: number
  readonly historyRetentionMs?: number
  readonly retainDuplicates?: boolean
  /** Rows come due: they have a time to live, or are timers. */
  readonly comesDue?: boolean
  /** Topics from which records come to the processors that use it. */
  readonly inputs: readonly string[]
}

export interface SubtopologyBlueprint {
  readonly id: number
  readonly global: boolean
  readonly sources: readonly string[]
  readonly stores: readonly string[]
}

export interface RepartitionBlueprint {
  readonly topic: string
  readonly key: SerdeBlueprint
  readonly value: SerdeBlueprint
}

/** What of a topology lives on outside of it, in topics and on disks: enough to say whether another topology can go on from there. */
export interface TopologyBlueprint {
  readonly format: number
  readonly applicationId: string
  readonly subtopologies: readonly SubtopologyBlueprint[]
  readonly stores: readonly StoreBlueprint[]
  readonly repartitionTopics: readonly RepartitionBlueprint[]
}

export function blueprintOf(application: Application): TopologyBlueprint {
  const { topology } = application
  const globals = [...topology.globalStores.values()]
  return {
    format: BLUEPRINT_FORMAT,
    applicationId: application.id,
    subtopologies: application.subtopologies.map((s) => subtopologyBlueprint(application, s)),
    stores: [
      ...application.subtopologies.flatMap((subtopology) =>
        subtopology.stores
          .filter((name) => topology.stores.has(name))
          .map((name) => storeBlueprint(application, subtopology, application.storeBuilder(name))),
      ),
      ...globals.map(({ store, source }) => ({
        ...aspectsOf(store),
        subtopology: null,
        changelog: source.topics[0] ?? null,
        isSourceTopic: true,
        inputs: [...source.topics],
      })),
    ],
    repartitionTopics: [...topology.repartitionTopics.keys()].map((name) => repartitionBlueprint(application, name)),
  }
}

function subtopologyBlueprint(application: Application, subtopology: Subtopology): SubtopologyBlueprint {
  const { id, global, stores } = subtopology
  return { id, global, sources: [...application.inputs(subtopology).keys()].sort(), stores: [...stores].sort() }
}

function storeBlueprint(application: Application, subtopology: Subtopology, store: StoreBuilder): StoreBlueprint {
  const sourceTopic = application.sourceTopicOf(store.name)
  return {
    ...aspectsOf(store),
    subtopology: subtopology.id,
    changelog: sourceTopic ?? (store.logging ? application.changelogTopic(store.name) : null),
    isSourceTopic: sourceTopic !== undefined,
    inputs: inputsOf(application, subtopology, store.name),
  }
}

function aspectsOf(store: StoreBuilder) {
  const { name, type, persistent, windowSizeMs, retentionMs, historyRetentionMs, retainDuplicates } = store
  return {
    name,
    type,
    persistent,
    key: serdeBlueprint(store.keySerde),
    value: serdeBlueprint(store.valueSerde),
    ...(windowSizeMs === undefined ? {} : { windowSizeMs }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(historyRetentionMs === undefined ? {} : { historyRetentionMs }),
    ...(retainDuplicates === undefined ? {} : { retainDuplicates }),
    ...(store.dueTime === undefined ? {} : { comesDue: true }),
  }
}

function serdeBlueprint(serde: Serde<unknown>): SerdeBlueprint {
  return {
    name: serde.name,
    ...(serde.schema === undefined ? {} : { schema: serde.schema }),
    ...(serde.readProblems === undefined ? {} : { readProblems: (schema) => serde.readProblems?.(schema) ?? [] }),
  }
}

/** Source topics above the processors that use the store. */
function inputsOf(application: Application, { nodes }: Subtopology, store: string): readonly string[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const seen = new Set<string>()
  const topics = new Set<string>()
  const climb = (node: TopologyNode): void => {
    if (seen.has(node.name)) return
    seen.add(node.name)
    if (node.kind === 'source') for (const topic of node.topics) topics.add(application.topicName(topic))
    for (const parent of parentsOf(node)) {
      const above = byName.get(parent)
      if (above !== undefined) climb(above)
    }
  }
  for (const node of nodes) if (node.kind === 'processor' && node.stores.has(store)) climb(node)
  return [...topics].sort()
}

function repartitionBlueprint(application: Application, name: string): RepartitionBlueprint {
  const reader = application.subtopologies.flatMap(sourcesOf).find(({ topics }) => topics.includes(name))
  return {
    topic: application.topicName(name),
    key: reader ? serdeBlueprint(reader.keySerde) : { name: 'unread' },
    value: reader ? serdeBlueprint(reader.valueSerde) : { name: 'unread' },
  }
}
