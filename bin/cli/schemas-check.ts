import type { Serde } from '../../common/serde.ts'
import type { AvroSchema } from '../../schemas/avro-type.ts'
import { type Compatibility, incompatibilities, readProblems } from '../../schemas/compatibility.ts'
import type { RegistryClient } from '../../schemas/registry-client.ts'
import { Application } from '../../streams/runtime/client/application.ts'
import { type Command, TOPOLOGY_OPTION } from './command.ts'
import { plural } from './output.ts'

export type SchemaStatus = 'registered' | 'compatible' | 'new' | 'incompatible'

/** A schema that the topology writes under a subject, or reads from it. */
export interface SchemaUse {
  readonly subject: string
  readonly use: 'writes' | 'reads'
  readonly serde: string
  readonly schema: AvroSchema
}

export interface SchemaCheck {
  readonly subject: string
  readonly use: SchemaUse['use']
  readonly serde: string
  readonly status: SchemaStatus
  readonly latestVersion: number | null
  readonly level: Compatibility | null
  /** Why it is incompatible, one sentence a difference. */
  readonly reasons: readonly string[]
}

export const schemasCheckCommand: Command = {
  name: 'schemas check',
  summary: 'the Avro schemas of a topology against the registry: compatible or not, and why',
  details: `What the topology writes (outputs, repartition and changelog topics) is checked as the registry would when the schema is registered: by
the level of the subject, against its versions. What it only reads is checked for whether its schema reads the latest version. Nothing is registered.
Exit code 1 when something is incompatible.`,
  options: { topology: TOPOLOGY_OPTION },
  async run(context) {
    const { output, settings } = context
    const uses = schemaUses(new Application(settings.applicationId, await context.topology()))
    const registry = await context.registry()
    const checks: SchemaCheck[] = []
    for (const use of uses) {
      output.progress(`checking ${use.subject}`)
      checks.push(await checkSchema(registry, use))
    }
    const bad = checks.filter(({ status }) => status === 'incompatible')
    output.json({ applicationId: settings.applicationId, registry: registry.url, schemas: checks })
    if (checks.length === 0) {
      output.line('The topology has no schemas of a registry.')
      return 0
    }
    output.table(
      ['STATUS', 'SUBJECT', 'USE', 'SCHEMA', 'LATEST', 'LEVEL'],
      checks.map((c) => [c.status, c.subject, c.use, c.serde, c.latestVersion ?? undefined, c.level ?? undefined]),
    )
    for (const { subject, reasons } of bad) {
      output.line()
      output.line(`${subject} is incompatible:`)
      for (const reason of reasons) output.line(`  - ${reason}`)
    }
    output.line()
    output.line(bad.length === 0 ? 'All fit.' : `${plural(bad.length, 'schema does', 'schemas do')} not fit.`)
    return bad.length === 0 ? 0 : 1
  },
}

/** Every schema of the topology that names a subject, each once; where a topic is written and read, the writing counts. */
export function schemaUses(application: Application): readonly SchemaUse[] {
  const uses = new Map<string, SchemaUse>()
  const add = (topic: string, role: 'key' | 'value', serde: Serde<unknown>, use: SchemaUse['use']): void => {
    const subject = `${topic}-${role}`
    if (serde.schema === undefined || uses.get(subject)?.use === 'writes') return
    uses.set(subject, { subject, use, serde: serde.name, schema: serde.schema as AvroSchema })
  }
  const both = (topic: string, key: Serde<unknown>, value: Serde<unknown>, use: SchemaUse['use']): void => {
    add(topic, 'key', key, use)
    add(topic, 'value', value, use)
  }
  for (const node of application.topology.nodes.values()) {
    if (node.kind === 'source')
      for (const topic of node.topics) both(application.topicName(topic), node.keySerde, node.valueSerde, 'reads')
    if (node.kind === 'sink' && typeof node.topic === 'string')
      both(application.topicName(node.topic), node.keySerde, node.valueSerde, 'writes')
  }
  for (const store of application.topology.stores.values())
    if (store.logging && application.sourceTopicOf(store.name) === undefined)
      both(application.changelogTopic(store.name), store.keySerde, store.valueSerde, 'writes')
  return [...uses.values()].sort((a, b) => (a.subject < b.subject ? -1 : 1))
}

type Registry = Pick<RegistryClient, 'latest' | 'lookup' | 'compatibility' | 'isCompatible'>

export async function checkSchema(
  registry: Registry,
  { subject, use, serde, schema }: SchemaUse,
): Promise<SchemaCheck> {
  const latest = await registry.latest(subject)
  const level = latest === undefined ? undefined : await registry.compatibility(subject)
  const found = { subject, use, serde, latestVersion: latest?.version ?? null, level: level ?? null }
  if (latest === undefined) return { ...found, status: 'new', reasons: [] }
  if ((await registry.lookup(subject, schema)) !== undefined) return { ...found, status: 'registered', reasons: [] }
  const version = { name: `version ${latest.version}`, schema: latest.schema }
  if (use === 'reads') {
    const reasons = readProblems({ name: 'the schema of the topology', schema }, version)
    return { ...found, status: reasons.length === 0 ? 'compatible' : 'incompatible', reasons }
  }
  if (await registry.isCompatible(subject, schema)) return { ...found, status: 'compatible', reasons: [] }
  const reasons = incompatibilities(schema, [version], level ?? 'BACKWARD')
  return {
    ...found,
    status: 'incompatible',
    reasons:
      reasons.length > 0
        ? reasons
        : [`the registry refuses it at level ${level ?? 'of its default'}, because of a version before the latest`],
  }
}
