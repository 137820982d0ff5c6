import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import confluent from '@kafkajs/confluent-schema-registry'
import { ConfigError } from '../common/errors.ts'
import type { AvroDefinition, AvroSchema } from './avro-type.ts'
import { type Compatibility, incompatibilities, isCompatibility } from './compatibility.ts'
import {
  RegistryRefusedError,
  RegistryUnavailableError,
  SchemaIncompatibleError,
  SchemaNotFoundError,
} from './errors.ts'
import { Backoff, type BackoffOptions } from './registry-backoff.ts'
import { fullName, selfContained } from './self-contained.ts'

export interface RegistryClientOptions {
  /** Where the Confluent routes begin, such as `http://127.0.0.1:8081`; may carry `user:password@`. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** The longest that one request may take (default 5000). */
  readonly timeoutMs?: number
  /** How often, and for how long, a registry that does not answer is tried again. */
  readonly retry?: BackoffOptions
}

export interface RegisteredVersion {
  readonly id: number
  readonly version: number
  readonly schema: AvroSchema
}

interface Answer<T> {
  data(): T
}
type Call<T> = (parameters: object) => Promise<Answer<T>>
interface Reference {
  readonly name: string
  readonly subject: string
  readonly version: number
}
interface SchemaBody {
  readonly schema: string
  readonly schemaType?: string
  readonly references?: readonly Reference[]
}

/**
 * The package's own HTTP calls. Its public methods refuse schemas without a name (a string key), refuse a subject whose
 * compatibility is not the given one, and cannot ask for a version's schema; underneath are the same calls without that.
 */
interface Api {
  readonly Schema: { readonly find: Call<SchemaBody> }
  readonly Subject: {
    readonly all: Call<readonly string[]>
    readonly latestVersion: Call<SchemaBody & { readonly id: number; readonly version: number }>
    readonly version: Call<SchemaBody & { readonly id: number; readonly version: number }>
    readonly config: Call<{ readonly compatibilityLevel: string }>
    readonly updateConfig: Call<unknown>
    readonly register: Call<{ readonly id: number }>
    readonly registered: Call<{ readonly id: number }>
    readonly compatible: Call<{ readonly is_compatible: boolean }>
  }
}

/** A failed call as the package tells it; a registry that could not be reached has status 400 and no message of its own. */
interface FailedCall {
  readonly status: number
  readonly message: string
}

const CLIENT_ID = 'brook'
const UNREACHED = `${CLIENT_ID} - Error, status 400: `
const TRY_AGAIN = new Set([408, 429, 500, 502, 503, 504])

/**
 * A schema registry with Confluent's routes, through `@kafkajs/confluent-schema-registry`. Every call is tried again while the
 * registry does not answer (all of them may be repeated), then fails with RegistryUnavailableError; an answer of 401, 403, 422
 * or another status without a meaning here is a RegistryRefusedError. Passwords are in no message.
 */
export class RegistryClient {
  /** Without credentials. */
  readonly url: string
  readonly #api: Api
  readonly #agent: HttpAgent
  readonly #backoff: Backoff
  readonly #timeoutMs: number

  /** @throws {ConfigError} when the URL is none. */
  constructor(options: RegistryClientOptions) {
    const url = parseUrl(options.url)
    const username = options.username ?? decodeURIComponent(url.username)
    const password = options.password ?? decodeURIComponent(url.password)
    url.username = ''
    url.password = ''
    this.url = url.href.replace(/\/+$/, '')
    this.#timeoutMs = options.timeoutMs ?? 5_000
    this.#backoff = new Backoff(options.retry)
    this.#agent = url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
    const timeoutMs = this.#timeoutMs
    const registry = new confluent.SchemaRegistry({
      host: this.url,
      clientId: CLIENT_ID,
      agent: this.#agent,
      retry: { retries: 0 },
      ...(username || password ? { auth: { username, password } } : {}),
      middlewares: [() => ({ prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }) })],
    })
    this.#api = (registry as unknown as { readonly api: Api }).api
  }

  /** The names of all subjects. */
  async subjects(): Promise<readonly string[]> {
    return (await this.#found(() => this.#api.Subject.all({}))) ?? []
  }

  /** The id of this very schema under the subject; `undefined` when it is not registered there. */
  async lookup(subject: string, schema: AvroSchema): Promise<number | undefined> {
    return (await this.#found(() => this.#api.Subject.registered({ subject, body: bodyOf(schema) })))?.id
  }

  /**
   * Registers the schema and gives its id; the same again when it is there already. A subject that is new is set to
   * `compatibility` unless somebody has configured it before.
   * @throws {SchemaIncompatibleError}
   */
  async register(subject: string, schema: AvroSchema, compatibility: Compatibility = 'BACKWARD'): Promise<number> {
    const isNew = (await this.#found(() => this.#api.Subject.latestVersion({ subject }))) === undefined
    // Asked before it exists: afterwards Apicurio says NONE for a subject that nobody has configured.
    const isFree = isNew && (await this.compatibility(subject)) === undefined
    const answer = await this.#call(
      () => this.#api.Subject.register({ subject, body: bodyOf(schema) }),
      async (failed) => {
        if (failed.status === 409)
          throw new SchemaIncompatibleError(subject, await this.#differences(subject, schema, failed))
      },
    )
    if (isFree) await this.#setCompatibility(subject, compatibility)
    return answer.id
  }

  /** Several clients may register a new subject at once: the level that another one has set meanwhile stands. */
  async #setCompatibility(subject: string, compatibility: Compatibility): Promise<void> {
    try {
      await this.#call(() => this.#api.Subject.updateConfig({ subject, body: { compatibility } }))
    } catch (error) {
      if (!(error instanceof RegistryRefusedError && error.status === 409)) throw error
    }
  }

  /**
   * The schema that has this id, written out whole.
   * @throws {SchemaNotFoundError} when there is none, or it is not Avro.
   */
  async schemaById(id: number): Promise<AvroSchema> {
    const body = await this.#found(() => this.#api.Schema.find({ id }))
    if (!body) throw new SchemaNotFoundError(`the registry ${this.url} has no schema ${id}`)
    if (body.schemaType !== undefined && body.schemaType.toUpperCase() !== 'AVRO')
      throw new SchemaNotFoundError(`schema ${id} of the registry ${this.url} is ${body.schemaType}, not AVRO`)
    const named = new Map<string, AvroDefinition>()
    await this.#collect(body.references ?? [], named)
    return selfContained(JSON.parse(body.schema) as AvroSchema, named)
  }

  /** The subject's latest version; `undefined` when there is none. */
  async latest(subject: string): Promise<RegisteredVersion | undefined> {
    const found = await this.#found(() => this.#api.Subject.latestVersion({ subject }))
    return found && { id: found.id, version: found.version, schema: JSON.parse(found.schema) as AvroSchema }
  }

  /** The level set for this subject; `undefined` when the registry's own holds (Apicurio says NONE instead, once the subject exists). */
  async compatibility(subject: string): Promise<Compatibility | undefined> {
    const level = (await this.#found(() => this.#api.Subject.config({ subject })))?.compatibilityLevel.toUpperCase()
    return isCompatibility(level) ? level : undefined
  }

  /** Whether the registry would take this schema as the subject's next version; true when the subject is new. */
  async isCompatible(subject: string, schema: AvroSchema): Promise<boolean> {
    const answer = await this.#found(() => this.#api.Subject.compatible({ subject, body: bodyOf(schema) }))
    return answer?.is_compatible ?? true
  }

  /** Closes the connections; waiting retries fail. */
  close(): void {
    this.#backoff.stop()
    this.#agent.destroy()
  }

  async #collect(references: readonly Reference[], named: Map<string, AvroDefinition>): Promise<void> {
    for (const { name, subject, version } of references) {
      if (named.has(name)) continue
      const found = await this.#found(() => this.#api.Subject.version({ subject, version }))
      if (!found) throw new SchemaNotFoundError(`the registry ${this.url} has no version ${version} of ${subject}`)
      const definition = JSON.parse(found.schema) as AvroDefinition
      named.set(fullName(definition), definition)
      await this.#collect(found.references ?? [], named)
    }
  }

  /** The differences in our own words; the registry's where ours finds none (an older version is in the way). */
  async #differences(subject: string, schema: AvroSchema, failed: FailedCall): Promise<readonly string[]> {
    const latest = await this.latest(subject)
    const earlier = latest ? [{ name: `version ${latest.version}`, schema: latest.schema }] : []
    for (const level of [await this.compatibility(subject), 'BACKWARD', 'FORWARD'] as const) {
      const found = level ? incompatibilities(schema, earlier, level) : []
      if (found.length > 0) return found
    }
    return [failed.message]
  }

  /** As `#call`, with `undefined` for 404. */
  async #found<T>(call: () => Promise<Answer<T>>): Promise<T | undefined> {
    let missing = false
    try {
      return await this.#call(call, (failed) => {
        missing = failed.status === 404
      })
    } catch (error) {
      if (missing) return undefined
      throw error
    }
  }

  async #call<T>(call: () => Promise<Answer<T>>, onRefusal?: (failed: FailedCall) => void | Promise<void>): Promise<T> {
    return this.#backoff.run(async () => {
      let answer: Answer<T>
      try {
        answer = await this.#inTime(call())
      } catch (error) {
        if (!isFailedCall(error)) throw error
        const text = error.message.replace(`${CLIENT_ID} - `, '')
        if (error.message.startsWith(UNREACHED))
          throw new RegistryUnavailableError(this.url, error.message.slice(UNREACHED.length))
        if (TRY_AGAIN.has(error.status)) throw new RegistryUnavailableError(this.url, `status ${error.status}: ${text}`)
        await onRefusal?.({ status: error.status, message: text })
        throw new RegistryRefusedError(this.url, error.status, text)
      }
      const data: unknown = answer.data()
      if (typeof data !== 'object' || data === null)
        throw new RegistryRefusedError(
          this.url,
          200,
          'the answer is not JSON; is this the address of a schema registry?',
        )
      return data as T
    })
  }

  /** The package never settles when a connection breaks in the middle of an answer. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new RegistryUnavailableError(this.url, `no answer in ${this.#timeoutMs} ms`)),
        this.#timeoutMs + 100,
      )
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function bodyOf(schema: AvroSchema): { schema: string } {
  return { schema: JSON.stringify(schema) }
}

function isFailedCall(error: unknown): error is FailedCall {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' && !('domain' in error)
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new ConfigError(['the address of the schema registry must be a URL that begins with http:// or https://'])
  return url
}
