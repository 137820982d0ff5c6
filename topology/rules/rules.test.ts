import { describe, expect, it } from 'vitest'
import type { Cause, RoomRules } from '../../schemas/types.ts'
import type { Presence } from '../rooms/occupancy.ts'
import { roomRules } from '../testing/fixtures.ts'
import { blindsClose } from './blinds-close.ts'
import { blindsOpen } from './blinds-open.ts'
import { above, below } from './hysteresis.ts'
import { lights } from './lights.ts'
import { radiatorDown } from './radiator-down.ts'
import { radiatorUp } from './radiator-up.ts'
import type { Rule, RuleInputs, Verdict } from './rule.ts'

const cause = (deviceId: string): Cause => ({
  topic: 'building.readings',
  partition: 0,
  offset: 1,
  deviceId,
  kind: null,
  value: null,
  timeMs: 0,
})

interface Given {
  readonly presence?: Presence
  readonly clock?: string
  readonly humidity?: number
  readonly lux?: number
  readonly was?: boolean
  readonly rules?: Partial<RoomRules>
}

function inputs({ presence = 'unknown', clock = '12:00', humidity, lux, was = false, rules }: Given): RuleInputs {
  const set = roomRules(rules)
  const [hour, minute] = clock.split(':').map(Number)
  return {
    rules: set,
    presence,
    presenceCauses: presence === 'unknown' ? [] : [cause('motion')],
    minuteOfDay: Number(hour) * 60 + Number(minute),
    humidity:
      humidity === undefined
        ? undefined
        : {
            humid: above(humidity, set.humidityAbovePercent, set.humidityHysteresisPercent, was),
            causes: [cause('hygrometer')],
          },
    luminance:
      lux === undefined
        ? undefined
        : {
            ambientLux: lux,
            measuredLux: lux,
            dark: below(lux, set.darkBelowLux, set.luxHysteresis, was),
            tooDark: below(lux, set.tooDarkBelowLux, set.luxHysteresis, was),
            causes: [cause('photometer')],
          },
  }
}

type Row = readonly [given: Given, verdict: Verdict, target: number | null, reason: string]

const table: readonly (readonly [Rule, readonly Row[]])[] = [
  [
    radiatorDown,
    [
      [{ presence: 'vacant' }, 'wants', 10, 'nobody is present'],
      [{ presence: 'vacant', rules: { radiatorUnoccupiedPercent: 15 } }, 'wants', 15, 'nobody is present'],
      [{ presence: 'present' }, 'not_met', null, 'somebody is present'],
      [{}, 'no_data', null, 'it is not known yet whether somebody is present'],
      [
        { presence: 'vacant', rules: { radiatorDown: false } },
        'disabled',
        null,
        'turning the radiator down is switched off for this room',
      ],
    ],
  ],
  [
    radiatorUp,
    [
      [{ presence: 'present' }, 'wants', 90, 'somebody is present'],
      [{ presence: 'present', rules: { radiatorOccupiedPercent: 80 } }, 'wants', 80, 'somebody is present'],
      [{ presence: 'vacant' }, 'not_met', null, 'nobody is present'],
      [{}, 'no_data', null, 'it is not known yet whether somebody is present'],
      [{ rules: { radiatorUp: false } }, 'disabled', null, 'turning the radiator up is switched off for this room'],
    ],
  ],
  [
    blindsClose,
    [
      [{ humidity: 50.1 }, 'wants', 0, 'humidity 50.1 % is above 50 %'],
      [{ humidity: 50 }, 'not_met', null, 'humidity 50 % is not above 50 %'],
      [{ humidity: 48, was: true }, 'wants', 0, 'humidity 48 % has not fallen to 47 % again'],
      [{ humidity: 47, was: true }, 'not_met', null, 'humidity 47 % is not above 50 %'],
      [{ humidity: 61, rules: { humidityAbovePercent: 62 } }, 'not_met', null, 'humidity 61 % is not above 62 %'],
      [{}, 'no_data', null, 'humidity has never been measured'],
      [
        { humidity: 70, rules: { blindsClose: false } },
        'disabled',
        null,
        'closing the blinds is switched off for this room',
      ],
    ],
  ],
  [
    blindsOpen,
    [
      [
        { presence: 'present', lux: 60, clock: '18:59' },
        'wants',
        100,
        'it is before 19:00, and somebody is present, and luminance 60 lx is below 100 lx',
      ],
      [{ presence: 'present', lux: 60, clock: '19:00' }, 'not_met', null, 'it is not before 19:00'],
      [{ presence: 'vacant', lux: 60 }, 'not_met', null, 'nobody is present'],
      [{ presence: 'present', lux: 180 }, 'not_met', null, 'luminance 180 lx is not below 100 lx'],
      [
        { presence: 'present', lux: 110, was: true },
        'wants',
        100,
        'it is before 19:00, and somebody is present, and luminance 110 lx has not risen to 115 lx again',
      ],
      [{ presence: 'present', lux: 115, was: true }, 'not_met', null, 'luminance 115 lx is not below 100 lx'],
      [{ presence: 'present' }, 'no_data', null, 'luminance is not known yet'],
      [{ presence: 'vacant' }, 'not_met', null, 'nobody is present'],
      [{ lux: 60 }, 'no_data', null, 'it is not known yet whether somebody is present'],
      [
        { presence: 'present', lux: 60, rules: { blindsOpen: false } },
        'disabled',
        null,
        'opening the blinds is switched off for this room',
      ],
    ],
  ],
  [
    lights,
    [
      [
        { presence: 'present', lux: 300, clock: '19:00' },
        'wants',
        100,
        'it is between 19:00 and 07:00, and somebody is present',
      ],
      [
        { presence: 'present', lux: 300, clock: '06:59' },
        'wants',
        100,
        'it is between 19:00 and 07:00, and somebody is present',
      ],
      [
        { presence: 'present', lux: 300, clock: '07:00' },
        'wants',
        0,
        'it is not between 19:00 and 07:00, and luminance 300 lx is not below 20 lx',
      ],
      [
        { presence: 'vacant', lux: 300, clock: '23:00' },
        'wants',
        0,
        'nobody is present, and luminance 300 lx is not below 20 lx',
      ],
      [{ presence: 'vacant', lux: 5, clock: '12:00' }, 'wants', 100, 'luminance 5 lx is below 20 lx'],
      [{ lux: 5, clock: '12:00' }, 'wants', 100, 'luminance 5 lx is below 20 lx'],
      [
        { presence: 'present', lux: 5, clock: '22:00' },
        'wants',
        100,
        'it is between 19:00 and 07:00, and somebody is present, and luminance 5 lx is below 20 lx',
      ],
      [{ lux: 30, was: true }, 'wants', 100, 'luminance 30 lx has not risen to 35 lx again'],
      [{ presence: 'present', clock: '20:00' }, 'wants', 100, 'it is between 19:00 and 07:00, and somebody is present'],
      [{ presence: 'present', clock: '12:00' }, 'no_data', null, 'luminance is not known yet'],
      [{ lux: 300, clock: '20:00' }, 'no_data', null, 'it is not known yet whether somebody is present'],
      [
        { clock: '20:00' },
        'no_data',
        null,
        'it is not known yet whether somebody is present, and luminance is not known yet',
      ],
      [
        { presence: 'present', clock: '20:00', rules: { lights: false } },
        'disabled',
        null,
        'switching the light is switched off for this room',
      ],
    ],
  ],
]

describe.each(table.map(([rule, rows]) => ({ rule, name: rule.name, rows })))('the rule $name', ({ rule, rows }) => {
  it.each(rows.map(([given, verdict, target, reason]) => ({ given, verdict, target, reason })))(
    '$verdict $target given $given',
    ({ given, verdict, target, reason }) => {
      expect(rule.judge(inputs(given))).toMatchObject({ verdict, target, reason })
    },
  )
})

describe('a finding', () => {
  it('names the readings that it is judged by, and every condition with what was found', () => {
    const finding = blindsOpen.judge(inputs({ presence: 'present', lux: 60 }))
    expect(finding.causes.map((c) => c.deviceId)).toEqual(['motion', 'photometer'])
    expect(finding.conditions).toEqual([
      { name: 'it is before the evening', holds: true, actual: 720, threshold: 1140 },
      { name: 'somebody is present', holds: true, actual: null, threshold: null },
      { name: 'the room is dark', holds: true, actual: 60, threshold: 100 },
    ])
  })
})
