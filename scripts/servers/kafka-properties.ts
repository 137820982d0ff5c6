/** Ports of one node, all on 127.0.0.1. */
export interface KafkaNodePorts {
  readonly plaintext: number
  readonly controller: number
  readonly saslPlaintext?: number
  readonly saslSsl?: number
}

/** The users of the SASL listeners. PLAIN knows alice and admin, SCRAM-SHA-256 and SCRAM-SHA-512 know bob. */
export const KAFKA_TEST_USERS = {
  plain: { username: 'alice', password: 'alice-secret' },
  scram: { username: 'bob', password: 'bob-secret' },
} as const

export const KEYSTORE_PASSWORD = 'changeit'

export interface KafkaNodeSettings {
  /** 0-based. */
  readonly index: number
  readonly nodes: readonly KafkaNodePorts[]
  readonly dataDirectory: string
  readonly keystore?: string
  readonly extra?: Readonly<Record<string, string>>
}

const PLAIN_LOGIN =
  'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_admin="admin-secret";'
const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'

/** The text of `server.properties` of one combined broker and controller, tuned to start fast and fail over in about 3 s. */
export function kafkaProperties(settings: KafkaNodeSettings): string {
  const properties = { ...clusterProperties(settings), ...listenerProperties(settings), ...settings.extra }
  return `${Object.entries(properties)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

function clusterProperties({ index, nodes, dataDirectory }: KafkaNodeSettings): Record<string, string> {
  const replicas = nodes.length >= 3 ? 3 : 1
  const inSync = nodes.length >= 3 ? 2 : 1
  return {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    'controller.quorum.voters': nodes.map((node, i) => `${i + 1}@127.0.0.1:${node.controller}`).join(','),
    'log.dirs': dataDirectory,
    'offsets.topic.replication.factor': String(replicas),
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': String(replicas),
    'transaction.state.log.min.isr': String(inSync),
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': String(replicas),
    'share.coordinator.state.topic.min.isr': String(inSync),
    'share.coordinator.state.topic.num.partitions': '4',
    'default.replication.factor': String(replicas),
    'min.insync.replicas': String(inSync),
    'num.partitions': '1',
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': '0',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'log.cleaner.dedupe.buffer.size': '8388608',
    // Tests write records of any age: nothing is deleted for it unless a topic asks for that.
    'log.retention.ms': '-1',
    'log.retention.check.interval.ms': '1000',
    'log.segment.delete.delay.ms': '1000',
    'log.cleaner.backoff.ms': '500',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'controller.quorum.fetch.timeout.ms': '1000',
    'controller.quorum.election.timeout.ms': '500',
    'replica.lag.time.max.ms': '3000',
  }
}

function listenerProperties({ index, nodes, keystore }: KafkaNodeSettings): Record<string, string> {
  const ports = nodes[index] as KafkaNodePorts
  const listeners = [`PLAINTEXT://127.0.0.1:${ports.plaintext}`]
  const sasl: Record<string, string> = {}
  const addSasl = (protocol: 'SASL_PLAINTEXT' | 'SASL_SSL', port: number | undefined) => {
    if (port === undefined) return
    listeners.push(`${protocol}://127.0.0.1:${port}`)
    const prefix = `listener.name.${protocol.toLowerCase()}`
    sasl[`${prefix}.plain.sasl.jaas.config`] = PLAIN_LOGIN
    sasl[`${prefix}.scram-sha-256.sasl.jaas.config`] = SCRAM_LOGIN
    sasl[`${prefix}.scram-sha-512.sasl.jaas.config`] = SCRAM_LOGIN
  }
  addSasl('SASL_PLAINTEXT', ports.saslPlaintext)
  addSasl('SASL_SSL', ports.saslSsl)
  return {
    'controller.listener.names': 'CONTROLLER',
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    ...(Object.keys(sasl).length > 0
      ? { 'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512', ...sasl }
      : {}),
    ...(keystore === undefined
      ? {}
      : {
          'ssl.keystore.location': keystore,
          'ssl.keystore.type': 'PKCS12',
          'ssl.keystore.password': KEYSTORE_PASSWORD,
        }),
  }
}
