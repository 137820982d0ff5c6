import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Command } from '../schemas/types.ts'
import { BuildingDriver } from './testing/building-driver.ts'
import { actuator, roomRules, userCommand } from './testing/fixtures.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** 20:00 in Zurich. */
const EVENING_MS = Date.UTC(2026, 9, 15, 18)

let building: BuildingDriver
beforeEach(async () => {
  building = await BuildingDriver.create({}, EVENING_MS)
  building.devices(actuator('light'))
  building.reading('luminance', 300)
  building.reading('motion', 1)
  building.obey(building.commands())
  building.pass(MINUTE)
  building.evaluations()
})
afterEach(() => building.close())

const byRules = (commands: readonly Command[]) => commands.filter((c) => c.issuer.startsWith('rule:'))
const values = () => byRules(building.commands()).map((c) => c.value)
/** Keeps the room in use for as long, so that only the override can keep the light as it is. */
const stay = (ms: number) => {
  for (let passed = 0; passed < ms; passed += 5 * MINUTE) {
    building.reading('motion', 1)
    building.pass(Math.min(5 * MINUTE, ms - passed))
  }
}

describe('a manual command', () => {
  it('keeps the rules from the device until it is over, and then they are judged again by themselves', () => {
    building.command(userCommand({ value: 0, issuedAtMs: building.nowMs }))
    stay(HOUR - 1_000)
    expect(values()).toEqual([])
    building.pass(1_000)
    expect(values()).toEqual([100])
  })

  it('is the reason that the evaluation gives, with its end and who it was', () => {
    building.command(userCommand({ value: 0, issuedAtMs: building.nowMs }))
    expect(building.evaluations()).toMatchObject([
      {
        rule: 'lights',
        result: 'held_by_override',
        reason:
          'it is between 19:00 and 07:00, and somebody is present; held by manual override until 21:01 (user:ann)',
        targetValue: 100,
        commandId: null,
      },
    ])
    expect(building.roomState()?.actuators[0]?.override).toMatchObject({ by: 'user:ann', value: 0 })
  })

  it('begins anew with each one', () => {
    building.command(userCommand({ value: 0, issuedAtMs: building.nowMs }))
    stay(HOUR / 2)
    building.command(userCommand({ value: 40, issuedAtMs: building.nowMs }))
    stay(HOUR - 1_000)
    expect(values()).toEqual([])
    building.pass(1_000)
    expect(values()).toEqual([100])
  })

  it('sends nothing at its end when the device is where the rule wants it', () => {
    building.command(userCommand({ value: 100, issuedAtMs: building.nowMs }))
    stay(HOUR + MINUTE)
    expect(values()).toEqual([])
  })

  it('lasts as long as the rules of the room say', () => {
    building.rules(roomRules({ overrideMs: 2 * MINUTE }))
    building.command(userCommand({ value: 0, issuedAtMs: building.nowMs }))
    building.pass(2 * MINUTE)
    expect(values()).toEqual([100])
  })

  it('for one device leaves the others to the rules', () => {
    building.devices(actuator('light', { deviceId: 'lamp-2' }))
    building.obey(byRules(building.commands()))
    building.command(userCommand({ value: 40, issuedAtMs: building.nowMs }))
    building.reading('luminance', 300)
    building.pass(15 * MINUTE)
    expect(building.commands().map((c) => `${c.issuer} ${c.deviceId} ${c.value}`)).toEqual(['rule:lights lamp-2 0'])
  })

  it('that comes out of a backlog and is over by now holds nothing', () => {
    building.command(userCommand({ value: 0, issuedAtMs: building.nowMs - 2 * HOUR }))
    building.reading('motion', 1)
    building.pass(3_000)
    expect(building.roomState()?.actuators[0]?.override).toBeNull()
  })

  it('does not count when it is the rule that sent it', () => {
    expect(building.roomState()?.actuators[0]?.override).toBeNull()
  })
})

describe('a hand at the device', () => {
  it('is seen by its report and starts an override', () => {
    building.level('light', 'lamp', 30)
    expect(building.evaluations()[0]).toMatchObject({
      result: 'held_by_override',
      reason: expect.stringContaining('held by manual override until 21:01 (hand)'),
    })
    building.pass(11 * MINUTE)
    building.reading('motion', 1)
    expect(values()).toEqual([])
  })

  it('is not seen in reports of the way there', () => {
    building.reading('luminance', 300)
    building.pass(11 * MINUTE)
    expect(values()).toEqual([0])
    for (const level of [80, 40, 10, 0]) building.level('light', 'lamp', level)
    expect(building.roomState()?.actuators[0]).toMatchObject({ override: null, confirmed: true })
  })
})

describe('rules that change a device again and again', () => {
  it('are stopped, and the evaluation says so', () => {
    building.rules(roomRules({ lights: true, vacantAfterMs: 2_000 }))
    for (let i = 0; i < 10; i++) {
      building.reading('luminance', 300)
      building.reading('motion', 1)
      building.obey(byRules(building.commands()).slice(-1))
      building.pass(2_000)
    }
    expect(building.roomState()?.actuators[0]?.override).toMatchObject({ by: 'guard' })
    expect(building.evaluations().map((e) => e.reason)).toEqual(
      expect.arrayContaining([expect.stringContaining('because rules changed the device too often')]),
    )
  })
})
