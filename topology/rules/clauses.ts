import { isWithin, minuteText } from '../rooms/local-time.ts'
import type { Clause, Judged, RuleInputs } from './rule.ts'

/** A number as people write it: at most one decimal. */
export function amount(value: number): string {
  return String(Math.round(value * 10) / 10)
}

export function somebodyPresent({ presence, presenceCauses: causes }: RuleInputs): Clause {
  const name = 'somebody is present'
  if (presence === 'unknown')
    return { name, holds: undefined, text: 'it is not known yet whether somebody is present', causes }
  return presence === 'present'
    ? { name, holds: true, text: name, causes }
    : { name, holds: false, text: 'nobody is present', causes }
}

export function nobodyPresent(inputs: RuleInputs): Clause {
  const present = somebodyPresent(inputs)
  return { ...present, name: 'nobody is present', holds: present.holds === undefined ? undefined : !present.holds }
}

export function humid({ humidity, rules }: RuleInputs): Clause {
  const name = 'humidity is above the threshold'
  if (humidity === undefined) return { name, holds: undefined, text: 'humidity has never been measured', causes: [] }
  const { value, holds } = humidity.humid
  const latched = holds && value <= rules.humidityAbovePercent
  const threshold = latched ? humidity.humid.threshold : rules.humidityAbovePercent
  const text = latched
    ? `humidity ${amount(value)} % has not fallen to ${amount(threshold)} % again`
    : `humidity ${amount(value)} % is ${holds ? '' : 'not '}above ${amount(threshold)} %`
  return { name, holds, text, actual: value, threshold, causes: humidity.causes }
}

export function dark(inputs: RuleInputs): Clause {
  return lowLight(inputs, 'the room is dark', inputs.luminance?.dark, inputs.rules.darkBelowLux)
}

export function tooDark(inputs: RuleInputs): Clause {
  return lowLight(inputs, 'the room is too dark', inputs.luminance?.tooDark, inputs.rules.tooDarkBelowLux)
}

export function beforeBlindsTime({ minuteOfDay, rules }: RuleInputs): Clause {
  const until = rules.blindsOpenUntilMinuteOfDay
  const holds = minuteOfDay < until
  const text = `it is ${holds ? '' : 'not '}before ${minuteText(until)}`
  return { name: 'it is before the evening', holds, text, actual: minuteOfDay, threshold: until, causes: [] }
}

export function isEvening({ minuteOfDay, rules }: RuleInputs): Clause {
  const { eveningFromMinuteOfDay: from, morningUntilMinuteOfDay: until } = rules
  const holds = isWithin(minuteOfDay, from, until)
  const text = `it is ${holds ? '' : 'not '}between ${minuteText(from)} and ${minuteText(until)}`
  return { name: 'it is evening or night', holds, text, actual: minuteOfDay, threshold: from, causes: [] }
}

function lowLight({ luminance }: RuleInputs, name: string, judged: Judged | undefined, belowLux: number): Clause {
  if (luminance === undefined || judged === undefined)
    return { name, holds: undefined, text: 'luminance is not known yet', causes: [] }
  const { value, holds } = judged
  const { measuredLux, causes } = luminance
  const own = Math.abs(measuredLux - value) >= 1 ? ` without the lamp (${amount(measuredLux)} lx measured)` : ''
  const latched = holds && value >= belowLux
  const threshold = latched ? judged.threshold : belowLux
  const text = latched
    ? `luminance ${amount(value)} lx${own} has not risen to ${amount(threshold)} lx again`
    : `luminance ${amount(value)} lx${own} is ${holds ? '' : 'not '}below ${amount(threshold)} lx`
  return { name, holds, text, actual: value, threshold, causes }
}
