import { describe, expect, it } from 'vitest'
import type { Command } from '../schemas/types.ts'
import { BuildingDriver } from './testing/building-driver.ts'
import { actuator, NOON_MS, userCommand } from './testing/fixtures.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** An afternoon and evening in a room, a step a minute. */
const day: readonly ((b: BuildingDriver) => void)[] = [
  (b) => b.devices(actuator('light'), actuator('blinds'), actuator('radiator')),
  (b) => b.reading('luminance', 60),
  (b) => b.reading('motion', 1),
  (b) => b.reading('humidity', 52),
  (b) => b.reading('luminance', 15),
  (b) => b.reading('humidity', 49),
  (b) => b.command(userCommand({ value: 30, issuedAtMs: b.nowMs })),
  (b) => b.level('light', 'lamp', 30),
  (b) => b.reading('motion', 1),
  (b) => b.reading('humidity', 45),
  (b) => b.pass(12 * MINUTE),
  (b) => b.reading('motion', 1),
  (b) => b.reading('luminance', 200),
  (b) => b.pass(50 * MINUTE),
  (b) => b.reading('motion', 1),
  (b) => b.pass(7 * HOUR),
  (b) => b.reading('motion', 1),
  (b) => b.pass(11 * MINUTE),
]

const brief = ({ issuer, deviceId, value, issuedAtMs }: Command) => `${issuer} ${deviceId} ${value} ${issuedAtMs}`

function run(building: BuildingDriver, steps: typeof day): readonly string[] {
  const all: string[] = []
  for (const step of steps) {
    step(building)
    const commands = building.commands()
    building.obey(commands.filter((c) => c.issuer.startsWith('rule:')))
    all.push(...commands.map(brief))
    building.pass(MINUTE)
    all.push(...building.commands().map(brief))
  }
  return all
}

async function restarted(before: BuildingDriver): Promise<BuildingDriver> {
  const after = await BuildingDriver.create({}, before.nowMs)
  after.restoreFrom(before)
  await before.close()
  return after
}

describe('a restart', () => {
  it.each(day.map((_, i) => i))('after step %i changes nothing of what is sent before and after', async (at) => {
    const whole = await BuildingDriver.create()
    const expected = run(whole, day)
    await whole.close()

    const first = await BuildingDriver.create()
    const sent = [...run(first, day.slice(0, at))]
    const second = await restarted(first)
    sent.push(...run(second, day.slice(at)))
    await second.close()
    expect(expected.length).toBeGreaterThan(8)
    expect(sent).toEqual(expected)
  })

  it('sends nothing by itself, nor when every sensor and device says again what it said', async () => {
    const first = await BuildingDriver.create()
    run(first, day.slice(0, 6))
    const second = await restarted(first)
    second.pass(5_000)
    second.devices(actuator('light'), actuator('blinds'), actuator('radiator'))
    second.reading('luminance', 15)
    second.reading('humidity', 49)
    second.reading('motion', 1)
    for (const { kind, deviceId, level } of second.roomState()?.actuators ?? [])
      second.level(kind as 'light', deviceId, level ?? 0)
    second.pass(5_000)
    expect(second.commands()).toEqual([])
    expect(second.evaluations()).toEqual([])
    await second.close()
  })

  it('makes up for a time of day and an override that ended in between', async () => {
    const first = await BuildingDriver.create()
    run(first, day.slice(0, 9))
    const startMs = NOON_MS + 3 * HOUR
    const second = await BuildingDriver.create({}, startMs)
    second.restoreFrom(first)
    await first.close()
    second.pass(1_000)
    expect(second.occupancy()).toMatchObject({ present: false })
    expect(second.commands().map((c) => `${c.deviceId} ${c.value}`)).toEqual(['valve 10', 'lamp 100'])
    await second.close()
  })

  it('on a backlog sends what holds now, not what held then', async () => {
    const building = await BuildingDriver.create({}, NOON_MS + 8 * HOUR)
    building.devices(actuator('light'), actuator('radiator'))
    const at = (ms: number) => ({ eventTimeMs: NOON_MS + ms, receivedAtMs: NOON_MS + ms })
    for (let i = 0; i < 60; i++) {
      building.reading('luminance', i % 2 === 0 ? 5 : 300, at(i * MINUTE))
      building.reading('motion', 1, at(i * MINUTE + 1))
    }
    expect(building.commands()).toEqual([])
    building.pass(3_000)
    expect(building.commands().map((c) => `${c.deviceId} ${c.value}`)).toEqual(['valve 10', 'lamp 0'])
    expect(building.occupancies()).toMatchObject([{ present: false }])
    await building.close()
  })

  it('gives a repeated record the same command id', async () => {
    const ids: string[] = []
    for (let i = 0; i < 2; i++) {
      const building = await BuildingDriver.create()
      building.devices(actuator('radiator'))
      building.reading('motion', 1)
      building.pass(10 * MINUTE)
      ids.push(
        building
          .commands()
          .map((c) => c.commandId)
          .join(' '),
      )
      await building.close()
    }
    expect(ids[0]).toBe(ids[1])
    expect(ids[0]).toContain('radiator-down:valve:due@')
  })
})
