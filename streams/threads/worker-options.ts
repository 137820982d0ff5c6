import type { KafkaProvider, ProviderDescription } from '../../kafka/port.ts'
import type { StreamsOptions } from '../runtime/client/streams-config.ts'
import type { Topology } from '../topology.ts'
import { unsendableParts } from './sendable.ts'
import { moduleOf, type TopologyModule } from './topology-module.ts'

/** What stays with the main thread, and what the threads get in another way. */
const OF_THE_MAIN_THREAD: ReadonlySet<keyof StreamsOptions> = new Set([
  'kafka',
  'log',
  'metrics',
  'numStreamThreads',
  'onUncaughtError',
  'uncaughtExceptionHandler',
  'stateRestoreListener',
  'tracing',
  'standbyUpdateListener',
  'cacheMaxBytes',
])

/** What makes stream threads workers. */
export interface WorkerPlan {
  readonly module: TopologyModule
  readonly provider: ProviderDescription
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Decides where the stream threads run: in workers when the topology was loaded from a module and Kafka can be reached from other threads, else
 * the one there may be in this thread (`undefined`). What cannot be is told in `problems`.
 */
export function planWorkers(topology: Topology, options: StreamsOptions, problems: string[]): WorkerPlan | undefined {
  const { numStreamThreads = 1, kafka } = options
  const module = moduleOf(topology)
  const isAsked = numStreamThreads > 1
  if (module === undefined) {
    if (isAsked)
      problems.push(
        `numStreamThreads is ${numStreamThreads}, but the topology is an object of this thread: load it from a module, that each thread imports for itself (loadTopology(new URL('./topology.ts', import.meta.url)))`,
      )
    return undefined
  }
  const provider = kafka.describeForThreads?.()
  if (provider === undefined) {
    if (isAsked) problems.push(withoutThreads(kafka, numStreamThreads))
    return undefined
  }
  const kept = Object.entries(options).filter(([name]) => !OF_THE_MAIN_THREAD.has(name as keyof StreamsOptions))
  if (options.tracing !== undefined)
    problems.push(
      "tracing cannot be sent to the stream threads: it is made of functions. Give it from the topology's module: { topology, handlers: { tracing } }",
    )
  for (const [name, value] of kept)
    for (const { path, reason } of unsendableParts(value))
      problems.push(
        `${path === '' ? name : `${name}.${path}`} cannot be sent to the stream threads: ${reason}. ${typeof value === 'function' ? `Give it from the topology's module: { topology, handlers: { ${name} } }` : 'Use plain data'}`,
      )
  for (const { path, reason } of unsendableParts(provider.options))
    problems.push(
      `kafka cannot be made in the stream threads, because of its option ${path}: ${reason}. Use plain data (certificates as text or bytes), or a topology that is not loaded from a module, which runs in one thread`,
    )
  return { module, provider, options: Object.fromEntries(kept) }
}

/** Of the record cache each thread has its share. */
export function cacheShare(cacheMaxBytes: number, numStreamThreads: number): number {
  return Math.floor(cacheMaxBytes / Math.max(1, numStreamThreads))
}

/** Why threads cannot be added to a client whose threads are not workers, and the way out. */
export function whyOneThread(kafka: KafkaProvider): string {
  return kafka.describeForThreads === undefined
    ? `this Kafka (${kafka.kind}) works in one thread only: run on brokers (createKafkaProvider) to have several stream threads`
    : 'the topology is an object of this thread: load it from a module (loadTopology) to have several stream threads'
}

function withoutThreads({ kind, description }: KafkaProvider, numStreamThreads: number): string {
  return kind === 'embedded'
    ? `numStreamThreads is ${numStreamThreads}, but the embedded log (${description}) works in one thread only: set it to 1, or run on Kafka (createKafkaProvider)`
    : `numStreamThreads is ${numStreamThreads}, but this Kafka provider (${description}) cannot be made in another thread: set it to 1`
}
