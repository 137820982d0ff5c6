/**
 * An application with stream threads and the query router as a process of its own: `query-app.ts '<QueryAppOptions as JSON>'`. Prints its
 * {@link QueryAppStatus} as a line of JSON whenever it has changed; SIGTERM ends it as a deployment would.
 */
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createQueryRouter } from '../../http/query-router.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { KafkaStreams, loadTopology, type StreamsOptions } from '../../streams/index.ts'

export interface QueryAppOptions {
  readonly brokers: string
  readonly name: string
  readonly token: string
  /** Settings of the client that can be written down. */
  readonly options: Partial<StreamsOptions>
}

export interface QueryAppStatus {
  readonly url: string
  readonly state: string
  readonly tasks: readonly string[]
  readonly standbys: readonly string[]
  readonly threads: readonly (readonly string[])[]
}

const PATH = '/queries'

async function main({ brokers, name, token, options }: QueryAppOptions): Promise<void> {
  const kafka = createKafkaProvider({ brokers: brokers.split(',') })
  await kafka.connect()
  const app = express()
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`
  const topology = await loadTopology(new URL('./query-topology.ts', import.meta.url), { settings: { name } })
  const streams = new KafkaStreams(topology, {
    applicationId: name,
    kafka,
    numStreamThreads: 2,
    processingGuarantee: 'exactly_once',
    cacheMaxBytes: 0,
    sessionTimeout: '6s',
    heartbeatInterval: '500ms',
    applicationServer: url,
    ...options,
    onUncaughtError: (error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    },
  })
  const queries = createQueryRouter({ streams, token, rateLimit: { windowMs: 1_000, limit: 100_000 } })
  app.use(PATH, queries.router)
  let told = ''
  const tell = (): void => {
    const status: QueryAppStatus = {
      url,
      state: streams.state,
      tasks: streams.tasks().map((t) => t.taskId),
      standbys: streams.standbyTasks().map((t) => t.taskId),
      threads: streams.metadataForLocalThreads().map((t) => t.activeTasks),
    }
    const line = JSON.stringify(status)
    if (line !== told) process.stdout.write(`${line}\n`)
    told = line
  }
  setInterval(tell, 50)
  process.once('SIGTERM', () => {
    queries.close()
    server.close()
    void streams
      .close()
      .then(() => kafka.close())
      .then(() => process.exit(0))
  })
  process.on('message', (message) => {
    const done = message === 'add-thread' ? streams.addStreamThread() : streams.removeStreamThread()
    void done.then((name) => process.send?.(name))
  })
  await streams.start()
}

await main(JSON.parse(process.argv[2] as string) as QueryAppOptions)
