import { join } from 'node:path'
import type { Logger } from '../common/log.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import type { MqttConnectorOptions } from '../connectors/mqtt/connector.ts'
import { TopicMapping } from '../connectors/mqtt/mapping.ts'
import { type ShardOptions, shardsOf } from '../connectors/mqtt/shards.ts'
import { SubscriptionMemory } from '../connectors/mqtt/subscription-memory.ts'

export interface MqttPlan extends MqttEndpoint {
  /** Default: the built-in forms. */
  readonly mapping?: TopicMapping
  /** Connections that share the filters of the mapping (default one). */
  readonly shards?: Pick<ShardOptions, 'shards' | 'by' | 'group'>
  /** Which of them this process has; without it, all. */
  readonly shard?: number
}

type Connection = Pick<MqttConnectorOptions, 'endpoint' | 'mapping' | 'filters' | 'subscriptions'> & {
  readonly name: string
}

/**
 * The MQTT connections of this process. Sessions of an earlier number of connections get one as well, subscribed to nothing: it
 * takes what the broker still has for them.
 */
export async function mqttConnections(plan: MqttPlan, directory: string, log: Logger): Promise<readonly Connection[]> {
  const { mapping = new TopicMapping(), shards: sharing, shard: own, ...endpoint } = plan
  const { clientId, url } = endpoint
  const { filters } = mapping
  const shards = shardsOf({ clientId, filters, ...(sharing ?? { shards: 1, by: 'filters', group: clientId }) })
  const idle = shards.filter((shard) => shard.filters.length === 0)
  if (idle.length > 0)
    log.warn(
      { connections: shards.length, used: shards.length - idle.length },
      'fewer MQTT filters than connections: list the texts of a level under only, so that there is more to share',
    )
  const subscriptions = await SubscriptionMemory.open(join(directory, 'mqtt-subscriptions.json'), log)
  const of = (id: string, subscribed: readonly string[]): Connection => ({
    name: `mqtt${id.slice(clientId.length)}`,
    endpoint: { ...endpoint, clientId: id },
    mapping,
    filters: subscribed,
    subscriptions,
  })
  const current = shards.filter(({ number }) => own === undefined || number === own)
  const past = subscriptions
    .others(
      url,
      shards.map((shard) => shard.clientId),
    )
    .filter((id) => id.startsWith(clientId))
  return [...current.map((shard) => of(shard.clientId, shard.filters)), ...past.map((id) => of(id, []))]
}
