import { MqttConnector } from '../mqtt/connector.ts'
import { EmbeddedBroker } from '../mqtt/embedded-broker.ts'
import { TopicMapping } from '../mqtt/mapping.ts'
import { fileProducer } from './file-log.ts'
import { fakePublishing } from './fixtures.ts'

/** What a test tells this program by its first argument, as JSON. */
export interface MqttChildOptions {
  readonly logFile: string
  readonly acknowledgeAfterMs: number
  /** Starts the embedded broker in this process too. */
  readonly embedded?: { readonly dataDir: string; readonly port: number }
  readonly url?: string
}

/** A connector, with or without its broker, in a process of its own that tests kill. Sends its broker's URL once it runs. */
async function main({ logFile, acknowledgeAfterMs, embedded, url }: MqttChildOptions): Promise<void> {
  const broker = embedded && new EmbeddedBroker(embedded)
  await broker?.start()
  const { publisher, status } = fakePublishing({ createProducer: () => fileProducer(logFile, acknowledgeAfterMs) })
  const connector = new MqttConnector({
    endpoint: { url: broker?.url ?? url ?? '', clientId: 'brook-mqtt' },
    mapping: new TopicMapping(),
    publisher,
    status,
    backoff: { baseMs: 50 },
  })
  await connector.start()
  process.send?.(broker?.url ?? url)
}

process.on('disconnect', () => process.exit())
await main(JSON.parse(process.argv[2] ?? '{}') as MqttChildOptions)
