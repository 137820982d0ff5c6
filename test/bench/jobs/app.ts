/**
 * One job of the benchmark as a process of its own: `app.ts '<AppOptions as JSON>'`. Prints a {@link Measured} as one line of
 * JSON when all records are processed and committed and the client is closed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKafkaProvider } from '../../../kafka/kafkajs.ts'
import { KafkaStreams, loadTopology, type ProcessingGuarantee, type Topology } from '../../../streams/index.ts'
import type { Measured } from '../harness/measured.ts'
import { INPUT_PARTITIONS } from './data.ts'
import type { ThreadedJob } from './threaded.ts'
import { JOBS, type JobName } from './topologies.ts'

export interface AppOptions {
  readonly brokers: string
  readonly job: JobName
  readonly topic: string
  /** The job ends when it has read so many. */
  readonly records: number
  readonly guarantee: ProcessingGuarantee
  readonly cacheMaxBytes?: number
  readonly storeCacheEntries?: number
  /** Stream threads that are workers; without it there is one, in the thread of the program. */
  readonly threads?: number
}

/** In threads, records are counted in memory that they share, which is looked at often enough. */
async function topologyOf(options: AppOptions, output: string, seen: () => void): Promise<Topology> {
  const { job, topic, records, threads } = options
  if (threads === undefined) return JOBS[job]({ input: topic, output, seen })
  const counts = new Int32Array(new SharedArrayBuffer(64 * Int32Array.BYTES_PER_ELEMENT))
  let told = 0
  const timer = setInterval(() => {
    const count = counts.reduce((sum, one) => sum + one, 0)
    while (told < count) {
      told++
      seen()
    }
    if (told >= records) clearInterval(timer)
  }, 2)
  const settings: ThreadedJob = { job, input: topic, output, seen: counts }
  return loadTopology(new URL('./threaded.ts', import.meta.url), { settings })
}

async function main(options: AppOptions): Promise<void> {
  const { brokers, records } = options
  const applicationId = `bench-${process.pid}-${Date.now()}`
  const output = `${applicationId}-out`
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-'))
  const kafka = createKafkaProvider({ brokers: brokers.split(',') })
  const admin = kafka.admin()
  await kafka.connect()
  await admin.createTopics([{ name: output, partitions: INPUT_PARTITIONS }])
  let count = 0
  let firstAt = 0
  let lastAt = 0
  const all = Promise.withResolvers<void>()
  const seen = (): void => {
    if (count++ === 0) firstAt = performance.now()
    if (count === records) {
      lastAt = performance.now()
      all.resolve()
    }
  }
  const { threads = 1 } = options
  const streams = new KafkaStreams(await topologyOf(options, output, seen), {
    applicationId,
    kafka,
    numStreamThreads: threads,
    stateDir: directory,
    processingGuarantee: options.guarantee,
    ...(options.cacheMaxBytes === undefined ? {} : { cacheMaxBytes: options.cacheMaxBytes }),
    ...(options.storeCacheEntries === undefined ? {} : { storeCacheEntries: options.storeCacheEntries }),
    onUncaughtError: (error) => all.reject(error),
  })
  // Several threads begin together, when each has its share.
  if (threads > 1) streams.pause()
  await streams.start()
  if (threads > 1) await streams.waitFor('RUNNING')
  streams.resume()
  await all.promise
  await streams.close()
  const closedAt = performance.now()
  const { user, system } = process.cpuUsage()
  const measured: Measured = {
    recordsPerSecond: (records / (lastAt - firstAt)) * 1_000,
    inclusivePerSecond: (records / (closedAt - firstAt)) * 1_000,
    cpuMicrosPerRecord: (user + system) / records,
    maxRssMb: process.resourceUsage().maxRSS / 1_024,
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
  await admin.deleteTopics((await admin.listTopics()).filter((name) => name.startsWith(applicationId)))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
}

if (process.argv[1] === import.meta.filename) {
  await main(JSON.parse(process.argv[2] ?? '{}') as AppOptions)
}
