import type { Clock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import type { Command, Device } from '../../schemas/types.ts'
import type { CommandContext } from '../command-consumer.ts'
import type { CommandOutcome } from '../command-lanes.ts'
import { pause } from '../pause.ts'
import type { ReadingReports } from '../reading-reports.ts'
import type { MqttSubscriber } from './client.ts'
import type { CommandMapping, CommandMessage } from './command-mapping.ts'

export interface MqttCommandsOptions {
  readonly mapping: CommandMapping
  /** `undefined` while there is no connection. */
  readonly link: () => Pick<MqttSubscriber, 'publish'> | undefined
  readonly reports: Pick<ReadingReports, 'watch'>
  readonly clock: Clock
  /** How long a device may take to report what it was set to (default 10 s). */
  readonly confirmTimeoutMs?: number
  /** The same for blinds, which travel (default 90 s). */
  readonly travelTimeoutMs?: number
  /** How long a command that the broker has keeps newer ones for its device waiting (default 1.5 s). */
  readonly laneMs?: number
}

/** Devices round. */
const TOLERANCE = 2
const RETRY_MS = 200

/**
 * Carries commands out on MQTT: the message of the mapping's rule, QoS 1, told as `sent` once the broker has it; then the device has to report the
 * value as a reading. Ends `confirmed` when it does (or with the broker's word where the rule says so), `timed_out` when it does
 * not, `expired` when no broker was there within the command's time, `superseded` when a newer command came for the same device and kind, `refused`
 * for what cannot be said. One that was sent before a restart is not sent again: its report since then is looked for.
 */
export class MqttCommands {
  readonly #options: MqttCommandsOptions
  /** By device and kind: what waits for its report. */
  readonly #awaited = new Map<string, AbortController>()

  constructor(options: MqttCommandsOptions) {
    this.#options = options
  }

  readonly handle = async (command: Command, device: Device, context: CommandContext): Promise<CommandOutcome> => {
    const message = this.#options.mapping.message(command, device)
    if ('refusal' in message) return { status: 'refused', detail: message.refusal }
    const key = `${device.deviceId} ${command.kind}`
    this.#awaited.get(key)?.abort(command.commandId)
    if (message.confirmedBy === 'broker') return (await this.#send(command, message, context)) ?? taken(message)
    const arrived = new AbortController()
    let reported: number | undefined
    // From before it is sent: a device may be faster than the broker's answer.
    const stopWatching = await this.#options.reports.watch(
      device.deviceId,
      command.kind,
      (value) => {
        reported = value
        if (Math.abs(value - command.value) <= toleranceOf(command)) arrived.abort()
      },
      context.wasSent ? command.issuedAtMs : undefined,
    )
    try {
      const failure = await this.#send(command, message, context)
      if (failure) return failure
      const newer = new AbortController()
      this.#awaited.set(key, newer)
      await this.#wait(command, context, AbortSignal.any([arrived.signal, newer.signal]))
      if (this.#awaited.get(key) === newer) this.#awaited.delete(key)
      if (arrived.signal.aborted) return { status: 'confirmed', detail: `${device.deviceId} reports ${reported}` }
      if (newer.signal.aborted) return superseded(newer.signal)
      const shown = reported === undefined ? 'nothing' : String(reported)
      return { status: 'timed_out', detail: `${device.deviceId} has not reported it in time; it reports ${shown}` }
    } finally {
      stopWatching()
    }
  }

  /** How the command ends when no broker takes it. */
  async #send(
    { expiresAtMs }: Command,
    message: CommandMessage,
    context: CommandContext,
  ): Promise<CommandOutcome | undefined> {
    if (context.wasSent) return undefined
    const { link, clock } = this.#options
    const over = AbortSignal.any([context.signal, context.newer])
    for (let why = 'there is no connection to the broker'; ; ) {
      const leftMs = expiresAtMs - clock.nowMs()
      if (context.newer.aborted && !context.signal.aborted) return superseded(context.newer)
      if (leftMs <= 0 || over.aborted) return { status: 'expired', detail: `no broker took it in time: ${why}` }
      try {
        const connection = link()
        if (connection !== undefined) {
          await connection.publish(message.topic, message.payload)
          if (message.confirmedBy === 'reading') context.sent(`the broker has it at ${message.topic}, not yet reported`)
          return undefined
        }
      } catch (error) {
        why = asError(error).message
      }
      await pause(Math.min(RETRY_MS, leftMs), over)
    }
  }

  async #wait({ kind }: Command, context: CommandContext, over: AbortSignal): Promise<void> {
    const { confirmTimeoutMs = 10_000, travelTimeoutMs = 90_000, laneMs = 1_500 } = this.#options
    const lane = setTimeout(() => context.letNext(), laneMs)
    await pause(kind === 'blinds' ? travelTimeoutMs : confirmTimeoutMs, AbortSignal.any([over, context.signal]))
    clearTimeout(lane)
  }
}

function toleranceOf({ kind }: Command): number {
  return kind === 'switch' ? 0 : TOLERANCE
}

function taken({ topic }: CommandMessage): CommandOutcome {
  return { status: 'confirmed', detail: `the broker has it at ${topic}` }
}

function superseded(newer: AbortSignal): CommandOutcome {
  return { status: 'superseded', detail: `by command ${String(newer.reason)}` }
}
