import { withDefaults } from '../../schemas/avro-type.ts'
import {
  type ActuatorState,
  type Command,
  type Condition,
  type EvaluationResult,
  type Occupancy,
  type RoomState,
  RuleEvaluation,
  type RuleMemory,
} from '../../schemas/types.ts'
import { ALL_RULES } from '../rules/all-rules.ts'
import type { Finding, Rule, Verdict } from '../rules/rule.ts'
import type { RoomSettings } from '../settings.ts'
import { newActuator, withoutExpired } from './actuators.ts'
import { dayPhase } from './day-phase.ts'
import { decide, type Trigger } from './decide.ts'
import { judgeRoom } from './judge-room.ts'
import { afterTime, presenceDueMs } from './occupancy.ts'
import type { Room } from './room.ts'

export interface Evaluated {
  readonly room: Room
  readonly commands: readonly Command[]
  /** Only those that say something else than the last one of the same rule and device. */
  readonly evaluations: readonly RuleEvaluation[]
}

const RESULT: Readonly<Record<Exclude<Verdict, 'wants'>, EvaluationResult>> = {
  not_met: 'conditions_not_met',
  no_data: 'no_data',
  disabled: 'disabled',
}

/**
 * Judges all rules of a room as of now, by what its state says, and gives the state after it. Pure: the same room and trigger give
 * the same commands, and the room that comes out gives none until something changes.
 * @param before the state before the event that leads here, to see what moved.
 */
export function evaluateRoom(room: Room, before: RoomState, trigger: Trigger, settings: RoomSettings): Evaluated {
  const { rules } = room
  const { nowMs } = trigger
  const occupancy = room.occupancy && afterTime(room.occupancy, rules.vacantAfterMs, nowMs)
  const current: Room = {
    ...room,
    occupancy,
    state: { ...room.state, actuators: room.state.actuators.map((a) => withoutExpired(a, nowMs)) },
  }
  const { state, inputs } = judgeRoom(current, before, settings, nowMs)
  const findings = ALL_RULES.map((rule) => ({ rule, finding: rule.judge(inputs) }))
  const round = new Round(state, trigger)
  for (const { rule, finding } of findings) {
    const devices = state.devices.filter((d) => d.kinds.includes(rule.kind))
    if (devices.length === 0) round.note(rule, null, ...withoutDevice(rule, finding))
    const winner = findings.find((f) => f.rule.kind === rule.kind && f.finding.verdict === 'wants')
    for (const { deviceId } of devices) {
      if (finding.verdict !== 'wants' || finding.target === null) {
        round.note(rule, deviceId, RESULT[finding.verdict as Exclude<Verdict, 'wants'>], finding)
      } else if (winner !== undefined && winner.rule !== rule) {
        round.note(rule, deviceId, 'conditions_not_met', outranked(finding, winner.rule))
      } else {
        const wish = { rule, target: finding.target, reason: finding.reason, causes: finding.causes }
        const decision = decide(wish, round.actuator(deviceId, rule), rules, trigger, settings)
        round.set(decision.actuator)
        if (decision.command !== undefined) round.commands.push(decision.command)
        const told = { ...finding, reason: decision.reason }
        round.note(rule, deviceId, decision.result, told, decision.command, decision.actuator.override?.sinceMs)
      }
    }
  }
  return round.done(current, occupancy, dayPhase(nowMs, rules))
}

/** One judging of all rules of a room, as it adds up. */
class Round {
  readonly commands: Command[] = []
  readonly #state: RoomState
  readonly #trigger: Trigger
  readonly #evaluations: RuleEvaluation[] = []
  #actuators: readonly ActuatorState[]
  #memories: readonly RuleMemory[]

  constructor(state: RoomState, trigger: Trigger) {
    this.#state = state
    this.#trigger = trigger
    this.#actuators = state.actuators
    this.#memories = state.memories
  }

  actuator(deviceId: string, { kind }: Rule): ActuatorState {
    return this.#actuators.find((a) => a.deviceId === deviceId && a.kind === kind) ?? newActuator(deviceId, kind)
  }

  set(actuator: ActuatorState): void {
    const index = this.#actuators.findIndex((a) => a.deviceId === actuator.deviceId && a.kind === actuator.kind)
    if (this.#actuators[index] === actuator) return
    this.#actuators = index < 0 ? [...this.#actuators, actuator] : this.#actuators.with(index, actuator)
  }

  /** Tells the evaluation unless it says what the last one said; that what was sent is there by now says nothing new. */
  note(
    rule: Rule,
    deviceId: string | null,
    result: EvaluationResult,
    finding: Finding,
    command?: Command,
    overriddenSinceMs?: number,
  ): void {
    const signature = signatureOf(result, finding, overriddenSinceMs)
    const index = this.#memories.findIndex((m) => m.rule === rule.name && m.deviceId === deviceId)
    if (this.#memories[index]?.signature === signature && command === undefined) return
    const memory = { rule: rule.name, deviceId, signature }
    this.#memories = index < 0 ? [...this.#memories, memory] : this.#memories.with(index, memory)
    this.#evaluations.push(
      withDefaults(RuleEvaluation, {
        roomId: this.#state.roomId,
        rule: rule.name,
        result,
        reason: finding.reason,
        conditions: [...finding.conditions],
        causes: [...finding.causes],
        deviceId,
        commandId: command?.commandId ?? null,
        targetValue: finding.target,
        atMs: this.#trigger.nowMs,
      }),
    )
  }

  done(room: Room, occupancy: Occupancy | undefined, phase: string): Evaluated {
    const { rules } = room
    const dues = this.#actuators.flatMap((a) => (a.override === null ? [] : [a.override.untilMs]))
    const presenceDue = presenceDueMs(occupancy, rules.vacantAfterMs, this.#trigger.nowMs)
    if (presenceDue !== undefined) dues.push(presenceDue)
    const nextDueMs = dues.length === 0 ? null : Math.min(...dues)
    const state = { ...this.#state, actuators: this.#actuators, memories: this.#memories, phase, nextDueMs }
    return { room: { state, occupancy, rules }, commands: this.commands, evaluations: this.#evaluations }
  }
}

function signatureOf(result: EvaluationResult, { target, conditions }: Finding, overriddenSinceMs?: number): string {
  const told = result === 'fired' ? 'unchanged' : result
  return [told, overriddenSinceMs ?? '-', target ?? '-', ...conditions.map((c) => `${c.name}=${c.holds}`)].join('|')
}

function withCondition(finding: Finding, condition: Condition, reason: string): Finding {
  return { ...finding, target: null, conditions: [...finding.conditions, condition], reason }
}

function withoutDevice(rule: Rule, finding: Finding): readonly [EvaluationResult, Finding] {
  const name = `the room has a device for ${rule.kind}`
  const condition = { name, holds: false, actual: null, threshold: null }
  return ['conditions_not_met', withCondition(finding, condition, `the room has no device for ${rule.kind}`)]
}

function outranked(finding: Finding, winner: Rule): Finding {
  const name = `${winner.name} does not want the device elsewhere`
  const condition = { name, holds: false, actual: null, threshold: null }
  return withCondition(finding, condition, `${finding.reason}; but ${winner.name} comes first`)
}
