import { partitionName } from '../../../common/record.ts'
import type { KafkaProvider } from '../../../kafka/port.ts'
import { BLUEPRINT_FORMAT, type TopologyBlueprint } from './blueprint.ts'

const KEY = Buffer.from('topology')
const MAX_EMPTY_POLLS = 100

/** The topic in which an application leaves the description of its topology: one partition, compacted, the last record counts. */
export function deployedTopologyTopic(applicationId: string): string {
  return `${applicationId}-brook-topology`
}

export interface DeployedTopology {
  readonly blueprint: TopologyBlueprint
  readonly writtenAtMs: number
}

/** What the application has left; `undefined` when it has left nothing, or nothing that this version can read. */
export async function readDeployedTopology(
  kafka: KafkaProvider,
  applicationId: string,
): Promise<DeployedTopology | undefined> {
  const topic = deployedTopologyTopic(applicationId)
  const admin = kafka.admin()
  if (!(await admin.describeTopics([topic])).has(topic)) return undefined
  const partition = { topic, partition: 0 }
  const name = partitionName(topic, 0)
  const [begin = 0, end = 0] = (
    await Promise.all([admin.beginningOffsets([partition]), admin.endOffsets([partition])])
  ).map((offsets) => offsets.get(name))
  if (end <= begin) return undefined
  const reader = kafka.createReader()
  try {
    await reader.assign([{ ...partition, offset: begin }])
    let found: DeployedTopology | undefined
    let emptyPolls = 0
    for (let position = begin; position < end && emptyPolls < MAX_EMPTY_POLLS; ) {
      const batches = await reader.poll(100)
      emptyPolls = batches.length === 0 ? emptyPolls + 1 : 0
      for (const { records, nextOffset } of batches) {
        position = nextOffset
        for (const { key, value, timestampMs } of records) {
          const blueprint = key?.equals(KEY) && value !== null ? parse(value) : undefined
          if (blueprint !== undefined) found = { blueprint, writtenAtMs: timestampMs }
        }
      }
      if (batches.length === 0 && reader.lag(partition) === 0) break
    }
    return found
  } finally {
    await reader.close()
  }
}

/** Creates the topic if need be and leaves the description in it. */
export async function writeDeployedTopology(
  kafka: KafkaProvider,
  blueprint: TopologyBlueprint,
  replicationFactor: number | undefined,
  nowMs: number,
): Promise<void> {
  const topic = deployedTopologyTopic(blueprint.applicationId)
  await kafka.admin().createTopics([
    {
      name: topic,
      partitions: 1,
      configs: { 'cleanup.policy': 'compact' },
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
    },
  ])
  const producer = kafka.createProducer()
  try {
    producer.send(topic, 0, { key: KEY, value: Buffer.from(JSON.stringify(blueprint)), timestampMs: nowMs })
    await producer.flush()
  } finally {
    await producer.close()
  }
}

/** Another version's description tells nothing. */
function parse(value: Buffer): TopologyBlueprint | undefined {
  try {
    const parsed = JSON.parse(value.toString('utf8')) as TopologyBlueprint
    return parsed.format === BLUEPRINT_FORMAT ? parsed : undefined
  } catch {
    return undefined
  }
}
