/**
 * Counts the stock from what browsers publish over MQTT, and serves the page that they do it with:
 * `BROOK_KAFKA_BROKERS=127.0.0.1:9092 node examples/stock/run.ts`. The connector brings the messages to Kafka (README.md beside this).
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { KafkaStreams } from '../../streams/index.ts'
import { type Stock, stock } from './topology.ts'

const brokers = (process.env['BROOK_KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',')
const kafka = createKafkaProvider({ brokers, clientId: 'stock' })
await kafka.connect()
await kafka.admin().createTopics(['stock-changes', 'stock'].map((name) => ({ name, partitions: 4 })))
const stateDir = await mkdtemp(join(tmpdir(), 'stock-'))
const streams = new KafkaStreams(stock(), {
  applicationId: 'stock',
  kafka,
  stateDir,
  processingGuarantee: 'exactly_once',
})
await streams.start()

const files = new Map<string, readonly [type: string, url: URL]>([
  ['/', ['text/html; charset=utf-8', new URL('./page.html', import.meta.url)]],
  ['/page.js', ['text/javascript', new URL('./page.js', import.meta.url)]],
  ['/mqtt.js', ['text/javascript', new URL('../../node_modules/mqtt/dist/mqtt.min.js', import.meta.url)]],
])

async function answer(path: string, response: ServerResponse): Promise<void> {
  const file = files.get(path)
  if (file) {
    response.setHeader('Content-Type', file[0]).end(await readFile(fileURLToPath(file[1])))
    return
  }
  const product = /^\/stock\/([^/]+)$/.exec(path)?.[1]
  if (product === undefined) {
    response.writeHead(404).end()
    return
  }
  const known = await streams.queries.keyValueStore<string, Stock>('stock').get(decodeURIComponent(product))
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ pieces: known?.pieces ?? 0 }))
}

const server = createServer((request, response) => {
  answer(new URL(request.url ?? '/', 'http://localhost').pathname, response).catch(() => response.writeHead(503).end())
})
server.listen(Number(process.env['STOCK_PORT'] ?? 8090), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})

async function stop(): Promise<void> {
  server.close()
  server.closeAllConnections()
  await streams.close()
  await kafka.close()
  await rm(stateDir, { recursive: true })
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stop().catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
  })
