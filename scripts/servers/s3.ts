import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureJavaAndMaven } from './apt.ts'
import { ServerStartError } from './errors.ts'
import { KAFKA_JAVA, requireJava } from './java.ts'
import { type Progress, s3Jars } from './maven.ts'
import { freePort, isFree } from './ports.ts'
import { lastLines, run } from './run.ts'
import { ServerProcess } from './server-process.ts'

export interface S3Options {
  /** Settings, log and objects. A directory that was used before is taken up again. */
  readonly directory: string
  /** A free port where this is not given. */
  readonly port?: number
  /** Speaks TLS with this certificate and key (paths of PEM files). */
  readonly tls?: { readonly certificate: string; readonly key: string }
  readonly progress?: Progress
}

/** Of a file in a directory of the server's own. */
const KEYSTORE_PASSWORD = 'keystore'
const JVM = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

/** S3's libraries tell every connection otherwise. */
const LOG_SETTINGS = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %level %logger %msg%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
`

/** A real server of S3's protocol (S3Proxy) on 127.0.0.1 that checks signatures and keeps objects in a folder. */
export class S3Server {
  readonly accessKeyId = 'brook-test'
  readonly secretAccessKey = 'brook-test-secret'
  readonly port: number
  readonly #directory: string
  readonly #command: string
  readonly #jars: string
  readonly #isSecure: boolean
  #process: ServerProcess | undefined

  private constructor(directory: string, port: number, command: string, jars: string, isSecure: boolean) {
    this.#directory = directory
    this.port = port
    this.#isSecure = isSecure
    this.#command = command
    this.#jars = jars
  }

  /** @throws {MissingPartError | ServerStartError} */
  static async start(options: S3Options): Promise<S3Server> {
    const progress = options.progress ?? (() => undefined)
    await ensureJavaAndMaven(progress)
    const [java, jars] = await Promise.all([requireJava(KAFKA_JAVA, 'S3Proxy'), s3Jars(progress)])
    const directory = resolve(options.directory)
    const port = options.port ?? (await freePort())
    const server = new S3Server(directory, port, java.path, jars, options.tls !== undefined)
    await mkdir(server.#objects, { recursive: true })
    if (options.tls) await server.#makeKeystore(options.tls)
    await writeFile(join(directory, 's3proxy.conf'), server.#settings())
    await writeFile(join(directory, 'logback.xml'), LOG_SETTINGS)
    await server.restart()
    return server
  }

  /** `http://127.0.0.1:<port>`, or `https` with `tls`. */
  get url(): string {
    return `${this.#isSecure ? 'https' : 'http'}://127.0.0.1:${this.port}`
  }

  /** Starts it again on the same port with its objects, after `stop` or `kill`. */
  async restart(): Promise<void> {
    if (this.#process?.alive) return
    this.#process = await ServerProcess.spawn({
      name: 'S3Proxy',
      command: this.#command,
      args: [
        ...JVM,
        `-Dlogback.configurationFile=${join(this.#directory, 'logback.xml')}`,
        '-cp',
        join(this.#jars, '*'),
        'org.gaul.s3proxy.Main',
        '--properties',
        join(this.#directory, 's3proxy.conf'),
      ],
      logFile: join(this.#directory, 's3proxy.log'),
      cwd: this.#directory,
    })
    await this.#process.waitUntil(() => this.#answers(), 60_000)
  }

  /** A bucket is a folder. */
  async createBucket(name: string): Promise<void> {
    await mkdir(join(this.#objects, name), { recursive: true })
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  get #objects(): string {
    return join(this.#directory, 'objects')
  }

  #settings(): string {
    return `${[
      ...(this.#isSecure
        ? [
            `s3proxy.secure-endpoint=${this.url}`,
            `s3proxy.keystore-path=${this.#keystore}`,
            `s3proxy.keystore-password=${KEYSTORE_PASSWORD}`,
          ]
        : [`s3proxy.endpoint=${this.url}`]),
      's3proxy.authorization=aws-v4',
      `s3proxy.identity=${this.accessKeyId}`,
      `s3proxy.credential=${this.secretAccessKey}`,
      'jclouds.provider=filesystem-nio2',
      `jclouds.filesystem.basedir=${this.#objects}`,
    ].join('\n')}\n`
  }

  get #keystore(): string {
    return join(this.#directory, 'keystore.p12')
  }

  async #makeKeystore({ certificate, key }: { readonly certificate: string; readonly key: string }): Promise<void> {
    const files = ['-in', certificate, '-inkey', key, '-out', this.#keystore]
    const made = await run('openssl', ['pkcs12', '-export', ...files, '-passout', `pass:${KEYSTORE_PASSWORD}`])
    if (made.exitCode !== 0) throw new ServerStartError(`S3Proxy's keystore: ${lastLines(made.output, 3)}`)
  }

  /** Listening is enough: once it listens, it serves. */
  async #answers(): Promise<boolean> {
    return !(await isFree(this.port))
  }
}
