import { randomUUID } from 'node:crypto'
import { InvalidArgumentError } from '../../common/errors.ts'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import { CommitFailedError } from '../errors.ts'
import type {
  ConsumerOptions,
  FetchedBatch,
  GroupConsumer,
  GroupMetadata,
  OffsetAndMetadata,
  OffsetCommit,
  RebalanceListener,
} from '../port.ts'
import type { Engine, EngineSource } from './engine.ts'
import { Fetcher } from './fetcher.ts'
import type { Group, Membership } from './group.ts'
import { Courtesy } from './reader.ts'
import { Signal } from './signal.ts'

const DEFAULT_SESSION_TIMEOUT_MS = 45_000
const DEFAULT_REBALANCE_TIMEOUT_MS = 60_000

/** What `poll` has to see to before it may read. */
type Step = 'lost' | 'revoke-and-join' | 'await-plan' | 'take-plan' | 'fetch'

/** A member of a group inside this process. Alive for as long as it is not closed: there are no heartbeats to miss. */
export class EmbeddedConsumer implements GroupConsumer {
  readonly #source: EngineSource
  readonly #options: ConsumerOptions
  readonly #onClose: (consumer: EmbeddedConsumer) => void
  readonly #signal = new Signal()
  readonly #courtesy = new Courtesy()
  readonly #fetcher: Fetcher
  #topics: readonly string[] = []
  #listener: RebalanceListener | undefined
  #engine: Engine | undefined
  #membership: Membership | undefined
  #unwatch: (() => void) | undefined
  #owned: readonly TopicPartition[] = []
  #ownedNames: ReadonlySet<string> = new Set()
  /** The generation whose plan this member has taken. */
  #generationId = -1
  #rejoin = false
  #woken = false
  #closed = false

  constructor(source: EngineSource, options: ConsumerOptions, onClose: (consumer: EmbeddedConsumer) => void) {
    this.#source = source
    this.#options = options
    this.#onClose = onClose
    this.#fetcher = new Fetcher(this.#signal, {
      maxPartitionBytes: options.maxPartitionBytes,
      outOfRange: options.autoOffsetReset ?? 'earliest',
      missing: 'skip',
    })
  }

  subscribe(topics: readonly string[], listener: RebalanceListener): void {
    this.#topics = [...topics]
    this.#listener = listener
    this.#rejoin = this.#membership !== undefined
  }

  async poll(timeoutMs: number): Promise<readonly FetchedBatch[]> {
    this.#assertOpen()
    const listener = this.#listener
    if (!listener) throw new InvalidArgumentError('subscribe before the first poll')
    this.#engine ??= await this.#source.open()
    const engine = this.#engine
    await this.#courtesy.turn()
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      this.#signal.clear()
      let batches: readonly FetchedBatch[] = []
      let waits = true
      const step = this.#nextStep(engine)
      if (step === 'lost') waits = await this.#lose(listener)
      else if (step === 'revoke-and-join') waits = await this.#revokeAndJoin(engine, listener)
      else if (step === 'take-plan') waits = await this.#takePlan(engine, listener)
      else if (step === 'fetch') batches = await this.#fetcher.fetch()
      const leftMs = deadlineMs - performance.now()
      if (batches.length > 0 || this.#woken || this.#closed) {
        this.#woken = false
        return batches
      }
      if (waits) {
        await this.#signal.wait(leftMs)
        this.#courtesy.yielded()
        if (leftMs <= 0) return []
      }
    }
  }

  async committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, OffsetAndMetadata>> {
    this.#assertOpen()
    const { groupId } = this.#options
    const { offsets } = await this.#source.open()
    while (offsets.isPending(groupId, partitions)) {
      await new Promise<void>((resolve) => {
        const unwatch = offsets.watch(groupId, () => {
          unwatch()
          resolve()
        })
      })
    }
    return offsets.committed(groupId, partitions)
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const { groupId } = this.#options
    const engine = this.#engine
    const member = this.#membership
    const current = member && engine?.groups.get(groupId).current(member.memberId, this.#generationId) === member
    if (this.#closed || !engine || !current) {
      throw new CommitFailedError(`this consumer is no member of the current generation of group ${groupId}`)
    }
    for (const { topic, partition } of offsets) {
      const name = partitionName(topic, partition)
      if (!this.#ownedNames.has(name)) {
        throw new CommitFailedError(`${name} is not assigned to this member of group ${groupId} any more`)
      }
    }
    // Seen at once: whatever a next owner does with it becomes durable after it.
    const durable = engine.writer.write(engine.offsets.rows(groupId, offsets))
    engine.offsets.apply(groupId, offsets)
    await durable
  }

  groupMetadata(): GroupMetadata {
    return {
      groupId: this.#options.groupId,
      memberId: this.#membership?.memberId ?? '',
      generationId: this.#generationId,
    }
  }

  requestRejoin(): void {
    this.#rejoin = true
    this.#signal.fire()
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.setPaused(partitions, true)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.setPaused(partitions, false)
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#fetcher.seek(partition, offset)
  }

  lag(partition: TopicPartition): number | undefined {
    return this.#fetcher.lag(partition)
  }

  wakeup(): void {
    this.#woken = true
    this.#signal.fire()
  }

  async close(options: { leave?: boolean } = {}): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#fetcher.clear()
    this.#unwatch?.()
    if (this.#membership && !this.#membership.removed) {
      if (options.leave ?? true) this.#group().leave(this.#membership)
      else this.#group().vanish(this.#membership)
    }
    this.#signal.fire()
    this.#onClose(this)
  }

  #group(engine = this.#engine): Group {
    if (!engine) throw new InvalidArgumentError('the consumer has not polled yet')
    return engine.groups.get(this.#options.groupId)
  }

  #nextStep(engine: Engine): Step {
    const member = this.#membership
    if (!member) return 'revoke-and-join'
    if (member.removed) return 'lost'
    if (this.#rejoin) return 'revoke-and-join'
    if (this.#group(engine).joining) return member.joined === undefined ? 'revoke-and-join' : 'await-plan'
    return member.generationId === this.#generationId ? 'fetch' : 'take-plan'
  }

  async #lose(listener: RebalanceListener): Promise<false> {
    const lost = this.#release()
    this.#membership = undefined
    if (lost.length > 0) await listener.onLost(lost)
    return false
  }

  /** Gives everything up first, so that the next owners find what was committed here. */
  async #revokeAndJoin(engine: Engine, listener: RebalanceListener): Promise<boolean> {
    this.#rejoin = false
    if (this.#owned.length > 0) {
      await listener.onRevoked(this.#owned)
      this.#release()
    }
    if (this.#closed) return false
    if (this.#membership?.removed) return false
    const group = this.#group(engine)
    this.#membership = this.#member(engine)
    group.join(this.#membership, this.#options.assignor.subscriptionUserData())
    return true
  }

  async #takePlan(engine: Engine, listener: RebalanceListener): Promise<boolean> {
    const member = this.#membership
    if (!member?.assignment) return true
    if (member.failure) throw member.failure
    const { assignment, generationId } = member
    const { partitions } = assignment
    const { groupId, assignor, autoOffsetReset } = this.#options
    if (engine.offsets.isPending(groupId, partitions)) return true
    const committed = engine.offsets.committed(groupId, partitions)
    this.#generationId = generationId
    this.#owned = partitions
    this.#ownedNames = new Set(partitions.map((one) => partitionName(one.topic, one.partition)))
    this.#fetcher.assign(
      engine.catalogue,
      partitions.map(({ topic, partition }) => {
        const log = engine.catalogue.find(topic)?.partitions[partition]
        const reset = autoOffsetReset === 'latest' ? log?.stableOffset : log?.head.logStart
        return { topic, partition, offset: committed.get(partitionName(topic, partition))?.offset ?? reset ?? 0 }
      }),
    )
    assignor.onAssignment?.(assignment, generationId)
    await listener.onAssigned(partitions)
    return false
  }

  #release(): readonly TopicPartition[] {
    const released = this.#owned
    this.#owned = []
    this.#ownedNames = new Set()
    this.#fetcher.clear()
    return released
  }

  #member(engine: Engine): Membership {
    const { clientId, groupId, assignor, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    this.#unwatch ??= engine.offsets.watch(groupId, () => this.#signal.fire())
    const known = this.#membership
    if (known && known.topics === this.#topics) return known
    known && this.#group(engine).leave(known)
    return {
      memberId: `${clientId ?? 'brook'}-${randomUUID()}`,
      clientId: clientId ?? groupId,
      topics: this.#topics,
      assignor,
      sessionTimeoutMs: sessionTimeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: rebalanceTimeoutMs ?? DEFAULT_REBALANCE_TIMEOUT_MS,
      notify: () => this.#signal.fire(),
      joined: undefined,
      assignment: undefined,
      generationId: -1,
      failure: undefined,
      removed: false,
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new InvalidArgumentError('the consumer is closed')
  }
}
