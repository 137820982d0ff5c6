import { type Clock, systemClock } from '../common/clock.ts'
import { asError, BrookError, InternalError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { CommitFailedError } from '../kafka/errors.ts'
import type {
  FetchedBatch,
  GroupConsumer,
  KafkaProvider,
  LogRecord,
  OffsetCommit,
  PartitionAssignor,
} from '../kafka/port.ts'
import type { Bus, Command, CommandResult, CommandStatus, Device } from '../schemas/types.ts'
import { backoffMs } from './backoff.ts'
import { CommandLanes, type CommandOutcome } from './command-lanes.ts'
import { CommandMemory, type KnownCommand } from './command-memory.ts'
import { type ResultsTopic, resultsSince } from './command-recall.ts'
import type { DeviceTable } from './device-table.ts'
import { OffsetTracker } from './offset-tracker.ts'
import { pause, whenReady } from './pause.ts'
import type { ReadingPublisher } from './publisher.ts'
import { simpleAssignor } from './simple-assignor.ts'

export interface CommandContext {
  /** Publishes the result `sent`: the command is on the bus, its confirmation is not here yet. */
  sent(detail?: string): void
  /** Lets the device have its next command; the end of this one may come later, and until then its offset is not committed. */
  letNext(): void
  /** It was sent before a restart of the connector and had not ended then: its end is all that is left to see. */
  readonly wasSent: boolean
  /** Aborts when the connector stops and has no more time: end soon. The command comes again after the next start. */
  readonly signal: AbortSignal
  /** Aborts, with its id as the reason, when a newer command for the same device and kind waits: one not sent yet may end `superseded`. */
  readonly newer: AbortSignal
}

/**
 * Carries one command out and says how it ended: `confirmed`, `timed_out`, `refused`, or `sent` where the bus confirms
 * nothing. A rejection is published as `refused` with the error's message.
 */
export type CommandHandler = (command: Command, device: Device, context: CommandContext) => Promise<CommandOutcome>

export interface CommandConsumerOptions {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createConsumer' | 'createReader'>
  /** Only commands for devices on this bus are carried out. */
  readonly bus: Bus
  /** `building.commands`, keyed by deviceId. */
  readonly topic: string
  readonly key: Serde<string>
  readonly value: Serde<Command>
  /** One group per bus, such as `brook-connector-knx`. */
  readonly groupId: string
  readonly devices: Pick<DeviceTable, 'get'>
  readonly publisher: ReadingPublisher
  /**
   * Where results are read back from when partitions are assigned (`kafka` then needs `createReader`): a command that has ended
   * is not carried out again although its offset was not committed.
   */
  readonly results?: ResultsTopic
  readonly handler: CommandHandler
  /** Whether this consumer answers (with `refused`) commands for devices that nobody knows; one per building should. */
  readonly answersUnknownDevices?: boolean
  readonly assignor?: PartitionAssignor
  readonly clock?: Clock
  readonly logger?: Logger
  /** Most devices that are busy at a time (default 16). */
  readonly maxParallel?: number
  /** Most commands in memory before reading pauses (default 1000). */
  readonly maxQueued?: number
  /** Command ids that are remembered (default 10,000). */
  readonly rememberedIds?: number
  /** How long running commands may take to end at a stop or rebalance (default 5 s). */
  readonly drainMs?: number
}

const POLL_MS = 100
/** The least that brokers allow unless told otherwise: after a kill, commands wait so long for the successor to be let in. */
const SESSION_MS = 6_000
/** The partition of a command that was not read here. */
const NOT_HERE = -1
/** Commands live for minutes: what became of older ones is of no use. */
const RECALL_MS = 3_600_000
/** Longest that the first command of a batch waits for the others, of which one may make it needless. */
const HOLD_MS = 250

/**
 * Commands from the log to one bus. Every command ends once, in `building.command-results`: carried out, superseded by a newer
 * one for the same device and kind that came while it waited, or expired. A command id is carried out once as long as it is
 * remembered, also over a crash once its result is in the log; one that was under way at a crash comes again, unless it has
 * expired (at-least-once).
 * Offsets are committed when the command has ended and its result is in the log. A group that has committed nothing begins at
 * the end of the log: a start alone sends no command. What cannot be decoded becomes a dead letter.
 */
export class CommandConsumer {
  readonly #options: CommandConsumerOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #memory: CommandMemory
  readonly #lanes: CommandLanes
  readonly #trackers = new Map<string, OffsetTracker>()
  /** Commands that were sent before a restart and had not ended. */
  readonly #sentBefore = new Set<string>()
  #consumer: GroupConsumer | undefined
  #stopping = new AbortController()
  #outOfTime = new AbortController()
  #loop: Promise<void> | undefined
  #paused = false

  constructor(options: CommandConsumerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ bus: options.bus })
    this.#memory = new CommandMemory(options.rememberedIds ?? 10_000)
    this.#lanes = new CommandLanes({
      run: (command, newer, letNext) => this.#run(command, newer, letNext),
      clock: this.#clock,
      maxParallel: options.maxParallel ?? 16,
    })
  }

  /** Commands that wait or run. */
  get queueLength(): number {
    return this.#lanes.size
  }

  /** Begins to read. `onFailure` is told once when it cannot go on; losing Kafka for a while is not a failure. */
  start(onFailure: (error: Error) => void): void {
    if (this.#loop) return
    const { kafka, topic, groupId, assignor } = this.#options
    this.#stopping = new AbortController()
    this.#outOfTime = new AbortController()
    this.#paused = false
    const consumer = kafka.createConsumer({
      groupId,
      assignor: assignor ?? simpleAssignor,
      autoOffsetReset: 'latest',
      isolationLevel: 'read_committed',
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: SESSION_MS / 4,
    })
    this.#consumer = consumer
    consumer.subscribe([topic], {
      onAssigned: (partitions) => this.#onAssigned(consumer, partitions),
      onRevoked: async (partitions) => {
        await this.#giveUp(partitions)
        await this.#commit(consumer)
        this.#untrack(partitions)
      },
      onLost: async (partitions) => {
        await this.#giveUp(partitions)
        this.#untrack(partitions)
      },
    })
    this.#loop = this.#read(consumer).catch((error: unknown) => onFailure(asError(error)))
  }

  /** Reads no more, lets running commands end (for `drainMs` at most), commits, leaves the group. */
  async stop(): Promise<void> {
    const consumer = this.#consumer
    if (!consumer) return
    this.#stopping.abort()
    consumer.wakeup()
    await this.#loop
    this.#loop = undefined
    this.#consumer = undefined
    this.#lanes.drop()
    await this.#drain()
    this.#outOfTime.abort()
    await this.#options.publisher.flush()
    await this.#commit(consumer).catch((error: unknown) => {
      this.#logger.warn({ err: asError(error) }, 'command offsets could not be committed at the stop')
    })
    this.#trackers.clear()
    await consumer.close()
  }

  async #read(consumer: GroupConsumer): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#takeAll(await consumer.poll(POLL_MS))
        this.#pauseOrResume(consumer)
        await this.#commit(consumer)
        failures = 0
      } catch (thrown) {
        const error = asError(thrown)
        if (!isPassing(error)) throw error
        if (failures === 0) this.#logger.warn({ err: error }, 'commands cannot be read; trying again')
        await pause(backoffMs(failures++), signal)
      }
    }
  }

  /** Tries until it knows where to begin: it is not asked a second time. */
  async #onAssigned(consumer: GroupConsumer, partitions: readonly TopicPartition[]): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#track(consumer, partitions)
        return
      } catch (error) {
        if (!isPassing(error) || signal.aborted) throw error
        await pause(backoffMs(attempt), signal)
      }
    }
  }

  async #track(consumer: GroupConsumer, partitions: readonly TopicPartition[]): Promise<void> {
    await this.#recall()
    const committed = await consumer.committed(partitions)
    const fresh = partitions.filter((p) => !committed.has(partitionName(p.topic, p.partition)))
    const ends = fresh.length > 0 ? await this.#options.kafka.admin().endOffsets(fresh) : new Map<string, number>()
    this.#trackers.clear()
    for (const partition of partitions) {
      const name = partitionName(partition.topic, partition.partition)
      const before = committed.get(name)?.offset
      const position = before ?? ends.get(name) ?? 0
      consumer.seek(partition, position)
      this.#trackers.set(name, new OffsetTracker(position, before))
    }
    this.#paused = false
  }

  async #recall(): Promise<void> {
    const { results, kafka } = this.#options
    if (!results) return
    const sinceMs = this.#clock.nowMs() - RECALL_MS
    for (const { commandId, status } of await resultsSince(kafka, results, sinceMs, this.#stopping.signal)) {
      if (this.#memory.get(commandId)) continue
      if (status === 'sent') this.#sentBefore.add(commandId)
      else {
        this.#sentBefore.delete(commandId)
        this.#memory.written(this.#memory.add(commandId, NOT_HERE))
      }
    }
  }

  /** What waits for these partitions is dropped: their next owner gets it. What runs may end. */
  async #giveUp(partitions: readonly TopicPartition[]): Promise<void> {
    const given = new Set(partitions.map((p) => p.partition))
    this.#lanes.drop((command) => given.has(this.#memory.get(command.commandId)?.partition ?? -1))
    await this.#drain()
    await this.#options.publisher.flush()
  }

  #untrack(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#trackers.delete(partitionName(topic, partition))
  }

  async #drain(): Promise<void> {
    const late = new AbortController()
    await Promise.race([this.#lanes.quiet(), pause(this.#options.drainMs ?? 5_000, late.signal)])
    late.abort()
  }

  async #commit(consumer: GroupConsumer): Promise<void> {
    const commits: OffsetCommit[] = []
    for (const [name, tracker] of this.#trackers) {
      const offset = tracker.due()
      if (offset === undefined) continue
      commits.push({ topic: this.#options.topic, partition: Number(name.slice(name.lastIndexOf('-') + 1)), offset })
    }
    if (commits.length === 0) return
    try {
      await consumer.commit(commits)
    } catch (error) {
      if (error instanceof CommitFailedError) return
      throw error
    }
    for (const { topic, partition, offset } of commits)
      this.#trackers.get(partitionName(topic, partition))?.committed(offset)
  }

  #pauseOrResume(consumer: GroupConsumer): void {
    const limit = this.#options.maxQueued ?? 1000
    const wanted = this.#paused ? this.#lanes.size > limit / 2 : this.#lanes.size >= limit
    if (wanted === this.#paused) return
    this.#paused = wanted
    const partitions = [...this.#trackers.keys()].map((name) => ({
      topic: this.#options.topic,
      partition: Number(name.slice(name.lastIndexOf('-') + 1)),
    }))
    if (wanted) consumer.pause(partitions)
    else consumer.resume(partitions)
  }

  /** All of them before the first is carried out: of a backlog only the newest per device and kind is. */
  async #takeAll(batches: readonly FetchedBatch[]): Promise<void> {
    if (batches.length === 0) return
    this.#lanes.hold()
    const late = setTimeout(() => this.#lanes.release(), HOLD_MS)
    try {
      for (const batch of batches) await this.#takeBatch(batch)
    } finally {
      clearTimeout(late)
      this.#lanes.release()
    }
  }

  async #takeBatch(batch: FetchedBatch): Promise<void> {
    const tracker = this.#trackers.get(partitionName(batch.topic, batch.partition))
    if (!tracker) throw new InternalError(`commands of ${batch.topic}-${batch.partition}, which is not assigned`)
    for (const record of batch.records) await this.#take(record, batch.partition, tracker)
    tracker.passed(batch.nextOffset)
  }

  async #take(record: LogRecord, partition: number, tracker: OffsetTracker): Promise<void> {
    if (record.value === null) return
    const decoded = await this.#decode(record, record.value, tracker)
    if (!decoded) return
    const { command, device } = decoded
    tracker.begin(record.offset)
    const end = (): void => tracker.end(record.offset)
    const known = this.#memory.get(command.commandId)
    if (known?.written) return end()
    if (known) {
      known.whenWritten.push(end)
      if (known.result) this.#writeResult(known, known.result)
      return
    }
    const added = this.#memory.add(command.commandId, partition)
    added.whenWritten.push(end)
    if (!device) {
      this.#ended(command, added, { status: 'refused', detail: `there is no device ${command.deviceId}` })
      return
    }
    this.#lanes.add({
      command,
      done: (outcome) => {
        if (outcome && !this.#outOfTime.signal.aborted) this.#ended(command, added, this.#seenThrough(command, outcome))
        else this.#memory.forget(command.commandId)
      },
    })
  }

  /** What was sent cannot be too late to be sent. */
  #seenThrough({ commandId }: Command, outcome: CommandOutcome): CommandOutcome {
    if (outcome.status !== 'expired' || !this.#sentBefore.has(commandId)) return outcome
    return { status: 'timed_out', detail: 'it was sent before a restart, and what became of it was not seen in time' }
  }

  /** The command and its device when they are this bus's business. */
  async #decode(
    record: LogRecord,
    value: Buffer,
    tracker: OffsetTracker,
  ): Promise<{ command: Command; device: Device | undefined } | undefined> {
    const { topic, key: keySerde, value: valueSerde, bus, devices, answersUnknownDevices } = this.#options
    const { signal } = this.#stopping
    let mine = answersUnknownDevices === true
    try {
      const { key } = record
      const deviceId = key && (await whenReady(() => keySerde.deserialize(key, topic), signal))
      const device = deviceId === null ? undefined : devices.get(deviceId)
      if (device) mine = device.bus === bus
      if (!mine) return undefined
      const command = await whenReady(() => valueSerde.deserialize(value, topic), signal)
      if (command.deviceId === deviceId) return { command, device }
      this.#deadLetter(record, tracker, 'COMMAND_KEY_MISMATCH', `its key is not its device ${command.deviceId}`)
    } catch (thrown) {
      const error = asError(thrown)
      if (signal.aborted) throw error
      if (mine)
        this.#deadLetter(record, tracker, error instanceof BrookError ? error.code : 'SERDE_FAILED', error.message)
    }
    return undefined
  }

  #deadLetter(record: LogRecord, tracker: OffsetTracker, code: string, reason: string): void {
    tracker.begin(record.offset)
    const origin = {
      name: `kafka:${this.#options.topic}`,
      key: record.key && Buffer.from(record.key),
      value: record.value && Buffer.from(record.value),
      receivedAtMs: record.timestampMs,
    }
    this.#untilWritten(
      (acknowledge) => this.#options.publisher.deadLetter({ code, reason }, origin, acknowledge),
      () => tracker.end(record.offset),
    )
  }

  async #run(command: Command, newer: AbortSignal, letNext: () => void): Promise<CommandOutcome> {
    const device = this.#options.devices.get(command.deviceId)
    if (!device) return { status: 'refused', detail: `there is no device ${command.deviceId}` }
    return this.#options.handler(command, device, {
      sent: (detail) => this.#options.publisher.commandResult(this.#result(command, 'sent', detail), () => {}),
      letNext,
      wasSent: this.#sentBefore.has(command.commandId),
      signal: this.#outOfTime.signal,
      newer,
    })
  }

  #ended(command: Command, known: KnownCommand, outcome: CommandOutcome): void {
    this.#sentBefore.delete(command.commandId)
    const result = this.#result(command, outcome.status, outcome.detail)
    known.result = result
    this.#writeResult(known, result)
  }

  #writeResult(known: KnownCommand, result: CommandResult): void {
    this.#untilWritten(
      (acknowledge) => this.#options.publisher.commandResult(result, acknowledge),
      () => this.#memory.written(known),
    )
  }

  #result(command: Command, status: CommandStatus, detail: string | undefined): CommandResult {
    const { commandId, deviceId, roomId } = command
    return { commandId, deviceId, roomId, status, detail: detail ?? null, atMs: this.#clock.nowMs() }
  }

  /** Sends again, with growing waits, until it is in the log or the consumer is out of time. */
  #untilWritten(
    send: (acknowledge: (error: Error | undefined) => void) => void,
    written: () => void,
    attempt = 0,
  ): void {
    const { signal } = this.#outOfTime
    send((error) => {
      if (!error) return written()
      if (attempt === 0) this.#logger.warn({ err: error }, 'a command result is not in the log; trying again')
      void pause(backoffMs(attempt), signal).then(() => {
        if (!signal.aborted) this.#untilWritten(send, written, attempt + 1)
      })
    })
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof BrookError && error.recovery === 'retry'
}
