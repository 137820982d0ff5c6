import { mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ServerStartError } from './errors.ts'
import { apicurio, type Progress, type RegistryDistribution } from './maven.ts'
import { freePort } from './ports.ts'
import { ServerProcess } from './server-process.ts'

export interface RegistryOptions {
  /** Where the log goes, and the schemas when they are kept in a file. */
  readonly directory: string
  /** `memory` (default) forgets every schema at the end; `file` has them again at the next start. */
  readonly storage?: 'memory' | 'file'
  /** A free port where this is not given. */
  readonly port?: number
  readonly progress?: Progress
}

/** A real schema registry (Apicurio, through its Confluent-compatible API) on 127.0.0.1. */
export class SchemaRegistryServer {
  /** What clients are given: `http://127.0.0.1:<port>/apis/ccompat/v7`. */
  readonly url: string
  readonly version: string
  readonly #process: ServerProcess

  private constructor(url: string, version: string, process: ServerProcess) {
    this.url = url
    this.version = version
    this.#process = process
  }

  /** Resolves when it answers and holds new schemas to be backward compatible. @throws {MissingPartError | ServerStartError} */
  static async start(options: RegistryOptions): Promise<SchemaRegistryServer> {
    const distribution = await apicurio(options.progress ?? (() => undefined))
    const port = options.port ?? (await freePort())
    const managementPort = await freePort()
    const directory = resolve(options.directory)
    await mkdir(directory, { recursive: true })
    const process = await ServerProcess.spawn({
      name: 'the schema registry',
      command: distribution.java.path,
      args: [
        '-Xms64m',
        '-Xmx384m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${port}`,
        '-Dquarkus.management.host=127.0.0.1',
        `-Dquarkus.management.port=${managementPort}`,
        '-Dquarkus.log.level=WARN',
        '-Dquarkus.banner.enabled=false',
        '-Dquarkus.otel.sdk.disabled=true',
        ...(options.storage === 'file' ? fileStorage(distribution, directory) : []),
        '-jar',
        await findJar(distribution.folder),
      ],
      logFile: join(directory, 'registry.log'),
      cwd: directory,
    })
    const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
    try {
      // Apicurio compares nothing unless told; Confluent's registry, and so every client, expects BACKWARD.
      await process.waitUntil(() => compareByDefault(url), 90_000)
    } catch (error) {
      await process.kill()
      throw error
    }
    return new SchemaRegistryServer(url, distribution.version, process)
  }

  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }
}

/** The database in a file, written at every commit. The two lines name the setting differently, and read no data of each other. */
function fileStorage({ version }: RegistryDistribution, directory: string): string[] {
  const url = `jdbc:h2:file:${join(directory, `schemas-${version}`)};WRITE_DELAY=0`
  return version.startsWith('2.')
    ? [
        `-Dquarkus.datasource.jdbc.url=${url}`,
        '-Dquarkus.datasource.jdbc.initial-size=2',
        '-Dquarkus.datasource.jdbc.min-size=2',
      ]
    : [`-Dapicurio.datasource.url=${url}`]
}

/** True when it answers and its global compatibility is set. */
async function compareByDefault(url: string): Promise<boolean> {
  try {
    const config: unknown = await (await fetch(`${url}/config`, { signal: AbortSignal.timeout(5_000) })).json()
    if (typeof config !== 'object' || config === null || !('compatibilityLevel' in config)) return false
    if (config.compatibilityLevel !== 'NONE') return true
    const answer = await fetch(`${url}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ compatibility: 'BACKWARD' }),
      signal: AbortSignal.timeout(5_000),
    })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}

async function findJar(folder: string): Promise<string> {
  const names = await readdir(folder)
  const jar = names.find((name) => name === 'quarkus-run.jar' || name.endsWith('-runner.jar'))
  if (!jar) throw new ServerStartError(`no program was found in ${folder}: delete that folder and try again`)
  return join(folder, jar)
}
