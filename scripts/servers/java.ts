import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MissingPartError } from './errors.ts'
import { run } from './run.ts'

export interface Java {
  /** The `java` program. */
  readonly path: string
  /** 17, 21, … */
  readonly version: number
}

/** The lowest Java that runs Kafka 4. */
export const KAFKA_JAVA = 17

let found: Promise<readonly Java[]> | undefined

/** Every Java of this machine: JAVA_HOME, PATH and /usr/lib/jvm, lowest version first. Looked for once. */
export function findJavas(): Promise<readonly Java[]> {
  found ??= search()
  return found
}

/** Forgets what was found, for after an installation. */
export function forgetJavas(): void {
  found = undefined
}

/** The lowest Java of this machine that is at least `version`. */
export async function findJava(version: number): Promise<Java | undefined> {
  return (await findJavas()).find((java) => java.version >= version)
}

/** @throws {MissingPartError} with the command that gets one. */
export async function requireJava(version: number, what: string): Promise<Java> {
  const java = await findJava(version)
  if (java) return java
  throw new MissingPartError(
    `${what} needs Java ${version} or later, and none was found in JAVA_HOME, PATH or /usr/lib/jvm: ` +
      'install one (Debian: sudo apt-get install openjdk-17-jre-headless) or set JAVA_HOME',
  )
}

async function search(): Promise<readonly Java[]> {
  const homes = await readdir('/usr/lib/jvm').catch(() => [])
  const javaHome = process.env['JAVA_HOME']
  const candidates = [
    ...(javaHome ? [join(javaHome, 'bin', 'java')] : []),
    'java',
    ...homes.map((home) => join('/usr/lib/jvm', home, 'bin', 'java')),
  ]
  const versions = await Promise.all(candidates.map(versionOf))
  return candidates
    .flatMap((path, i) => {
      const version = versions[i]
      return version === undefined ? [] : [{ path, version }]
    })
    .sort((a, b) => a.version - b.version)
}

async function versionOf(path: string): Promise<number | undefined> {
  const result = await run(path, ['-version'], { timeoutMs: 20_000 }).catch(() => undefined)
  return result?.exitCode === 0 ? parseJavaVersion(result.output) : undefined
}

/** The feature release in what `java -version` prints: 8 for `"1.8.0_402"`, 17 for `"17.0.15"`, 26 for `"26-ea"`. */
export function parseJavaVersion(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output)
  return match ? Number(match[1]) : undefined
}
