import { asError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { PackedBatch, PackedRecords } from '../common/packed-records.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import { byLeader } from './ask.ts'
import type { Lane } from './broker-link.ts'
import { KafkaProtocolError, KafkaUnavailableError, OffsetOutOfRangeError, UnknownTopicError } from './errors.ts'
import { type FetchState, isFetchable, moveTo, newFetchState } from './fetch-state.ts'
import type { FetchedBatch, IsolationLevel } from './port.ts'
import type { Api } from './protocol/api.ts'
import { errorName, isRetriable, kafkaError } from './protocol/codes.ts'
import { type FetchedPartition, fetchRequest } from './protocol/fetch.ts'
import { decodeRecordBatches, readRecordBatches } from './record-batch.ts'
import { Backoff } from './retry.ts'

/** What the fetcher needs of a cluster. */
export interface FetcherCluster {
  leaderOf(topic: string, partition: number): number
  partitionCount(topic: string): number | undefined
  node(nodeId: number): Promise<{ request<T>(api: Api<T>, lane: Lane): Promise<T> }>
  refresh(topics: readonly string[]): Promise<void>
  keepFresh(): void
}

export interface FetcherOptions {
  readonly isolationLevel: IsolationLevel
  readonly maxPartitionBytes: number
  readonly packed?: boolean | undefined
  readonly logger: Logger
  /**
   * Decides what becomes of a position that is not in the log: an offset to go on from, `undefined` when somebody else sets one.
   * Without it the partition fails with `OffsetOutOfRangeError`, and one whose topic vanished with `UnknownTopicError`.
   */
  readonly onOutOfRange?: (partition: TopicPartition) => void
}

/** How long a broker may hold a fetch that finds nothing. */
const LONG_POLL_MS = 500
/** The same while a partition of that broker is left out (paused): it may have to be asked for soon. */
const SHORT_POLL_MS = 50
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024
/** Fetched bytes that are decoded for one `poll`: keeps the event loop free. */
const TAKE_BYTES = 2 * 1024 * 1024
/** How long a topic may be missing before a reader is told (it may only be known late to some broker). */
const UNKNOWN_TOPIC_PATIENCE_MS = 2_000

/** What is in flight to one broker, and how long to leave it alone after a failure. */
interface NodeState {
  readonly backoff: Backoff
  long: boolean
  short: boolean
  restingUntilMs: number
}

/**
 * Keeps record batches of the assigned partitions at hand. Per broker one long poll is out at a time, asking for every partition
 * that has nothing buffered; a broker with something buffered is not asked before that is handed out, so at most one answer per
 * partition is held. A partition that wants data while the long poll without it is out is asked for by a short fetch beside it.
 */
export class Fetcher {
  readonly #cluster: FetcherCluster
  readonly #options: FetcherOptions
  readonly #states = new Map<string, FetchState>()
  readonly #nodes = new Map<number, NodeState>()
  readonly #metadataBackoff = new Backoff(20, 1_000)
  #timer: NodeJS.Timeout | undefined
  #refreshing = false
  #wake: (() => void) | undefined
  #closed = false

  constructor(cluster: FetcherCluster, options: FetcherOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get assigned(): readonly TopicPartition[] {
    return [...this.#states.values()]
  }

  /** Replaces what is read. Positions that are `undefined` are set by `seek` later. */
  assign(positions: readonly (TopicPartition & { readonly offset: number | undefined })[]): void {
    for (const state of this.#states.values()) state.turn++
    this.#states.clear()
    for (const p of positions) {
      const state = newFetchState(p, p.offset, this.#options.maxPartitionBytes)
      this.#states.set(state.name, state)
    }
    this.#fill()
  }

  /** Partitions that have no position yet. */
  unpositioned(): TopicPartition[] {
    return [...this.#states.values()].filter((s) => s.position === undefined && s.failure === undefined)
  }

  seek(partition: TopicPartition, offset: number): void {
    const state = this.#states.get(partitionName(partition.topic, partition.partition))
    if (!state) return
    moveTo(state, offset)
    this.#fill()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const p of partitions) {
      const state = this.#states.get(partitionName(p.topic, p.partition))
      if (state) state.paused = true
    }
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const p of partitions) {
      const state = this.#states.get(partitionName(p.topic, p.partition))
      if (!state?.paused) continue
      state.paused = false
      if (state.buffered) this.signal()
    }
    this.#fill()
  }

  lag(partition: TopicPartition): number | undefined {
    const state = this.#states.get(partitionName(partition.topic, partition.partition))
    if (state?.end === undefined || state.position === undefined) return undefined
    return Math.max(0, state.end - state.position)
  }

  /**
   * Decodes and hands out what is buffered, and sends for more.
   * @throws the failure of a partition when nothing else is here.
   */
  take(): FetchedBatch[] {
    const batches: FetchedBatch[] = []
    let bytes = 0
    for (const state of [...this.#states.values()]) {
      if (bytes >= TAKE_BYTES) break
      if (state.paused || !state.buffered) continue
      bytes += state.buffered.data.length
      const batch = this.#decode(state, state.buffered)
      if (batch) batches.push(batch)
      // To the end of the line: next time the others come first, here and in the next fetch.
      this.#states.delete(state.name)
      this.#states.set(state.name, state)
    }
    this.#fill()
    if (batches.length === 0) {
      for (const state of this.#states.values()) if (state.failure && !state.paused) throw state.failure
    }
    return batches
  }

  /** Resolves when there may be something to take, on `signal`, or after the time. */
  async wait(timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0 || this.#closed) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
      this.#wake = resolve
    })
    clearTimeout(timer)
    this.#wake = undefined
  }

  signal(): void {
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#states.clear()
    clearTimeout(this.#timer)
    this.signal()
  }

  #decode(state: FetchState, answer: FetchedPartition): FetchedBatch | undefined {
    const position = state.position!
    state.buffered = undefined
    try {
      const committed = this.#options.isolationLevel === 'read_committed'
      const options = { fromOffset: position, ...(committed ? { aborted: answer.aborted } : {}) }
      const packed = this.#options.packed ? new PackedRecords() : undefined
      const { records, nextOffset } = packed
        ? { records: [], nextOffset: readRecordBatches(answer.data, options, packed) }
        : decodeRecordBatches(answer.data, options)
      if (nextOffset === position) {
        // Not even one whole batch fitted.
        state.maxBytes *= 2
        return undefined
      }
      state.maxBytes = this.#options.maxPartitionBytes
      state.position = nextOffset
      const { topic, partition } = state
      return packed ? new PackedBatch(topic, partition, packed, nextOffset) : { topic, partition, records, nextOffset }
    } catch (thrown) {
      const error = asError(thrown)
      const code = error instanceof KafkaProtocolError ? error.kafkaCode : 'CORRUPT_MESSAGE'
      state.failure = new KafkaProtocolError(code, `${state.name} at ${position}: ${error.message}`, { cause: error })
      return undefined
    }
  }

  /** Sends every fetch that is due. */
  #fill(): void {
    if (this.#closed || this.#states.size === 0) return
    this.#cluster.keepFresh()
    const now = performance.now()
    let wakeAtMs = Number.POSITIVE_INFINITY
    for (const [leader, states] of byLeader(this.#cluster, [...this.#states.values()])) {
      const due = states.filter(isFetchable)
      if (due.length === 0) continue
      if (leader < 0) {
        this.#refreshMetadata()
        continue
      }
      const node = this.#node(leader)
      if (node.restingUntilMs > now) {
        wakeAtMs = Math.min(wakeAtMs, node.restingUntilMs)
        continue
      }
      if (!node.long) {
        if (states.some((s) => s.buffered && !s.paused)) continue
        const all = states.length === due.length
        void this.#fetch(leader, node, due, 'fetch', all ? LONG_POLL_MS : SHORT_POLL_MS)
      } else if (!node.short) {
        const unprobed = due.filter((s) => !s.probed)
        if (unprobed.length > 0) void this.#fetch(leader, node, unprobed, 'main', 0)
      }
    }
    if (wakeAtMs < Number.POSITIVE_INFINITY) this.#fillLater(wakeAtMs - now)
  }

  /** Never rejects. */
  async #fetch(leader: number, node: NodeState, states: FetchState[], lane: Lane, maxWaitMs: number): Promise<void> {
    const isLong = lane === 'fetch'
    if (isLong) node.long = true
    else node.short = true
    const asked = states.map((state) => {
      state.requested = true
      state.probed = !isLong
      return { state, turn: state.turn, offset: state.position! }
    })
    try {
      const link = await this.#cluster.node(leader)
      const api = fetchRequest({
        maxWaitMs,
        maxBytes: MAX_RESPONSE_BYTES,
        isolationLevel: this.#options.isolationLevel,
        partitions: asked.map(({ state, offset }) => ({ ...state, offset })),
      })
      const answer = await link.request(api, lane)
      const code = errorName(answer.errorCode)
      if (code !== undefined) throw new KafkaUnavailableError(`fetch: ${code}`)
      node.backoff.reset()
      const current = new Map(
        asked.filter(({ state, turn }) => state.turn === turn).map((a) => [a.state.name, a.state]),
      )
      for (const state of current.values()) state.requested = false
      for (const partition of answer.partitions) {
        const state = current.get(partitionName(partition.topic, partition.partition))
        if (state) this.#accept(state, partition, node)
      }
    } catch (thrown) {
      for (const { state, turn } of asked) if (state.turn === turn) state.requested = false
      this.#nodeFailed(node, asError(thrown), states)
    } finally {
      if (isLong) node.long = false
      else node.short = false
      if (isLong) for (const state of this.#states.values()) state.probed = false
      this.#fill()
    }
  }

  #accept(state: FetchState, answer: FetchedPartition, node: NodeState): void {
    const code = errorName(answer.errorCode)
    if (code === undefined) {
      state.unknownSinceMs = undefined
      state.end = this.#options.isolationLevel === 'read_committed' ? answer.lastStableOffset : answer.highWatermark
      if (answer.data.length > 0) {
        state.buffered = answer
        if (!state.paused) this.signal()
      }
      return
    }
    if (code === 'OFFSET_OUT_OF_RANGE') {
      const position = state.position
      moveTo(state, undefined)
      if (this.#options.onOutOfRange) this.#options.onOutOfRange(state)
      else state.failure = new OffsetOutOfRangeError(`offset ${position} is not in the log of ${state.name}`)
      this.signal()
      return
    }
    if (isRetriable(code)) {
      this.#options.logger.debug({ partition: state.name, code }, 'fetching again after new metadata')
      node.restingUntilMs = performance.now() + node.backoff.next()
      this.#refreshMetadata()
      return
    }
    state.failure = kafkaError(code, `fetch of ${state.name}`)
    this.signal()
  }

  #nodeFailed(node: NodeState, error: Error, states: readonly FetchState[]): void {
    if (this.#closed) return
    node.restingUntilMs = performance.now() + node.backoff.next()
    if (error instanceof KafkaUnavailableError) {
      this.#options.logger.debug({ err: error }, 'a fetch failed; trying on')
      this.#refreshMetadata()
      return
    }
    for (const state of states) state.failure ??= error
    this.signal()
  }

  /** In the background; one at a time, with growing pauses while nothing comes of it. */
  #refreshMetadata(): void {
    if (this.#refreshing || this.#closed) return
    this.#refreshing = true
    const topics = [...new Set([...this.#states.values()].map((s) => s.topic))]
    this.#cluster
      .refresh(topics)
      .then(() => {
        this.#noteMissing()
      })
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.logger.debug({ err: error }, 'metadata cannot be fetched; trying on')
      })
      .finally(() => {
        this.#refreshing = false
        const leaderless = [...this.#states.values()].some((s) => this.#cluster.leaderOf(s.topic, s.partition) < 0)
        if (!leaderless) this.#metadataBackoff.reset()
        this.#fillLater(leaderless ? this.#metadataBackoff.next() : 0)
      })
  }

  #noteMissing(): void {
    if (this.#options.onOutOfRange) return
    const now = performance.now()
    for (const state of this.#states.values()) {
      if (this.#cluster.partitionCount(state.topic) !== undefined) state.unknownSinceMs = undefined
      else if (state.unknownSinceMs === undefined) state.unknownSinceMs = now
      else if (now - state.unknownSinceMs > UNKNOWN_TOPIC_PATIENCE_MS) {
        state.failure ??= new UnknownTopicError(`the topic ${state.topic} does not exist any more`)
        this.signal()
      }
    }
  }

  #fillLater(delayMs: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#fill(), delayMs)
  }

  #node(leader: number): NodeState {
    let node = this.#nodes.get(leader)
    if (!node) {
      node = { backoff: new Backoff(20, 1_000), long: false, short: false, restingUntilMs: 0 }
      this.#nodes.set(leader, node)
    }
    return node
  }
}
