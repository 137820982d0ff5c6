import type { Admin, TopicSpec } from '../../kafka/port.ts'
import { Application } from '../../streams/runtime/client/application.ts'
import { blueprintOf } from '../../streams/runtime/deployment/blueprint.ts'
import { compareBlueprints, type PlanItem, type Verdict } from '../../streams/runtime/deployment/compare-blueprints.ts'
import { type DeployedTopology, readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import { planTopics } from '../../streams/runtime/group/internal-topics.ts'
import { type Command, type CommandContext, TOPOLOGY_OPTION } from './command.ts'
import { type ApplicationTopics, findApplicationTopics } from './deployed-topics.ts'
import { plural } from './output.ts'
import { comparePartitions, compareTopicNames, type TopicItem } from './plan-topics.ts'

type Item = PlanItem | TopicItem

const WORST: readonly Verdict[] = ['rebuild', 'rename', 'compatible']

export const planCommand: Command = {
  name: 'plan',
  summary: 'what a new version of a topology would do to what is deployed, before the first rebalance',
  details: `Compares the topology with the one that runs, or ran last, under the application id: stores, changelogs, serdes, schemas, windows,
repartition topics, sub-topologies, and partition counts. Each is
  compatible  goes on from what is there,
  rename      what was built up is there under another name and would be left behind,
  rebuild     what is there cannot be gone on from: reset it, or go back.
Where the application has left no description (an earlier version, or Kafka Streams on the JVM), topics are compared by name. Exit code 1
when something is not compatible.`,
  options: { topology: TOPOLOGY_OPTION, all: { type: 'boolean', doc: 'show what stays the same too' } },
  async run(context) {
    const { output, options, settings } = context
    const application = new Application(settings.applicationId, await context.topology())
    const kafka = await context.kafka()
    const admin = kafka.admin()
    const deployed = await readDeployedTopology(kafka, settings.applicationId)
    const topics = await findApplicationTopics(admin, settings.applicationId, deployed?.blueprint)
    const { items, missing } = await itemsOf(application, admin, deployed, topics)
    const verdict = missing.length > 0 ? 'rebuild' : worstOf(items)
    const basis = deployed !== undefined ? 'description' : hasTopics(topics) ? 'topics' : 'nothing'
    output.json({
      applicationId: settings.applicationId,
      basis,
      deployedAtMs: deployed?.writtenAtMs ?? null,
      verdict: missing.length > 0 ? 'cannot start' : verdict,
      missingSourceTopics: missing,
      items,
    })
    output.line(introduction(settings.applicationId, basis, deployed))
    const shown = items.filter(({ change }) => options['all'] === true || change !== 'same')
    if (shown.length > 0) print(context, shown)
    for (const topic of missing)
      output.line(`source topic ${topic} does not exist: create it, or the application does not start`)
    output.line()
    output.line(conclusion(items, missing))
    return verdict === 'compatible' ? 0 : 1
  },
}

async function itemsOf(
  application: Application,
  admin: Admin,
  deployed: DeployedTopology | undefined,
  topics: ApplicationTopics,
): Promise<{ readonly items: readonly Item[]; readonly missing: readonly string[] }> {
  const repartition = new Set(
    [...application.topology.repartitionTopics.keys()].map((name) => application.topicName(name)),
  )
  const globals = [...application.topology.globalStores.values()].flatMap(({ source }) => source.topics)
  const external = [...new Set([...application.sourceTopics().filter((topic) => !repartition.has(topic)), ...globals])]
  const described = await admin.describeTopics(external)
  const missing = external.filter((topic) => !described.has(topic)).sort()
  const specs: readonly TopicSpec[] =
    missing.length > 0
      ? []
      : planTopics(application, new Map([...described].map(([name, { partitions }]) => [name, partitions])))
          .internalTopics
  const there = await admin.describeTopics(specs.map(({ name }) => name))
  const counts = new Map([...there].map(([name, { partitions }]) => [name, partitions]))
  const items: readonly Item[] =
    deployed === undefined
      ? compareTopicNames(specs, [...topics.repartition, ...topics.changelogs])
      : compareBlueprints(blueprintOf(application), deployed.blueprint)
  return { items: [...items, ...comparePartitions(specs, counts)], missing }
}

function hasTopics({ repartition, changelogs }: ApplicationTopics): boolean {
  return repartition.length + changelogs.length > 0
}

function worstOf(items: readonly Item[]): Verdict {
  return WORST.find((verdict) => items.some((item) => item.verdict === verdict)) ?? 'compatible'
}

function print({ output }: CommandContext, items: readonly Item[]): void {
  output.line()
  const sorted = [...items].sort((a, b) => WORST.indexOf(a.verdict) - WORST.indexOf(b.verdict))
  output.table(
    ['VERDICT', 'CHANGE', 'WHAT', 'NAME', 'WHY'],
    sorted.flatMap(({ verdict, change, kind, name, reasons }) => [
      [verdict, change, kind, name, reasons[0] ?? 'as it is'],
      ...reasons.slice(1).map((reason) => [' ', ' ', ' ', ' ', reason]),
    ]),
  )
}

function introduction(applicationId: string, basis: string, deployed: DeployedTopology | undefined): string {
  if (deployed !== undefined)
    return `${applicationId}: compared with the topology that was deployed at ${new Date(deployed.writtenAtMs).toISOString()}`
  return basis === 'topics'
    ? `${applicationId} has left no description of its topology: its internal topics are compared by name and partition count only`
    : `nothing of ${applicationId} is deployed: everything is new`
}

function conclusion(items: readonly Item[], missing: readonly string[]): string {
  const count = (verdict: Verdict): number => items.filter((item) => item.verdict === verdict).length
  if (missing.length > 0)
    return `It does not start: ${plural(missing.length, 'source topic is', 'source topics are')} missing.`
  const [rebuild, rename] = [count('rebuild'), count('rename')]
  if (rebuild + rename === 0) return 'Compatible: it goes on from what is there.'
  return `Not compatible: ${rebuild} to rebuild, ${plural(rename, 'rename')}.`
}
