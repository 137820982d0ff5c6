import { changelogTopicName } from '../../streams/internal-topic-names.ts'
import { Application } from '../../streams/runtime/client/application.ts'
import { blueprintOf, type TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import { type Command, type CommandContext, TOPOLOGY_OPTION } from './command.ts'
import { CliError } from './errors.ts'
import { durationText } from './output.ts'

export interface TopicUse {
  readonly topic: string
  readonly use: 'source' | 'sink' | 'repartition' | 'changelog'
  readonly subtopologies: readonly number[]
}

export const describeCommand: Command = {
  name: 'describe',
  summary: 'what a topology is: its graph, sub-topologies, topics and stores',
  details: `Prints the topology as Kafka Streams does (tools such as kafka-streams-viz read it), then its topics and stores.
Nothing is asked of Kafka, unless --deployed asks what the running application has left there.`,
  options: {
    topology: TOPOLOGY_OPTION,
    deployed: {
      type: 'boolean',
      doc: 'the topology that runs, or ran last, under the application id: topics and stores only',
    },
  },
  async run(context) {
    const { output, options, settings } = context
    if (options['deployed'] === true) return describeDeployed(context)
    const topology = await context.topology()
    const application = new Application(settings.applicationId, topology)
    const description = topology.describe()
    const blueprint = blueprintOf(application)
    const topics = topicUses(application)
    output.json({
      applicationId: settings.applicationId,
      subtopologies: description.subtopologies,
      topics,
      stores: blueprint.stores,
    })
    output.line(description.toString().trimEnd())
    output.line()
    output.table(
      ['TOPIC', 'USE', 'SUB-TOPOLOGIES'],
      topics.map(({ topic, use, subtopologies }) => [topic, use, subtopologies.join(', ')]),
    )
    output.line()
    printStores(context, blueprint)
    return 0
  },
}

async function describeDeployed(context: CommandContext): Promise<number> {
  const { output, settings } = context
  const deployed = await readDeployedTopology(await context.kafka(), settings.applicationId)
  if (deployed === undefined)
    throw new CliError(
      `application ${settings.applicationId} has left no description of its topology: it never ran here, or with topologyCheck: 'off'`,
    )
  const { blueprint, writtenAtMs } = deployed
  output.json({ ...blueprint, writtenAtMs })
  output.line(`${settings.applicationId}, as of ${new Date(writtenAtMs).toISOString()}`)
  output.line()
  output.table(
    ['SUB-TOPOLOGY', 'SOURCES', 'STORES'],
    blueprint.subtopologies.map(({ id, sources, stores }) => [id, sources.join(', '), stores.join(', ')]),
  )
  output.line()
  printStores(context, blueprint)
  return 0
}

function printStores({ output }: CommandContext, { stores }: TopologyBlueprint): void {
  if (stores.length === 0) {
    output.line('It has no stores.')
    return
  }
  output.table(
    ['STORE', 'TYPE', 'SUB-TOPOLOGY', 'KEY', 'VALUE', 'WINDOW', 'RETENTION', 'CHANGELOG'],
    stores.map((store) => [
      store.name,
      `${store.type}${store.persistent ? '' : ', in memory'}`,
      store.subtopology ?? 'global',
      store.key.name,
      store.value.name,
      durationText(store.windowSizeMs),
      durationText(store.retentionMs ?? store.historyRetentionMs),
      store.changelog ?? 'none',
    ]),
  )
}

/** Every topic that the application touches, with what for. Topics that are named per record are not known. */
export function topicUses(application: Application): readonly TopicUse[] {
  const { topology, subtopologies } = application
  const uses = new Map<string, { use: TopicUse['use']; ids: Set<number> }>()
  const add = (topic: string, use: TopicUse['use'], id: number | undefined): void => {
    const known = uses.get(`${use} ${topic}`) ?? { use, ids: new Set<number>() }
    if (id !== undefined) known.ids.add(id)
    uses.set(`${use} ${topic}`, known)
  }
  const isRepartition = new Set([...topology.repartitionTopics.keys()].map((name) => application.topicName(name)))
  for (const subtopology of subtopologies) {
    for (const topic of application.inputs(subtopology).keys())
      add(topic, isRepartition.has(topic) ? 'repartition' : 'source', subtopology.id)
    for (const node of subtopology.nodes)
      if (node.kind === 'sink' && typeof node.topic === 'string' && !topology.repartitionTopics.has(node.topic))
        add(node.topic, 'sink', subtopology.id)
    for (const store of subtopology.stores)
      if (topology.stores.get(store)?.logging && application.sourceTopicOf(store) === undefined)
        add(changelogTopicName(application.id, store), 'changelog', subtopology.id)
  }
  for (const { source } of topology.globalStores.values())
    for (const topic of source.topics) add(topic, 'source', undefined)
  const order = ['source', 'repartition', 'sink', 'changelog']
  return [...uses]
    .map(([name, { use, ids }]) => ({ topic: name.slice(use.length + 1), use, subtopologies: [...ids] }))
    .sort((a, b) => order.indexOf(a.use) - order.indexOf(b.use) || (a.topic < b.topic ? -1 : 1))
}
