import { InvalidArgumentError } from '../../common/errors.ts'
import { UnknownTopicError } from '../errors.ts'
import type { TopicSpec } from '../port.ts'
import { decodeHeadRows, type StoredTopic } from './catalogue-rows.ts'
import { metaKey, rowsOf, topicKey, topicRowRanges } from './keys.ts'
import type { LogStore } from './log-store.ts'
import { newHead } from './partition-head.ts'
import { PartitionLog } from './partition-log.ts'
import type { TailCache } from './tail-cache.ts'
import { parseTopicConfig, type TopicConfig, withDefaults } from './topic-config.ts'
import type { LogWriter } from './writer.ts'

export interface Topic {
  readonly name: string
  readonly id: number
  readonly config: TopicConfig
  readonly configs: Readonly<Record<string, string>>
  readonly partitions: readonly PartitionLog[]
}

const NEXT_TOPIC_ID = metaKey('next-topic-id')
const NAME = /^[a-zA-Z0-9._-]{1,249}$/

/** The topics of the log. Changes are seen at once in memory and resolve when they are durable. */
export class Catalogue {
  readonly #store: LogStore
  readonly #writer: LogWriter
  readonly #cache: TailCache
  readonly #topics = new Map<string, Topic>()
  #nextId = 1
  /** Told the name of each topic that came or went. */
  onChange: (topic: string) => void = () => {}

  constructor(store: LogStore, writer: LogWriter, cache: TailCache) {
    this.#store = store
    this.#writer = writer
    this.#cache = cache
  }

  async load(): Promise<void> {
    const heads = await decodeHeadRows(this.#store)
    for await (const [key, value] of this.#store.scan(rowsOf('meta'))) {
      if (key.equals(NEXT_TOPIC_ID)) this.#nextId = value.readUInt32BE(0)
    }
    for await (const [key, value] of this.#store.scan(rowsOf('topic'))) {
      const stored = JSON.parse(value.toString('utf8')) as StoredTopic
      const name = key.toString('utf8', 1)
      this.#add(name, stored, (partition) => heads.get(`${stored.id}-${partition}`) ?? newHead())
    }
  }

  get names(): readonly string[] {
    return [...this.#topics.keys()]
  }

  get logs(): readonly PartitionLog[] {
    return [...this.#topics.values()].flatMap((topic) => topic.partitions)
  }

  find(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  /** @throws {UnknownTopicError} */
  get(name: string): Topic {
    const topic = this.#topics.get(name)
    if (!topic) throw new UnknownTopicError(`topic ${name} does not exist in the embedded log`)
    return topic
  }

  /** @throws {UnknownTopicError} when the topic does not exist, or has no such partition. */
  log(name: string, partition: number): PartitionLog {
    const topic = this.get(name)
    const log = topic.partitions[partition]
    if (!log) {
      throw new UnknownTopicError(
        `topic ${name} has no partition ${partition}, only ${topic.partitions.length} of them, counted from 0`,
      )
    }
    return log
  }

  /** Creates the topics that do not exist. @throws {InvalidArgumentError} and creates none when one of them cannot be. */
  async create(specs: readonly TopicSpec[]): Promise<void> {
    const missing = specs.filter(({ name }) => !this.#topics.has(name))
    for (const { name, partitions, configs = {} } of missing) {
      if (!NAME.test(name) || name === '.' || name === '..') {
        throw new InvalidArgumentError(
          `${JSON.stringify(name)} cannot be a topic: use letters, digits, '.', '_' and '-'`,
        )
      }
      if (!Number.isSafeInteger(partitions) || partitions < 1) {
        throw new InvalidArgumentError(`topic ${name} cannot have ${partitions} partitions`)
      }
      parseTopicConfig(name, configs)
    }
    const puts: [Buffer, Buffer][] = []
    const created: string[] = []
    for (const { name, partitions, configs = {} } of missing) {
      if (this.#topics.has(name)) continue
      const stored: StoredTopic = { id: this.#nextId++, partitions, configs }
      this.#add(name, stored, newHead)
      puts.push([topicKey(name), Buffer.from(JSON.stringify(stored))])
      created.push(name)
    }
    const nextId = Buffer.alloc(4)
    nextId.writeUInt32BE(this.#nextId)
    puts.push([NEXT_TOPIC_ID, nextId])
    const durable = this.#writer.write(puts)
    for (const name of created) this.onChange(name)
    await durable
  }

  /** Deletes the topics that exist, with all their records. */
  async delete(names: readonly string[], offsetRows: (topic: string) => Buffer[]): Promise<void> {
    const puts: [Buffer, null][] = []
    const ranges: [Buffer, Buffer][] = []
    const gone: string[] = []
    for (const name of names) {
      const topic = this.#topics.get(name)
      if (!topic) continue
      this.#topics.delete(name)
      for (const log of topic.partitions) log.markDeleted()
      puts.push([topicKey(name), null], ...offsetRows(name).map((key): [Buffer, null] => [key, null]))
      ranges.push(...topicRowRanges(topic.id))
      gone.push(name)
    }
    if (gone.length === 0) return
    const durable = this.#writer.write(puts, ranges)
    for (const name of gone) this.onChange(name)
    await durable
  }

  #add(name: string, stored: StoredTopic, headOf: (partition: number) => ReturnType<typeof newHead>): void {
    const { id, configs } = stored
    const config = parseTopicConfig(name, configs)
    const partitions = Array.from(
      { length: stored.partitions },
      (_, index) => new PartitionLog({ name, id, config }, index, headOf(index), this.#store, this.#cache),
    )
    this.#topics.set(name, { name, id, config, configs: withDefaults(configs), partitions })
  }
}
