import { asError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { BrokerLink, type LinkConfig } from './broker-link.ts'
import { KafkaAuthorizationError, KafkaProtocolError, KafkaUnavailableError, UnknownTopicError } from './errors.ts'
import type { Api } from './protocol/api.ts'
import { errorName, isRetriable } from './protocol/codes.ts'
import {
  type BrokerAddress,
  type CoordinatorKind,
  findCoordinatorRequest,
  type MetadataResponse,
  metadataRequest,
  type TopicMetadata,
} from './protocol/metadata.ts'
import { retrying } from './retry.ts'

export interface ClusterConfig extends LinkConfig {
  /** `host:port` of brokers to start from. */
  readonly brokers: readonly string[]
  readonly onClosed?: () => void
}

/** After this long, metadata is fetched anew although nothing was wrong with it: partitions may have been added. */
const METADATA_MAX_AGE_MS = 300_000

/** How long a topic that was just created may be unknown to the broker that is asked. */
const UNKNOWN_TOPIC_PATIENCE_MS = 2_000

/** What one client knows of the cluster: who leads what, and a link to each broker it talks to. */
export class Cluster {
  readonly config: ClusterConfig
  readonly #logger: Logger
  readonly #seeds: readonly (readonly [host: string, port: number])[]
  readonly #links = new Map<string, BrokerLink>()
  readonly #down = new Set<string>()
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #wanted = new Set<string>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  #nodes = new Map<number, BrokerAddress>()
  #refreshing: { readonly topics: ReadonlySet<string>; readonly done: Promise<void> } | undefined
  #refreshedMs = performance.now()
  #closed = false

  constructor(config: ClusterConfig) {
    this.config = config
    this.#logger = config.logger
    this.#seeds = config.brokers.map(parseAddress)
  }

  get closed(): boolean {
    return this.#closed
  }

  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** Leader of a partition by what is known; -1 when there is none or it is not known. */
  leaderOf(topic: string, partition: number): number {
    const partitions = this.#topics.get(topic)?.partitions
    if (partitions === undefined) return -1
    const direct = partitions[partition]
    const found = direct?.partition === partition ? direct : partitions.find((p) => p.partition === partition)
    return found?.leader ?? -1
  }

  /** Partitions of a topic by what is known. */
  partitionCount(topic: string): number | undefined {
    const count = this.#topics.get(topic)?.partitions.length
    return count === 0 ? undefined : count
  }

  /** Fetches metadata of these topics, and of all that were asked for before. Topics that do not exist are forgotten. */
  async refresh(topics: readonly string[] = []): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic)
    const running = this.#refreshing
    if (running && topics.every((topic) => running.topics.has(topic))) return running.done
    if (running) await running.done.catch(() => {})
    if (this.#refreshing) return this.refresh(topics)
    const wanted = new Set(this.#wanted)
    const done = this.#refresh([...wanted]).finally(() => {
      this.#refreshing = undefined
    })
    this.#refreshing = { topics: wanted, done }
    return done
  }

  /** Fetches metadata in the background when it is old. */
  keepFresh(): void {
    if (this.#refreshing || performance.now() - this.#refreshedMs < METADATA_MAX_AGE_MS) return
    this.refresh().catch((error: unknown) => this.#logger.debug({ err: error }, 'metadata cannot be fetched'))
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    this.#refreshedMs = performance.now()
    const metadata = await this.metadata(topics)
    for (const topic of metadata.topics) {
      const code = errorName(topic.errorCode)
      if (code === undefined || topic.partitions.length > 0) this.#topics.set(topic.name, topic)
      else if (!isRetriable(code) || code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#topics.delete(topic.name)
    }
  }

  /** Metadata as a broker tells it now. */
  async metadata(topics: readonly string[] | null, from?: BrokerLink): Promise<MetadataResponse> {
    const api = metadataRequest(topics)
    const answer = from ? await from.request(api) : await this.requestAny(api)
    this.#nodes = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]))
    return answer
  }

  /**
   * The partition count of a topic, fetched when not known yet.
   * @throws {UnknownTopicError} when it is not there after a moment.
   */
  async requireTopic(topic: string, signal?: AbortSignal): Promise<number> {
    return retrying({ timeoutMs: UNKNOWN_TOPIC_PATIENCE_MS, ...(signal ? { signal } : {}) }, async () => {
      const known = this.partitionCount(topic)
      if (known !== undefined) return { value: known }
      await this.refresh([topic])
      const count = this.partitionCount(topic)
      return count === undefined
        ? { retry: new UnknownTopicError(`the topic ${topic} does not exist`) }
        : { value: count }
    })
  }

  /** A link to a broker of the cluster. @throws {KafkaUnavailableError} */
  async node(nodeId: number): Promise<BrokerLink> {
    const address = this.#nodes.get(nodeId)
    if (!address) throw new KafkaUnavailableError(`broker ${nodeId} is not in the cluster's metadata`)
    return this.#link(address.host, address.port)
  }

  /** Sends the request to whichever broker answers. @throws {KafkaUnavailableError} naming all that were tried. */
  async requestAny<T>(api: Api<T>): Promise<T> {
    const failures: string[] = []
    for (const [host, port] of this.#candidates()) {
      try {
        const link = await this.#link(host, port)
        return await link.request(api)
      } catch (thrown) {
        if (thrown instanceof KafkaAuthorizationError || thrown instanceof KafkaProtocolError) throw thrown
        failures.push(asError(thrown).message)
      }
      if (this.#closed) break
    }
    if (this.#closed) throw new KafkaUnavailableError('the client is closed')
    throw new KafkaUnavailableError(`no Kafka broker answers: ${[...new Set(failures)].join('; ')}`)
  }

  /** The broker that coordinates a group or a transactional id. */
  async coordinator(kind: CoordinatorKind, key: string): Promise<BrokerLink> {
    const name = `${kind}:${key}`
    let address = this.#coordinators.get(name)
    if (!address) {
      const answer = await this.requestAny(findCoordinatorRequest(kind, key))
      const code = errorName(answer.errorCode)
      if (code !== undefined) {
        const message = `the coordinator of ${kind} ${key}: ${answer.errorMessage ?? code}`
        if (isRetriable(code)) throw new KafkaUnavailableError(message)
        if (code.endsWith('AUTHORIZATION_FAILED')) throw new KafkaAuthorizationError(message)
        throw new KafkaProtocolError(code, message)
      }
      address = answer
      this.#coordinators.set(name, address)
    }
    try {
      return await this.#link(address.host, address.port)
    } catch (error) {
      this.forgetCoordinator(kind, key)
      throw error
    }
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}:${key}`)
  }

  /** Ends the connections; the next request opens new ones. */
  dropLinks(): void {
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.dropLinks()
    this.config.onClosed?.()
  }

  async #link(host: string, port: number): Promise<BrokerLink> {
    if (this.#closed) throw new KafkaUnavailableError('the client is closed')
    const address = `${host}:${port}`
    let link = this.#links.get(address)
    if (!link || link.dead) {
      link?.close()
      link = new BrokerLink(host, port, this.config)
      this.#links.set(address, link)
    }
    try {
      await link.connect()
    } catch (error) {
      if (!this.#closed && !this.#down.has(address)) {
        this.#down.add(address)
        this.#logger.warn(
          { broker: address, reason: asError(error).message },
          'a Kafka broker cannot be reached; trying on',
        )
      }
      throw error
    }
    if (this.#down.delete(address)) this.#logger.info({ broker: address }, 'the Kafka broker can be reached again')
    return link
  }

  /** Brokers to ask, those with a living link first, the seeds last. */
  #candidates(): [host: string, port: number][] {
    const known = [...this.#nodes.values()].map(({ host, port }): [string, number] => [host, port])
    shuffle(known)
    const isAlive = ([host, port]: [string, number]): boolean => this.#links.get(`${host}:${port}`)?.alive === true
    const ordered = [...known.filter(isAlive), ...known.filter((address) => !isAlive(address))]
    for (const [host, port] of this.#seeds) {
      if (!ordered.some((address) => address[0] === host && address[1] === port)) ordered.push([host, port])
    }
    return ordered
  }
}

/** Splits `host:port`; an IPv6 address stands in brackets. The port defaults to Kafka's 9092. */
function parseAddress(address: string): readonly [host: string, port: number] {
  const match = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(address.trim())
  return [match?.[1] ?? address, Number(match?.[2] ?? 9092)]
}

function shuffle<T>(items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const item = items[i]!
    items[i] = items[j]!
    items[j] = item
  }
}
