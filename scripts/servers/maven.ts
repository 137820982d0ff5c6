import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached } from './cache.ts'
import { MissingPartError } from './errors.ts'
import { findJava, type Java } from './java.ts'
import { lastLines, run } from './run.ts'

export const KAFKA_VERSION = '4.3.1'

/** The newest registry runs on Java 21 and later; the older line runs on 17, which Debian 12 has. */
const REGISTRIES = [
  { version: '3.3.3', java: 21 },
  { version: '2.6.13.Final', java: 17 },
] as const

/** Pinned, so that a new release of the plugin changes nothing here. */
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

const KAFKA_POM = fileURLToPath(new URL('kafka-pom.xml', import.meta.url))
const KAFKA_STREAMS_POM = fileURLToPath(new URL('kafka-streams-pom.xml', import.meta.url))
const CONNECT_POM = fileURLToPath(new URL('connect-pom.xml', import.meta.url))
const S3_POM = fileURLToPath(new URL('s3-pom.xml', import.meta.url))
const DEPLOYED = new URL('../../deploy/connect/', import.meta.url)

/** Told what is being done, one line at a time. */
export type Progress = (line: string) => void

/** The folder with the broker's jars; fetched from Maven Central the first time. */
export function kafkaJars(progress: Progress): Promise<string> {
  return jarsOf(KAFKA_POM, { name: 'kafka', title: 'Kafka', sizeMb: 44 }, progress)
}

/** The folder with the jars of Kafka Streams; fetched from Maven Central the first time. */
export function kafkaStreamsJars(progress: Progress): Promise<string> {
  return jarsOf(KAFKA_STREAMS_POM, { name: 'kafka-streams', title: 'Kafka Streams', sizeMb: 94 }, progress)
}

/** The folder with the jars of Kafka Connect's worker; fetched from Maven Central the first time. */
export function connectJars(progress: Progress): Promise<string> {
  return jarsOf(CONNECT_POM, { name: 'connect', title: 'Kafka Connect', sizeMb: 33 }, progress)
}

/** The folder with the jars of S3Proxy; fetched from Maven Central the first time. */
export function s3Jars(progress: Progress): Promise<string> {
  return jarsOf(S3_POM, { name: 's3proxy', title: 'S3Proxy', version: '3.0.0', sizeMb: 54 }, progress)
}

/** One folder per plugin of the deployed Kafka Connect; fetched from Maven Central the first time. */
export function connectPlugins(progress: Progress): Promise<string[]> {
  const deployed = (name: string): string => fileURLToPath(new URL(name, DEPLOYED))
  const debezium = { name: 'connect-debezium', title: 'Debezium for MariaDB', version: '3.5.0.Final', sizeMb: 30 }
  const avro = { name: 'connect-avro', title: "Apicurio's Avro converter", version: '2.6.13.Final', sizeMb: 26 }
  return Promise.all([
    jarsOf(deployed('debezium-pom.xml'), debezium, progress),
    jarsOf(deployed('avro-converter-pom.xml'), avro, progress),
  ])
}

interface Jars {
  readonly name: string
  readonly title: string
  /** Kafka's unless given. */
  readonly version?: string
  readonly sizeMb: number
}

async function jarsOf(pom: string, jars: Jars, progress: Progress): Promise<string> {
  const { name, title, version = KAFKA_VERSION, sizeMb } = jars
  const stamp = await readFile(pom, 'utf8')
  return cached(`${name}-${version}`, stamp, async (folder) => {
    progress(`fetching ${title} ${version} from Maven Central (${sizeMb} MB)`)
    await maven(title, [
      '-f',
      pom,
      `${DEPENDENCY_PLUGIN}:copy-dependencies`,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${folder}`,
    ])
  })
}

export interface RegistryDistribution {
  readonly folder: string
  readonly version: string
  readonly java: Java
}

/** The schema registry that runs on the Java of this machine; fetched from Maven Central the first time. */
export async function apicurio(progress: Progress): Promise<RegistryDistribution> {
  for (const { version, java: javaVersion } of REGISTRIES) {
    const java = await findJava(javaVersion)
    if (!java) continue
    const folder = await cached(`apicurio-${version}`, version, async (target) => {
      progress(`fetching Apicurio Registry ${version} from Maven Central (about 150 MB)`)
      const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`
      await maven('Apicurio Registry', [
        `${DEPENDENCY_PLUGIN}:copy`,
        `-Dartifact=${artifact}`,
        `-DoutputDirectory=${target}`,
      ])
      const archive = join(target, `apicurio-registry-app-${version}-all.tar.gz`)
      const unpacked = await run('tar', ['-xzf', archive, '-C', target])
      if (unpacked.exitCode !== 0) throw new MissingPartError(`cannot unpack ${archive}: ${unpacked.output}`)
      await rm(archive)
    })
    return { folder, version, java }
  }
  throw new MissingPartError(
    'the schema registry needs Java 17 or later, and none was found in JAVA_HOME, PATH or /usr/lib/jvm: ' +
      'install one (Debian: sudo apt-get install openjdk-17-jre-headless) or set JAVA_HOME',
  )
}

async function maven(what: string, args: readonly string[]): Promise<void> {
  const result = await run('mvn', ['-B', '-q', ...args], { timeoutMs: 600_000 }).catch(() => undefined)
  if (result === undefined)
    throw new MissingPartError(`${what} is fetched with Maven, and mvn was not found: sudo apt-get install maven`)
  if (result.exitCode !== 0)
    throw new MissingPartError(`${what} could not be fetched from Maven Central:\n${lastLines(result.output, 5)}`)
}
