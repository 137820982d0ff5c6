import { asError, InvalidArgumentError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import { askCoordinator, askLeaders } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { CommitFailedError, KafkaUnavailableError } from './errors.ts'
import { Fetcher } from './fetcher.ts'
import { GroupMember } from './group-member.ts'
import { DEFAULT_MAX_PARTITION_BYTES } from './kafka-reader.ts'
import { fetchCommitted } from './offsets.ts'
import type {
  ConsumerOptions,
  FetchedBatch,
  GroupConsumer,
  GroupMetadata,
  OffsetAndMetadata,
  OffsetCommit,
  RebalanceListener,
} from './port.ts'
import { errorName, isMembershipLost, kafkaError } from './protocol/codes.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsetsRequest } from './protocol/fetch.ts'
import { offsetCommitRequest } from './protocol/group.ts'

/** Java's defaults. */
const SESSION_TIMEOUT_MS = 45_000
const HEARTBEAT_INTERVAL_MS = 3_000
const REBALANCE_TIMEOUT_MS = 300_000
/** How long a commit or a question for committed offsets is tried. */
const API_TIMEOUT_MS = 60_000

/**
 * A member of a consumer group on a cluster. Committed offsets are asked for with `requireStable`: the answer waits for the
 * transactions that have offsets of these partitions pending, so that a new owner never starts behind what a commit in
 * flight makes true. A transaction that was left open delays it until that is aborted: init the transactional producer of
 * the same id first (in `onAssigned`), which aborts it at once.
 */
export class KafkaConsumer implements GroupConsumer {
  readonly #cluster: Cluster
  readonly #options: ConsumerOptions
  readonly #logger: Logger
  readonly #fetcher: Fetcher
  readonly #closing = new AbortController()
  #member: GroupMember | undefined
  #listener: RebalanceListener | undefined
  /** The partitions that the listener was told of. */
  #owned = new Map<string, TopicPartition>()
  #positioning: AbortController | undefined
  #failure: Error | undefined
  #polling = false
  #woken = false

  constructor(cluster: Cluster, options: ConsumerOptions, logger: Logger) {
    this.#cluster = cluster
    this.#options = options
    this.#logger = logger
    this.#fetcher = new Fetcher(cluster, {
      isolationLevel: options.isolationLevel ?? 'read_uncommitted',
      maxPartitionBytes: options.maxPartitionBytes ?? DEFAULT_MAX_PARTITION_BYTES,
      logger,
      onOutOfRange: (partition) => this.#restart(partition),
    })
  }

  subscribe(topics: readonly string[], listener: RebalanceListener): void {
    if (this.#member) throw new InvalidArgumentError('the consumer is subscribed already')
    this.#listener = listener
    this.#member = new GroupMember(this.#cluster, {
      groupId: this.#options.groupId,
      topics,
      assignor: this.#options.assignor,
      sessionTimeoutMs: this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      heartbeatIntervalMs: this.#options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS,
      rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs ?? REBALANCE_TIMEOUT_MS,
      logger: this.#logger,
      onChange: () => this.#fetcher.signal(),
    })
  }

  async poll(timeoutMs: number): Promise<readonly FetchedBatch[]> {
    const deadlineMs = performance.now() + timeoutMs
    const member = this.#requireMember()
    if (this.#closing.signal.aborted) throw new InvalidArgumentError('the consumer is closed')
    member.polled(true)
    this.#polling = true
    this.#woken = false
    try {
      for (;;) {
        await this.#followGroup(member)
        if (this.#failure) throw this.#failure
        const batches = this.#fetcher.take()
        if (batches.length > 0) return batches
        const leftMs = deadlineMs - performance.now()
        if (this.#woken || this.#closing.signal.aborted || leftMs <= 0) return []
        if (this.#needsGroupStep(member)) continue
        await this.#fetcher.wait(leftMs)
      }
    } finally {
      this.#polling = false
      member.polled(false)
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.resume(partitions)
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#fetcher.seek(partition, offset)
  }

  lag(partition: TopicPartition): number | undefined {
    return this.#fetcher.lag(partition)
  }

  wakeup(): void {
    if (!this.#polling) return
    this.#woken = true
    this.#fetcher.signal()
  }

  committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, OffsetAndMetadata>> {
    return this.#committed(partitions, this.#closing.signal, API_TIMEOUT_MS)
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    if (offsets.length === 0) return
    const { groupId } = this.#options
    const member = this.#member
    const phase = member?.phase
    if (!member || (phase !== 'stable' && phase !== 'rebalancing')) {
      throw new CommitFailedError(`this consumer is no member of group ${groupId}`)
    }
    const foreign = offsets.find((o) => !this.#owned.has(partitionName(o.topic, o.partition)))
    if (foreign) {
      throw new CommitFailedError(`${partitionName(foreign.topic, foreign.partition)} is not assigned to this member`)
    }
    const results = await askCoordinator(
      this.#cluster,
      'group',
      groupId,
      offsetCommitRequest(member.metadata(), offsets),
      (answer) => answer.map((result) => result.errorCode),
      { timeoutMs: API_TIMEOUT_MS, signal: this.#closing.signal },
    )
    for (const result of results) {
      const code = errorName(result.errorCode)
      if (code === undefined) continue
      if (isMembershipLost(code)) member.refused(code)
      throw kafkaError(code, `commit of ${partitionName(result.topic, result.partition)} in group ${groupId}`)
    }
  }

  groupMetadata(): GroupMetadata {
    return this.#member?.metadata() ?? { groupId: this.#options.groupId, memberId: '', generationId: -1 }
  }

  requestRejoin(): void {
    this.#member?.requestRejoin()
  }

  async close(options: { leave?: boolean } = {}): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#positioning?.abort()
    this.#fetcher.close()
    await this.#member?.close(options.leave !== false)
    this.#cluster.close()
  }

  #requireMember(): GroupMember {
    if (!this.#member) throw new InvalidArgumentError('subscribe before poll')
    return this.#member
  }

  #needsGroupStep(member: GroupMember): boolean {
    const phase = member.phase
    return phase !== 'joining' && phase !== 'stable' && phase !== 'closed'
  }

  /** Does what the member's phase asks for until there is nothing left to do but wait. */
  async #followGroup(member: GroupMember): Promise<void> {
    while (this.#needsGroupStep(member)) {
      switch (member.phase) {
        case 'outside':
          member.join()
          break
        case 'assigned':
          await this.#takeOver(member)
          break
        case 'rebalancing':
        case 'lost':
          await this.#giveUp(member)
          break
        case 'failed':
          throw member.failure ?? new KafkaUnavailableError(`group ${this.#options.groupId} cannot be joined`)
        case 'joining':
        case 'stable':
        case 'closed':
          return
      }
    }
  }

  async #takeOver(member: GroupMember): Promise<void> {
    const { partitions } = member.assignment
    const { generationId } = member.metadata()
    this.#options.assignor.onAssignment?.(member.assignment, generationId)
    member.told()
    this.#owned = new Map(partitions.map((p) => [partitionName(p.topic, p.partition), p]))
    const positioning = new AbortController()
    this.#positioning = positioning
    this.#fetcher.assign(partitions.map((p) => ({ ...p, offset: undefined })))
    this.#logger.info({ groupId: this.#options.groupId, generationId, partitions: partitions.length }, 'assigned')
    try {
      await this.#listener?.onAssigned(partitions)
    } finally {
      this.#position(positioning.signal, this.#fetcher.unpositioned(), true)
    }
  }

  async #giveUp(member: GroupMember): Promise<void> {
    const partitions = [...this.#owned.values()]
    const isLost = member.phase === 'lost'
    this.#positioning?.abort()
    try {
      if (partitions.length > 0) {
        if (isLost) await this.#listener?.onLost(partitions)
        else await this.#listener?.onRevoked(partitions)
      }
    } finally {
      this.#owned.clear()
      this.#fetcher.assign([])
      member.givenUp()
    }
  }

  /** The position of a partition is not in the log: the reset policy says where to go on. */
  #restart(partition: TopicPartition): void {
    this.#logger.warn(
      { partition: partitionName(partition.topic, partition.partition) },
      'the position is not in the log any more: going on from where the reset policy says',
    )
    if (this.#positioning) this.#position(this.#positioning.signal, [partition], false)
  }

  /** In the background: finds out where to start and seeks there, unless somebody else does first. */
  #position(signal: AbortSignal, partitions: readonly TopicPartition[], fromCommitted: boolean): void {
    if (partitions.length === 0) return
    this.#startingOffsets(partitions, fromCommitted, signal)
      .then((offsets) => {
        if (signal.aborted) return
        for (const p of this.#fetcher.unpositioned()) {
          const offset = offsets.get(partitionName(p.topic, p.partition))
          if (offset !== undefined) this.#fetcher.seek(p, offset)
        }
      })
      .catch((error: unknown) => {
        if (signal.aborted) return
        this.#failure = asError(error)
        this.#fetcher.signal()
      })
  }

  async #startingOffsets(
    partitions: readonly TopicPartition[],
    fromCommitted: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, number>> {
    const offsets = new Map<string, number>()
    if (fromCommitted) {
      const committed = await this.#committed(partitions, signal, Number.POSITIVE_INFINITY)
      for (const [name, { offset }] of committed) offsets.set(name, offset)
    }
    const fresh = partitions.filter((p) => !offsets.has(partitionName(p.topic, p.partition)))
    if (fresh.length === 0) return offsets
    const timestampMs = this.#options.autoOffsetReset === 'latest' ? LATEST_TIMESTAMP : EARLIEST_TIMESTAMP
    const isolationLevel = this.#options.isolationLevel ?? 'read_uncommitted'
    const listed = await askLeaders(
      this.#cluster,
      fresh.map((p) => ({ topic: p.topic, partition: p.partition, timestampMs })),
      (list) => listOffsetsRequest(list, isolationLevel),
      { timeoutMs: Number.POSITIVE_INFINITY, signal },
    )
    for (const { topic, partition, offset } of listed) offsets.set(partitionName(topic, partition), offset)
    return offsets
  }

  #committed(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<ReadonlyMap<string, OffsetAndMetadata>> {
    return fetchCommitted(this.#cluster, this.#options.groupId, partitions, { stable: true, timeoutMs, signal })
  }
}
