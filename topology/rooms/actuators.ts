import { withDefaults } from '../../schemas/avro-type.ts'
import { ActuatorState, type Command, type CommandKind, type CommandResult, type Reading } from '../../schemas/types.ts'
import { type RoomSettings, sameLevel } from '../settings.ts'

const RULE_ISSUER = 'rule:'

/** Readings of these kinds tell where an actuator is. */
export function isActuatorKind(kind: string): kind is Exclude<CommandKind, 'unknown'> {
  return kind === 'blinds' || kind === 'radiator' || kind === 'light' || kind === 'switch'
}

/** Whether a person (or another system) sent it, not a rule. */
export function isManual(command: Command): boolean {
  return !command.issuer.startsWith(RULE_ISSUER)
}

export function issuerOf(rule: string): string {
  return `${RULE_ISSUER}${rule}`
}

export function newActuator(deviceId: string, kind: CommandKind): ActuatorState {
  return withDefaults(ActuatorState, { deviceId, kind })
}

/**
 * A person set the device: the rules leave it alone for `overrideMs` from then on, also when a rule's command crossed the person's
 * on the way. An override that began later stands.
 */
export function commanded(actuator: ActuatorState, command: Command, overrideMs: number): ActuatorState {
  const { issuedAtMs, value, commandId, issuer } = command
  if (actuator.override !== null && actuator.override.sinceMs > issuedAtMs) return actuator
  const override = { by: issuer, value, sinceMs: issuedAtMs, untilMs: issuedAtMs + overrideMs }
  if (actuator.expectedAtMs !== null && actuator.expectedAtMs > issuedAtMs) return { ...actuator, override }
  return { ...actuator, expected: value, expectedAtMs: issuedAtMs, commandId, confirmed: false, override }
}

/**
 * The device says where it is. Seen where it ought to be it is confirmed; once confirmed, and after the reports of its way there,
 * a fresh report of another place means that a hand moved it, which starts an override. Out-of-order reports change nothing.
 */
export function reported(
  actuator: ActuatorState,
  reading: Reading,
  overrideMs: number,
  { commandSettleMs }: Pick<RoomSettings, 'commandSettleMs'>,
): ActuatorState {
  const { value, eventTimeMs, retained } = reading
  if (actuator.levelAtMs !== null && actuator.levelAtMs > eventTimeMs) return actuator
  const now = { ...actuator, level: value, levelAtMs: eventTimeMs }
  const { expected, expectedAtMs, confirmed } = actuator
  if (expected === null || expectedAtMs === null || eventTimeMs < expectedAtMs) return now
  if (sameLevel(value, expected)) return { ...now, confirmed: true }
  if (!confirmed || retained || eventTimeMs < expectedAtMs + commandSettleMs) return now
  return {
    ...now,
    expected: value,
    expectedAtMs: eventTimeMs,
    commandId: null,
    override: { by: 'hand', value, sinceMs: eventTimeMs, untilMs: eventTimeMs + overrideMs },
  }
}

/** What became of a command. */
export function resulted(actuator: ActuatorState, result: CommandResult): ActuatorState {
  if (actuator.commandId !== result.commandId || actuator.expected === null) return actuator
  if (result.status !== 'confirmed') return actuator
  return {
    ...actuator,
    confirmed: true,
    level: actuator.expected,
    levelAtMs: Math.max(result.atMs, actuator.levelAtMs ?? result.atMs),
  }
}

/** Told a level and not seen there yet; not for ever, as some devices never say. */
export function isMoving(actuator: ActuatorState, nowMs: number, lifeMs: number): boolean {
  const { commandId, confirmed, expectedAtMs } = actuator
  return commandId !== null && !confirmed && expectedAtMs !== null && nowMs < expectedAtMs + lifeMs
}

/**
 * Told a level, never seen there, and reports to be somewhere else when the command's life is over: it was refused, lost or came to
 * nothing. The command is given again, once per life, for as long as the rule wants it.
 */
export function hasFailed(actuator: ActuatorState, nowMs: number, lifeMs: number): boolean {
  const { commandId, confirmed, expected, expectedAtMs, level } = actuator
  if (commandId === null || confirmed || expected === null || expectedAtMs === null) return false
  return level !== null && !sameLevel(level, expected) && nowMs >= expectedAtMs + lifeMs
}

/** Where it is as far as is known; `undefined` when nothing is. */
export function levelOf(actuator: ActuatorState): number | undefined {
  const { level, levelAtMs, expected, expectedAtMs } = actuator
  if (level === null || levelAtMs === null) return expected ?? undefined
  return expected !== null && expectedAtMs !== null && expectedAtMs > levelAtMs ? expected : level
}

/** A device that was found where a rule wants it: from now on that is where it ought to be. */
export function foundAt(actuator: ActuatorState, target: number): ActuatorState {
  const { level, levelAtMs, expected } = actuator
  if (expected !== null && sameLevel(expected, target)) return actuator
  return { ...actuator, expected: level ?? target, expectedAtMs: levelAtMs, commandId: null, confirmed: true }
}

/** Whether nothing has to be sent for it to be at the target: it is on its way there, was sent there, or reports to be there. */
export function isAt(actuator: ActuatorState, target: number): boolean {
  const { level, levelAtMs, expected, expectedAtMs } = actuator
  if (expected !== null && sameLevel(expected, target)) return true
  if (level === null || levelAtMs === null || !sameLevel(level, target)) return false
  return expectedAtMs === null || levelAtMs > expectedAtMs
}

/** Without its override when that is over. */
export function withoutExpired(actuator: ActuatorState, nowMs: number): ActuatorState {
  return actuator.override !== null && actuator.override.untilMs <= nowMs ? { ...actuator, override: null } : actuator
}
