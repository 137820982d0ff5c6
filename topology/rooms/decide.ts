import { withDefaults } from '../../schemas/avro-type.ts'
import { type ActuatorState, type Cause, Command, type CommandKind, type RoomRules } from '../../schemas/types.ts'
import type { Rule } from '../rules/rule.ts'
import type { RoomSettings } from '../settings.ts'
import { foundAt, hasFailed, isAt, issuerOf } from './actuators.ts'
import { clockText } from './local-time.ts'

const MINUTE_MS = 60_000

/** What a rule wants of one device. */
export interface Wish {
  readonly rule: Rule
  readonly target: number
  readonly reason: string
  readonly causes: readonly Cause[]
}

/** What made the rules be judged: `id` names it once and for all, so that a replay gives the same command ids. */
export interface Trigger {
  readonly id: string
  readonly nowMs: number
}

export interface Decision {
  readonly result: 'fired' | 'unchanged' | 'held_by_override'
  readonly reason: string
  readonly actuator: ActuatorState
  readonly command: Command | undefined
}

/** Sends a command, or says why there is no need or no leave to. Pure. */
export function decide(
  wish: Wish,
  actuator: ActuatorState,
  rules: RoomRules,
  trigger: Trigger,
  settings: RoomSettings,
): Decision {
  const { target, reason } = wish
  const { nowMs } = trigger
  const place = placeText(actuator.kind, target)
  if (actuator.override !== null)
    return {
      result: 'held_by_override',
      reason: `${reason}; ${heldText(actuator, rules)}`,
      actuator,
      command: undefined,
    }
  if (isAt(actuator, target) && !hasFailed(actuator, nowMs, settings.commandLifeMs))
    return {
      result: 'unchanged',
      reason: `${reason}; ${place} already`,
      actuator: foundAt(actuator, target),
      command: undefined,
    }
  const lately = actuator.sentAtMs.filter((sentMs) => sentMs > nowMs - MINUTE_MS)
  if (lately.length >= settings.maxSwitchesPerMinute) {
    const override = {
      by: 'guard',
      value: actuator.expected ?? target,
      sinceMs: nowMs,
      untilMs: nowMs + rules.overrideMs,
    }
    const held = { ...actuator, override, sentAtMs: [] }
    return {
      result: 'held_by_override',
      reason: `${reason}; ${heldText(held, rules)}`,
      actuator: held,
      command: undefined,
    }
  }
  const command = commandOf(wish, actuator, rules.roomId, trigger, settings)
  return {
    result: 'fired',
    reason: `${reason}: ${place}`,
    actuator: {
      ...actuator,
      expected: target,
      expectedAtMs: nowMs,
      commandId: command.commandId,
      confirmed: false,
      sentAtMs: [...lately, nowMs],
    },
    command,
  }
}

function commandOf(
  { rule, target, causes }: Wish,
  { deviceId, kind }: ActuatorState,
  roomId: string,
  { id, nowMs }: Trigger,
  { commandLifeMs }: RoomSettings,
): Command {
  return withDefaults(Command, {
    commandId: `${rule.name}:${deviceId}:${id}`,
    deviceId,
    roomId,
    kind,
    value: target,
    issuer: issuerOf(rule.name),
    causes: [...causes],
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + commandLifeMs,
  })
}

function heldText({ override }: ActuatorState, { timeZone }: RoomRules): string {
  if (override === null) return ''
  const until = clockText(override.untilMs, timeZone)
  return override.by === 'guard'
    ? `held until ${until} because rules changed the device too often`
    : `held by manual override until ${until} (${override.by})`
}

function placeText(kind: CommandKind, target: number): string {
  if (kind === 'blinds' && target === 0) return 'blinds closed'
  if (kind === 'blinds' && target === 100) return 'blinds open'
  if (kind === 'light') return target === 0 ? 'light off' : `light on at ${target} %`
  return `${kind} at ${target} %`
}
