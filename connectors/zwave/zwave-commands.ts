import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import type { Command, Device } from '../../schemas/types.ts'
import type { CommandContext, CommandHandler } from '../command-consumer.ts'
import type { CommandOutcome } from '../command-lanes.ts'
import { pause } from '../pause.ts'
import { type ZwaveDriver, ZwaveNotConfirmedError, ZwaveUnavailableError } from './driver.ts'

/** Timers hold 31 bits. */
const LONGEST_PAUSE_MS = 3_600_000

/** What is known of a node's sleep. */
export interface NodeSleep {
  isAsleep(nodeId: number): boolean
  /** Tells when the node sleeps no longer; the answer takes the wish back. */
  whenAwake(nodeId: number, tell: () => void): () => void
}

/**
 * Carries out `light` commands: sets the level and holds for confirmed what the node itself tells afterwards. `refused`: no
 * light, no level, the node is dead or unknown, or says no. `timed_out`: the node has taken it and does not tell the new level.
 * A node that sleeps is told when it wakes up: the command ends `expired` when that is too late, `superseded` when a newer one comes
 * first. While the stick is gone a command is held back: it comes again after the restart, or times out when it expires before that.
 */
export function zwaveCommandHandler(
  driver: () => ZwaveDriver | undefined,
  sleep: NodeSleep,
  clock: Clock = systemClock,
): CommandHandler {
  return async (command, device, context) => {
    const problem = unfit(command, device)
    if (problem !== undefined) return { status: 'refused', detail: problem }
    const tooLate = await untilAwake(command, device.zwave!.nodeId, sleep, context, clock)
    if (tooLate !== undefined) return tooLate
    const stick = driver()
    if (!stick) return await heldBack(command, context, clock, 'the Z-Wave stick is not there')
    context.sent()
    try {
      const percent = await stick.setLevel(device.zwave!.nodeId, command.value, command.expiresAtMs)
      return { status: 'confirmed', detail: `the node tells ${percent} %` }
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof ZwaveUnavailableError) return await heldBack(command, context, clock, error.message)
      return { status: error instanceof ZwaveNotConfirmedError ? 'timed_out' : 'refused', detail: error.message }
    }
  }
}

/** How the command ends when the node does not wake up for it; `undefined` when it hears. */
async function untilAwake(
  command: Command,
  nodeId: number,
  sleep: NodeSleep,
  { signal, newer }: CommandContext,
  clock: Clock,
): Promise<CommandOutcome | undefined> {
  while (sleep.isAsleep(nodeId)) {
    if (newer.aborted) return { status: 'superseded', detail: `by command ${String(newer.reason)}` }
    const leftMs = command.expiresAtMs - clock.nowMs()
    if (leftMs <= 0 || signal.aborted)
      return { status: 'expired', detail: `node ${nodeId} sleeps and has not woken up in time` }
    const awake = new AbortController()
    const forget = sleep.whenAwake(nodeId, () => awake.abort())
    await pause(Math.min(leftMs, LONGEST_PAUSE_MS), AbortSignal.any([awake.signal, signal, newer]))
    forget()
  }
}

function unfit(command: Command, device: Device): string | undefined {
  if (!device.zwave) return `the device ${device.deviceId} has no Z-Wave node`
  if (command.kind !== 'light') return `a Z-Wave device cannot be told ${command.kind}, only light`
  if (!(command.value >= 0 && command.value <= 100))
    return `a light level is from 0 to 100 percent, not ${command.value}`
  return undefined
}

/** Until the connector stops (what is answered then is not heard, and the command stays in the log) or the command is void. */
async function heldBack(
  command: Command,
  { signal }: CommandContext,
  clock: Clock,
  detail: string,
): Promise<CommandOutcome> {
  while (!signal.aborted && clock.nowMs() < command.expiresAtMs)
    await pause(Math.min(command.expiresAtMs - clock.nowMs(), LONGEST_PAUSE_MS), signal)
  return { status: 'timed_out', detail }
}
