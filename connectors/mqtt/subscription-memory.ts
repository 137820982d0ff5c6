import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withoutPassword } from '../../common/config-kinds.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { MqttEndpoint } from './client.ts'

type Session = Pick<MqttEndpoint, 'url' | 'clientId'>

/** By broker, by client id: the filters. */
type Content = Record<string, Record<string, readonly string[]>>

/**
 * What our sessions are subscribed to, in a file: a broker keeps subscriptions with the session and tells nobody which. Without it
 * (another machine, a lost volume) nothing breaks, but what was left out of the mapping goes on coming.
 */
export class SubscriptionMemory {
  readonly #path: string
  readonly #content: Content
  readonly #logger: Logger
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, content: Content, logger: Logger) {
    this.#path = path
    this.#logger = logger
    this.#content = content
  }

  /** A file that is missing or cannot be read is an empty one; one that cannot be written is logged, and keeps nobody from anything. */
  static async open(path: string, logger: Logger = silentLogger): Promise<SubscriptionMemory> {
    return new SubscriptionMemory(path, await readContent(path), logger)
  }

  /** Before a session is subscribed to `filters`: those that it has and shall not have any more. */
  async begin(session: Session, filters: readonly string[]): Promise<readonly string[]> {
    const known = this.#sessionsAt(session.url)[session.clientId] ?? []
    const outdated = known.filter((filter) => !filters.includes(filter))
    await this.#remember(session, [...filters, ...outdated])
    return outdated
  }

  /**
   * After it: the session has `filters`, and no others. One with none is forgotten the second time only: the broker may still have
   * had messages for it the first time.
   */
  async done(session: Session, filters: readonly string[]): Promise<void> {
    const known = this.#sessionsAt(session.url)[session.clientId]
    await this.#remember(session, known?.length === 0 && filters.length === 0 ? undefined : filters)
  }

  /** The client ids of sessions at this broker, but those in `current`. */
  others(url: string, current: readonly string[]): readonly string[] {
    return Object.keys(this.#sessionsAt(url)).filter((clientId) => !current.includes(clientId))
  }

  #sessionsAt(url: string): Record<string, readonly string[]> {
    return this.#content[withoutPassword(url)] ?? {}
  }

  async #remember({ url, clientId }: Session, filters: readonly string[] | undefined): Promise<void> {
    const sessions = { ...this.#sessionsAt(url) }
    if (filters) sessions[clientId] = filters
    else delete sessions[clientId]
    this.#content[withoutPassword(url)] = sessions
    this.#writing = this.#writing.then(() => this.#write())
    await this.#writing
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.new`
    try {
      await mkdir(dirname(this.#path), { recursive: true })
      await writeFile(draft, `${JSON.stringify(this.#content, undefined, 2)}\n`)
      await rename(draft, this.#path)
    } catch (error) {
      this.#logger.warn(
        { err: asError(error), path: this.#path },
        'what MQTT is subscribed to cannot be kept in a file',
      )
    }
  }
}

async function readContent(path: string): Promise<Content> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isContent(content) ? content : {}
  } catch {
    return {}
  }
}

function isContent(value: unknown): value is Content {
  const isRecord = (one: unknown): one is Record<string, unknown> =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
  const isTexts = (one: unknown) => Array.isArray(one) && one.every((text) => typeof text === 'string')
  return (
    isRecord(value) && Object.values(value).every((broker) => isRecord(broker) && Object.values(broker).every(isTexts))
  )
}
