import type { Clock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import type { Command, Device } from '../../schemas/types.ts'
import type { CommandContext } from '../command-consumer.ts'
import type { CommandOutcome } from '../command-lanes.ts'
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
  readonly clock: Clock
  /** How long a device may take to report what it was set to (default 10 s). */
  readonly confirmTimeoutMs?: number
  /** The same for blinds, which travel (default 90 s). */
  readonly travelTimeoutMs?: number
  /** How long to wait for a report before the first read-back (default 500 ms). */
  readonly readBackAfterMs?: number
  /** How long a command that is on the bus keeps newer ones for its device waiting (default 1.5 s). */
  readonly laneMs?: number
}

/** Timers are that much early at times. */
const EARLY_MS = 2

/**
 * Carries commands out on KNX: GroupValue_Write to the write address (told as `sent` once it is on the bus), then the status address
 * has to show the value, by itself or when it is read. Ends `confirmed` when the device reports it (or has no status address: then
 * the bus's confirmation is all there is), `timed_out` when it does not, `expired` when the bus was not reached within the command's
 * time, `superseded` when a newer command came to the device, `refused` for what cannot be done. One that was sent before a
 * restart is not sent again: its confirmation is awaited.
 */
export class KnxCommands {
  readonly #options: KnxCommandsOptions
  readonly #running = new Map<string, AbortController>()

  constructor(options: KnxCommandsOptions) {
    this.#options = options
  }

  readonly handle = async (command: Command, device: Device, context: CommandContext): Promise<CommandOutcome> => {
    const link = this.#options.link()
    const entry = this.#options.entry(device.deviceId, command.kind)
    if (!link) return { status: 'refused', detail: 'the KNX connector does not run' }
    if (entry?.write === undefined) return { status: 'refused', detail: whyNot(device, command, entry) }
    const target = entry.carrier.toPayload(command.value)
    if (target === undefined)
      return { status: 'refused', detail: `DPT ${entry.dpt.id} cannot set ${command.kind} to ${command.value}` }
    const key = `${device.deviceId} ${command.kind}`
    this.#running.get(key)?.abort(command.commandId)
    const address = formatGroupAddress(entry.write)
    if (!context.wasSent) {
      const failure = await this.#write(command, link, entry, target, context)
      if (failure) return failure
    }
    if (entry.status === undefined)
      return { status: 'confirmed', detail: `on the bus at ${address}; the device has no status address` }
    context.sent(`on the bus at ${address}, not yet reported`)
    return this.#confirm(command, link, entry, entry.status, target, key, context)
  }

  /** How the command ends when it does not get onto the bus. */
  async #write(
    command: Command,
    link: Pick<KnxLink, 'write'>,
    entry: GroupEntry,
    target: number,
    { signal, newer }: CommandContext,
  ): Promise<CommandOutcome | undefined> {
    const { clock } = this.#options
    try {
      const payload = entry.dpt.encode(target)
      // Timers hold 31 bits.
      const timeoutMs = Math.min(command.expiresAtMs - clock.nowMs(), 0x7fffffff)
      if (timeoutMs <= 0) return { status: 'expired', detail: 'its time was over before it could be sent' }
      await link.write(entry.write!, payload, { timeoutMs, signal: AbortSignal.any([signal, newer]) })
      if (entry.status === undefined) this.#options.onSetUnreported(entry, payload)
      return undefined
    } catch (error) {
      if (newer.aborted && !signal.aborted) return superseded(newer)
      return outcomeOf(asError(error), command, clock)
    }
  }

  async #confirm(
    command: Command,
    link: Pick<KnxLink, 'read'>,
    entry: GroupEntry,
    statusAddress: number,
    target: number,
    key: string,
    context: CommandContext,
  ): Promise<CommandOutcome> {
    const { watch, confirmTimeoutMs = 10_000, travelTimeoutMs = 90_000 } = this.#options
    const { readBackAfterMs = 500, laneMs = 1_500 } = this.#options
    const timeoutMs = command.kind === 'blinds' ? travelTimeoutMs : confirmTimeoutMs
    const newer = new AbortController()
    this.#running.set(key, newer)
    const signal = AbortSignal.any([newer.signal, context.signal])
    const lane = setTimeout(() => context.letNext(), laneMs)
    const status = awaitStatus({ link, entry, statusAddress, target, watch, timeoutMs, readBackAfterMs, signal })
    // The report may have come while nobody listened.
    if (context.wasSent) link.read(statusAddress).catch(() => {})
    const result = await status
    clearTimeout(lane)
    if (this.#running.get(key) === newer) this.#running.delete(key)
    if (result.arrived) return { status: 'confirmed', detail: `reported at ${formatGroupAddress(statusAddress)}` }
    if (newer.signal.aborted) return superseded(newer.signal)
    return notReported(entry, statusAddress, result)
  }
}

function superseded(newer: AbortSignal): CommandOutcome {
  return { status: 'superseded', detail: `by command ${String(newer.reason)}` }
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
  return clock.nowMs() + EARLY_MS >= command.expiresAtMs
    ? { status: 'expired', detail: `the bus was not reached in time: ${error.message}` }
    : { status: 'timed_out', detail: error.message }
}

function notReported(entry: GroupEntry, address: number, { reported }: Confirmation): CommandOutcome {
  const shown = reported === undefined ? 'nothing' : String(entry.statusCarrier.toReading(reported))
  return {
    status: 'timed_out',
    detail: `${formatGroupAddress(address)} had not reported it in time; it shows ${shown}`,
  }
}
