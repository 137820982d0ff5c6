import type { OwnLight, RoomState } from '../../schemas/types.ts'
import { above, below } from '../rules/hysteresis.ts'
import type { RuleInputs } from '../rules/rule.ts'
import type { RoomSettings } from '../settings.ts'
import { isMoving, levelOf } from './actuators.ts'
import { localTime } from './local-time.ts'
import { presenceOf } from './occupancy.ts'
import { followLight, lampLux } from './own-light.ts'
import type { Room } from './room.ts'
import { measurementOf } from './sensors.ts'

/** Measurements waver by about so much of the light that the lamps themselves give. */
const LAMP_LIGHT_WAVERS = 0.1

/** The state with what is concluded from the sensors: own light and the levels with hysteresis; and what the rules may look at. */
export function judgeRoom(
  room: Room,
  before: RoomState,
  settings: RoomSettings,
  nowMs: number,
): { readonly state: RoomState; readonly inputs: RuleInputs } {
  const { state, occupancy, rules } = room
  const ownLight = followLight(state.ownLight, lightSeen(state, before, settings, nowMs), settings.luxSettleMs)
  const presence = presenceOf(occupancy, rules.vacantAfterMs, nowMs)
  const humidity = measurementOf(state, 'humidity')
  const humid =
    humidity && above(humidity.value, rules.humidityAbovePercent, rules.humidityHysteresisPercent, state.humid)
  const { ambientLux } = ownLight
  const hysteresis = Math.max(rules.luxHysteresis, LAMP_LIGHT_WAVERS * lampLux(ownLight))
  const dark = ambientLux === null ? undefined : below(ambientLux, rules.darkBelowLux, hysteresis, state.dark)
  const tooDark = ambientLux === null ? undefined : below(ambientLux, rules.tooDarkBelowLux, hysteresis, state.tooDark)
  const evidence = occupancy?.evidence ?? []
  return {
    state: {
      ...state,
      ownLight,
      humid: humid?.holds ?? false,
      dark: dark?.holds ?? false,
      tooDark: tooDark?.holds ?? false,
    },
    inputs: {
      rules,
      presence,
      presenceCauses: presence === 'present' ? evidence.filter((e) => e.value === 1) : evidence,
      minuteOfDay: localTime(nowMs, rules.timeZone).minuteOfDay,
      humidity: humidity && humid && { humid, causes: humidity.causes },
      luminance: luminanceInput(ownLight, dark, tooDark),
    },
  }
}

function luminanceInput(
  { ambientLux, lux, causes }: OwnLight,
  dark: ReturnType<typeof below> | undefined,
  tooDark: ReturnType<typeof below> | undefined,
): RuleInputs['luminance'] {
  if (ambientLux === null || dark === undefined || tooDark === undefined) return undefined
  return { ambientLux, measuredLux: lux ?? ambientLux, dark, tooDark, causes }
}

function lightSeen(state: RoomState, before: RoomState, settings: RoomSettings, nowMs: number) {
  const luminance = measurementOf(state, 'luminance')
  const of = (kind: string, { actuators }: RoomState) => actuators.filter((a) => a.kind === kind)
  const moving = (kind: string) => of(kind, state).some((a) => isMoving(a, nowMs, settings.commandLifeMs))
  const levels = (from: RoomState) => of('blinds', from).map((a) => levelOf(a) ?? 0)
  const blindsBefore = levels(before)
  return {
    atMs: nowMs,
    lampLevel: Math.max(0, ...of('light', state).map((a) => a.level ?? a.expected ?? 0)),
    lampMoving: moving('light'),
    blindsMoving: moving('blinds') || levels(state).some((level, i) => level !== (blindsBefore[i] ?? level)),
    luminance: luminance && {
      lux: luminance.value,
      oldestReceivedMs: luminance.oldestReceivedMs,
      causes: luminance.causes,
    },
  }
}
