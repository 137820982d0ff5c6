import { TopologyProblems } from '../../topology-problems.ts'
import type { Application } from '../client/application.ts'

/** Topics of the application are its own: what the user writes there would be taken for state, or for another's records. @throws {TopologyError} */
export function refuseInternalSinks(application: Application): void {
  const { topology } = application
  const problems = new TopologyProblems()
  const internal = new Map([
    ...[...topology.stores.values()]
      .filter((store) => store.logging && application.sourceTopicOf(store.name) === undefined)
      .map((store) => [application.changelogTopic(store.name), `the changelog of store ${store.name}`] as const),
    ...[...topology.repartitionTopics.keys()].map(
      (name) => [application.topicName(name), `the repartition topic ${name}`] as const,
    ),
  ])
  for (const node of topology.nodes.values()) {
    if (node.kind !== 'sink' || typeof node.topic !== 'string') continue
    const what = internal.get(node.topic)
    if (what !== undefined)
      problems.add({
        code: 'topic-name-clash',
        message: `sink ${node.name} writes to ${node.topic}, which is ${what}: only Brook may write there, so name another topic`,
        nodes: [node.name, node.topic],
      })
  }
  problems.throwIfAny()
}
