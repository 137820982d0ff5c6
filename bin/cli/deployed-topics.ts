import type { Admin } from '../../kafka/port.ts'
import type { TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { deployedTopologyTopic } from '../../streams/runtime/deployment/deployed-topology.ts'

/** What Kafka Streams, and Brook with it, calls the topics that it makes. */
const INTERNAL =
  /-(changelog|repartition|subscription-registration-topic|subscription-response-topic)$|-KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-\d+-topic$/

/** The topics of one application, as far as they are there. */
export interface ApplicationTopics {
  /** Read by the tasks and made by others. */
  readonly sources: readonly string[]
  readonly repartition: readonly string[]
  readonly changelogs: readonly string[]
  /** Has the description of the topology. */
  readonly description: string | undefined
  /** Look like internal topics of this application and are not in its description: of an earlier topology, or of another application whose id begins alike. */
  readonly lookAlikes: readonly string[]
}

/**
 * Pure. From the description where there is one; without, by the names: then what looks like an internal topic is taken for one, and
 * sources are the other topics that the group has committed.
 */
export function applicationTopics(
  applicationId: string,
  existing: readonly string[],
  committed: readonly string[],
  blueprint: TopologyBlueprint | undefined,
): ApplicationTopics {
  const prefix = `${applicationId}-`
  const there = new Set(existing)
  const internal = existing.filter((topic) => topic.startsWith(prefix) && INTERNAL.test(topic)).sort()
  const own = deployedTopologyTopic(applicationId)
  const description = there.has(own) ? own : undefined
  if (blueprint === undefined) {
    const changelogs = internal.filter((topic) => topic.endsWith('-changelog'))
    return {
      sources: committed.filter((topic) => !internal.includes(topic)).sort(),
      repartition: internal.filter((topic) => !topic.endsWith('-changelog')),
      changelogs,
      description,
      lookAlikes: [],
    }
  }
  const repartition = blueprint.repartitionTopics.map(({ topic }) => topic)
  const changelogs = blueprint.stores.flatMap(({ changelog, isSourceTopic }) =>
    changelog === null || isSourceTopic ? [] : [changelog],
  )
  const known = new Set([...repartition, ...changelogs])
  const sources = new Set(blueprint.subtopologies.flatMap((s) => s.sources).filter((topic) => !known.has(topic)))
  return {
    sources: [...sources].filter((topic) => there.has(topic)).sort(),
    repartition: repartition.filter((topic) => there.has(topic)).sort(),
    changelogs: changelogs.filter((topic) => there.has(topic)).sort(),
    description,
    lookAlikes: internal.filter((topic) => !known.has(topic)),
  }
}

export async function findApplicationTopics(
  admin: Admin,
  applicationId: string,
  blueprint: TopologyBlueprint | undefined,
): Promise<ApplicationTopics> {
  const existing = await admin.listTopics()
  const committed = await admin.committedOffsets(applicationId, existing)
  const topics = existing.filter((topic) => [...committed.keys()].some((name) => name.replace(/-\d+$/, '') === topic))
  return applicationTopics(applicationId, existing, topics, blueprint)
}

/** All partitions of these topics; those that are not there are left out. */
export async function partitionsOf(admin: Admin, topics: readonly string[]) {
  const described = await admin.describeTopics(topics)
  return topics.flatMap((topic) =>
    Array.from({ length: described.get(topic)?.partitions ?? 0 }, (_, partition) => ({ topic, partition })),
  )
}
