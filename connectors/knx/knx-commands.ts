import type { Clock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import type { Command, Device } from '../../schemas/types.ts'
import { backoffMs } from '../backoff.ts'
import type { CommandContext } from '../command-consumer.ts'
import type { CommandOutcome } from '../command-lanes.ts'
import { pause } from '../pause.ts'
import type { ReadingPublisher } from '../publisher.ts'
import { formatGroupAddress } from './addresses.ts'
import type { GroupPayload } from './dpt.ts'
import { DptError, KnxSupersededError, KnxTelegramRefusedError, KnxTimeoutError } from './errors.ts'
import type { GroupEntry } from './group-table.ts'
import type { KnxLink } from './knx-link.ts'
import { awaitStatus, type Confirmation, type ConfirmationOptions } from './status-confirmation.ts'

export interface KnxCommandsOptions {
  /** `undefined` while the connector does not run. */
  readonly link: () => Pick<KnxLink, 'write' | 'read'> | undefined
  readonly entry: (deviceId: string, kind: Command['kind']) => GroupEntry | undefined
  readonly watch: ConfirmationOptions['watch']
  /** A value was set that no device will report: there is no status address. */
  readonly onSetUnreported: (entry: GroupEntry, payload: GroupPayload) => void
  readonly publisher: Pick<ReadingPublisher, 'commandResult'>
  readonly clock: Clock
  /** How long a device may take to report what it was set to (default 10 s). */
  readonly confirmTimeoutMs?: number
  /** The same for blinds, which travel (default 90 s). */
  readonly travelTimeoutMs?: number
  /** How long to wait for a report before the first read-back (default 500 ms). */
  readonly readBackAfterMs?: number
  /** How long a command keeps newer ones for its device waiting; past that it is `sent`, and its end is told later (default 1.5 s). */
  readonly laneMs?: number
}

/**
 * Carries commands out on KNX: GroupValue_Write to the write address, then the status address has to show the value, by itself
 * or when it is read. Ends `confirmed` when the device reports it (or has no status address: then the bus's confirmation is all there
 * is), `timed_out` when it does not, `expired` when the bus was not reached within the command's time, `superseded` when a newer
 * command came to the device, `refused` for what cannot be done. What takes long is first `sent`: on the bus, not yet reported.
 */
export class KnxCommands {
  readonly #options: KnxCommandsOptions
  readonly #running = new Map<string, AbortController>()
  readonly #background = new Set<Promise<void>>()
  #stopping = new AbortController()

  constructor(options: KnxCommandsOptions) {
    this.#options = options
  }

  /** Confirmations that go on after their command has left the lane. */
  get pending(): number {
    return this.#background.size
  }

  readonly handle = async (command: Command, device: Device, context: CommandContext): Promise<CommandOutcome> => {
    const { clock } = this.#options
    const link = this.#options.link()
    const entry = this.#options.entry(device.deviceId, command.kind)
    if (!link) return { status: 'refused', detail: 'the KNX connector does not run' }
    if (entry?.write === undefined) return { status: 'refused', detail: whyNot(device, command, entry) }
    const target = entry.carrier.toPayload(command.value)
    if (target === undefined)
      return { status: 'refused', detail: `DPT ${entry.dpt.id} cannot set ${command.kind} to ${command.value}` }
    const key = `${device.deviceId} ${command.kind}`
    this.#running.get(key)?.abort()
    let payload: GroupPayload
    try {
      payload = entry.dpt.encode(target)
      // Timers hold 31 bits.
      const timeoutMs = Math.min(command.expiresAtMs - clock.nowMs(), 0x7fffffff)
      if (timeoutMs <= 0) return { status: 'expired', detail: 'its time was over before it could be sent' }
      await link.write(entry.write, payload, { timeoutMs, signal: context.signal })
    } catch (error) {
      return outcomeOf(asError(error), command, clock)
    }
    if (entry.status !== undefined) return this.#confirm(command, link, entry, entry.status, target, key)
    this.#options.onSetUnreported(entry, payload)
    const address = formatGroupAddress(entry.write)
    return { status: 'confirmed', detail: `on the bus at ${address}; the device has no status address` }
  }

  /** Ends confirmations that still go on. Can be used again afterwards. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#background)
    this.#stopping = new AbortController()
  }

  async #confirm(
    command: Command,
    link: Pick<KnxLink, 'read'>,
    entry: GroupEntry,
    statusAddress: number,
    target: number,
    key: string,
  ): Promise<CommandOutcome> {
    const { watch, confirmTimeoutMs = 10_000, travelTimeoutMs = 90_000 } = this.#options
    const { readBackAfterMs = 500, laneMs = 1_500 } = this.#options
    const timeoutMs = command.kind === 'blinds' ? travelTimeoutMs : confirmTimeoutMs
    const superseded = new AbortController()
    this.#running.set(key, superseded)
    const stopping = this.#stopping.signal
    const signal = AbortSignal.any([superseded.signal, stopping])
    const confirmation = awaitStatus({ link, entry, statusAddress, target, watch, timeoutMs, readBackAfterMs, signal })
    const ended = confirmation.then((result): CommandOutcome => {
      if (this.#running.get(key) === superseded) this.#running.delete(key)
      if (result.arrived) return { status: 'confirmed', detail: `reported at ${formatGroupAddress(statusAddress)}` }
      if (superseded.signal.aborted) return { status: 'superseded', detail: 'by a newer command to the device' }
      return notReported(entry, statusAddress, result, stopping.aborted ? 'when the connector stopped' : 'in time')
    })
    const lane = new AbortController()
    const early = await Promise.race([ended, pause(laneMs, lane.signal)])
    lane.abort()
    if (early) return early
    const later = ended.then((outcome) => this.#publish(command, outcome, stopping))
    this.#background.add(later)
    void later.finally(() => this.#background.delete(later))
    return { status: 'sent', detail: `on the bus at ${formatGroupAddress(entry.write!)}, not yet reported` }
  }

  /** Until it is in the log, or the connector stops: then it is given to the publisher and not waited for. */
  async #publish(command: Command, outcome: CommandOutcome, stopping: AbortSignal): Promise<void> {
    const { commandId, deviceId, roomId } = command
    const atMs = this.#options.clock.nowMs()
    const result = { commandId, deviceId, roomId, status: outcome.status, detail: outcome.detail ?? null, atMs }
    for (let attempt = 0; ; attempt++) {
      const error = await new Promise<Error | undefined>((resolve) => {
        const onStop = (): void => resolve(undefined)
        stopping.addEventListener('abort', onStop)
        this.#options.publisher.commandResult(result, (failure) => {
          stopping.removeEventListener('abort', onStop)
          resolve(failure)
        })
        if (stopping.aborted) onStop()
      })
      if (!error) return
      await pause(backoffMs(attempt), stopping)
    }
  }
}

function whyNot(device: Device, command: Command, entry: GroupEntry | undefined): string {
  if (entry) return `${command.kind} of ${device.deviceId} has no write address`
  const listed = device.knx?.groups.some((group) => group.kind === command.kind) ?? false
  return `${device.deviceId} has no ${listed ? 'usable ' : ''}KNX group for ${command.kind}`
}

function outcomeOf(error: Error, command: Command, clock: Clock): CommandOutcome {
  if (error instanceof DptError) return { status: 'refused', detail: error.message }
  if (error instanceof KnxSupersededError) return { status: 'superseded', detail: error.message }
  if (error instanceof KnxTelegramRefusedError) return { status: 'timed_out', detail: error.message }
  if (!(error instanceof KnxTimeoutError)) throw error
  return clock.nowMs() >= command.expiresAtMs
    ? { status: 'expired', detail: `the bus was not reached in time: ${error.message}` }
    : { status: 'timed_out', detail: error.message }
}

function notReported(entry: GroupEntry, address: number, { reported }: Confirmation, when: string): CommandOutcome {
  const shown = reported === undefined ? 'nothing' : String(entry.carrier.toReading(reported))
  return {
    status: 'timed_out',
    detail: `${formatGroupAddress(address)} had not reported it ${when}; it shows ${shown}`,
  }
}
