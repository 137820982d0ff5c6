import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createKafkaProvider } from '../../../kafka/kafkajs.ts'
import { cached } from '../../../scripts/servers/cache.ts'
import { MissingPartError } from '../../../scripts/servers/errors.ts'
import { requireJava } from '../../../scripts/servers/java.ts'
import { lastLines, run } from '../../../scripts/servers/run.ts'
import type { AppOptions } from '../jobs/app.ts'
import { INPUT_PARTITIONS } from '../jobs/data.ts'
import type { RestoreAppOptions } from '../jobs/restore-app.ts'
import type { Measured } from './measured.ts'

const PROJECT = join(import.meta.dirname, '..', 'kafka-streams')
const SOURCES = ['pom.xml', ...['App', 'Restore', 'Values'].map((name) => `src/main/java/brook/bench/${name}.java`)]
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const RUN_MS = 300_000

/** The same jobs on Kafka Streams, built once from `test/bench/kafka-streams`. */
export interface KafkaStreamsJobs {
  run(options: AppOptions): Promise<Measured>
  restore(options: RestoreAppOptions): Promise<Measured>
}

/** @throws {MissingPartError} without Java 17 or Maven, or when the project cannot be built. */
export async function kafkaStreamsJobs(progress: (line: string) => void): Promise<KafkaStreamsJobs> {
  const java = await requireJava(17, 'Kafka Streams')
  const folder = await cached('bench-kafka-streams', await fingerprint(), async (target) => {
    progress('building the Kafka Streams jobs with Maven')
    await build(target)
  })
  const classPath = [join(folder, 'target', 'classes'), join(folder, 'lib', '*')].join(delimiter)
  return {
    run: (options) => runJob(java.path, classPath, options),
    restore: (options) => runRestore(java.path, classPath, options),
  }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of SOURCES) hash.update(await readFile(join(PROJECT, source)))
  return hash.digest('hex')
}

async function build(target: string): Promise<void> {
  const args = ['compile', COPY_DEPENDENCIES, '-DincludeScope=runtime', `-DoutputDirectory=${join(target, 'lib')}`]
  const built = await run(
    'mvn',
    ['-B', '-q', '-f', join(PROJECT, 'pom.xml'), `-Dbuild.to=${join(target, 'target')}`, ...args],
    { timeoutMs: 600_000 },
  ).catch(() => undefined)
  if (built === undefined)
    throw new MissingPartError(
      'the Kafka Streams jobs are built with Maven, and mvn was not found: sudo apt-get install maven',
    )
  if (built.exitCode !== 0)
    throw new MissingPartError(`the Kafka Streams jobs could not be built:\n${lastLines(built.output, 10)}`)
}

async function runRestore(java: string, classPath: string, options: RestoreAppOptions): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-jvm-'))
  try {
    const { brokers, applicationId, records } = options
    const args = [brokers, applicationId, String(records), directory]
    return await runJava(java, classPath, 'brook.bench.Restore', args)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runJava(java: string, classPath: string, main: string, args: readonly string[]): Promise<Measured> {
  const jvm = ['-Xmx2g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', classPath]
  const result = await run(java, [...jvm, main, ...args], { timeoutMs: RUN_MS })
  const line = lastLines(result.output, 1)
  if (result.exitCode !== 0 || !line.startsWith('{'))
    throw new Error(`${main} failed:\n${lastLines(result.output, 10)}`)
  return JSON.parse(line) as Measured
}

async function runJob(java: string, classPath: string, options: AppOptions): Promise<Measured> {
  const applicationId = `bench-jvm-${process.pid}-${Date.now()}`
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-jvm-'))
  const kafka = createKafkaProvider({ brokers: options.brokers.split(',') })
  const admin = kafka.admin()
  try {
    await admin.createTopics([{ name: `${applicationId}-out`, partitions: INPUT_PARTITIONS }])
    const { brokers, job, topic, records, guarantee, cacheMaxBytes = 'default', threads = 1 } = options
    const args = [brokers, applicationId, job, topic, records, guarantee, cacheMaxBytes, directory, threads].map(String)
    return await runJava(java, classPath, 'brook.bench.App', args)
  } finally {
    await admin.deleteTopics((await admin.listTopics()).filter((name) => name.startsWith(applicationId)))
    await kafka.close()
    await rm(directory, { recursive: true, force: true })
  }
}
