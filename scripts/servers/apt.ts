import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { MissingPartError } from './errors.ts'
import { findJava, forgetJavas, KAFKA_JAVA } from './java.ts'
import type { Progress } from './maven.ts'
import { lastLines, run } from './run.ts'

interface Part {
  /** Debian's and Ubuntu's package. */
  readonly package: string
  readonly program: string
  readonly use: string
  /** What shows that it is there, where it is no program. */
  readonly file?: string
}

/** Programs that tests need and that neither npm nor Maven has. */
const PARTS = {
  mosquitto: { package: 'mosquitto', program: 'mosquitto', use: 'the real MQTT broker' },
  'mosquitto-clients': { package: 'mosquitto-clients', program: 'mosquitto_pub', use: 'a foreign MQTT client' },
  knxd: { package: 'knxd', program: 'knxd', use: 'the real KNXnet/IP gateway' },
  'knxd-tools': { package: 'knxd-tools', program: 'knxtool', use: 'a foreign KNX client' },
  kcat: { package: 'kcat', program: 'kcat', use: 'a foreign Kafka client' },
  'g++': { package: 'g++', program: 'g++', use: 'compiling the Z-Wave driver' },
  libopenzwave: {
    package: 'libopenzwave1.6-dev',
    program: 'libopenzwave',
    use: 'driving Z-Wave sticks',
    file: '/usr/include/openzwave/Manager.h',
  },
  socat: { package: 'socat', program: 'socat', use: 'pairs of serial ports' },
  iproute2: { package: 'iproute2', program: 'ip', use: 'network namespaces' },
  mariadb: { package: 'mariadb-server-core', program: 'mariadbd', use: 'the real database' },
  'mariadb-install': {
    package: 'mariadb-server-core',
    program: 'mariadb-install-db',
    use: 'making its data directory',
  },
  'mariadb-client': { package: 'mariadb-client-core', program: 'mariadb', use: "the database's own client" },
  influxdb: { package: 'influxdb', program: 'influxd', use: 'the real time series database' },
  openssl: { package: 'openssl', program: 'openssl', use: 'making certificates' },
  chromium: { package: 'chromium', program: 'chromium', use: 'tests of the web page' },
  maven: { package: 'maven', program: 'mvn', use: 'fetching Kafka and the schema registry' },
  java: { package: 'openjdk-17-jre-headless', program: 'java', use: 'running Kafka and the schema registry' },
  javac: { package: 'openjdk-17-jdk-headless', program: 'javac', use: 'compiling what runs on Kafka Streams' },
} as const satisfies Record<string, Part>

export type PartName = keyof typeof PARTS

let running: Promise<void> = Promise.resolve()

/**
 * Makes sure that these programs are on the machine: installs the missing ones where we are root and have apt-get.
 * @throws {MissingPartError} one line that names every missing part and the command that installs it.
 */
export function ensureParts(names: readonly PartName[], progress: Progress = () => undefined): Promise<void> {
  // One after the other: apt-get holds a lock.
  running = running.catch(() => undefined).then(() => ensure(names, progress))
  return running
}

/** Java and Maven, for Kafka and the schema registry. @throws {MissingPartError} */
export async function ensureJavaAndMaven(progress: Progress = () => undefined): Promise<void> {
  await ensureParts(['maven'], progress)
  if (await findJava(KAFKA_JAVA)) return
  await ensureParts(['java'], progress)
  forgetJavas()
}

async function ensure(names: readonly PartName[], progress: Progress): Promise<void> {
  const missing = await missingParts(names)
  if (missing.length === 0) return
  const packages = missing.map((part) => part.package)
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !(await findProgram('apt-get'))) throw new MissingPartError(sentence(missing))
  progress(`installing with apt-get: ${packages.join(' ')}`)
  // RUNLEVEL=1: packages must not start their services, which would take the ports that tests and `npm start` use.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300', '-qq']
  const updated = await run('apt-get', [...wait, 'update'], { env })
  const installed = await run('apt-get', [...wait, '-y', '--no-install-recommends', 'install', ...packages], { env })
  const left = await missingParts(names)
  if (left.length === 0) return
  const why = lastLines(installed.exitCode === 0 ? updated.output : installed.output, 2)
  throw new MissingPartError(`${sentence(left)} (apt-get was tried and failed: ${why})`)
}

async function missingParts(names: readonly PartName[]): Promise<Part[]> {
  const found = await Promise.all(names.map((name) => findPart(PARTS[name])))
  return names.filter((_, i) => found[i] === undefined).map((name) => PARTS[name])
}

async function findPart({ program, file }: Part): Promise<string | undefined> {
  if (file === undefined) return findProgram(program)
  return (await isThere(file)) ? file : undefined
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function sentence(missing: readonly Part[]): string {
  const list = missing.map((part) => `${part.program} (${part.use})`).join(', ')
  return `not on this machine: ${list}. Install with: sudo apt-get install ${missing.map((part) => part.package).join(' ')}`
}

/** Where a program is, on PATH or in the folders of servers that a user's PATH often lacks. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
  for (const folder of folders) {
    const path = join(folder || '.', name)
    if (await isThere(path)) return path
  }
}
