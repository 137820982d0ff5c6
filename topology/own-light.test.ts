import { describe, expect, it } from 'vitest'
import type { Command } from '../schemas/types.ts'
import { BuildingDriver } from './testing/building-driver.ts'
import { actuator, NOON_MS, roomRules } from './testing/fixtures.ts'

/** A room in which the lamp shines on its own sensor. */
async function room(settings: { lampLux: number; sensorEveryMs: number; delayMs: number; noise: number }) {
  const building = await BuildingDriver.create({}, NOON_MS)
  building.devices(actuator('light'), actuator('blinds'))
  building.rules(roomRules({ blindsOpen: false }))
  const commands: Command[] = []
  let level = 0
  let due: { readonly atMs: number; readonly command: Command } | undefined
  let turn = 0
  return {
    building,
    commands,
    run(durationMs: number, daylightLux: (elapsedMs: number) => number): void {
      const startMs = building.nowMs
      while (building.nowMs < startMs + durationMs) {
        if (due !== undefined && building.nowMs >= due.atMs) {
          level = due.command.value
          building.obey([due.command])
          due = undefined
        }
        if (building.nowMs % settings.sensorEveryMs === 0) {
          const wobble = 1 + settings.noise * (turn++ % 2 === 0 ? 1 : -1)
          building.reading(
            'luminance',
            (daylightLux(building.nowMs - startMs) + (level / 100) * settings.lampLux) * wobble,
          )
        }
        for (const command of building.commands()) {
          commands.push(command)
          due = { atMs: building.nowMs + settings.delayMs, command }
        }
        building.pass(1_000)
      }
    },
  }
}

describe('a lamp that lights its own sensor', () => {
  it.each([
    { lampLux: 300, sensorEveryMs: 1_000, delayMs: 0, noise: 0 },
    { lampLux: 300, sensorEveryMs: 5_000, delayMs: 3_000, noise: 0.03 },
    { lampLux: 2_000, sensorEveryMs: 1_000, delayMs: 7_000, noise: 0.03 },
    { lampLux: 25, sensorEveryMs: 30_000, delayMs: 1_000, noise: 0.05 },
  ])('goes on once in the dark and stays on: $lampLux lx', async (settings) => {
    const { building, commands, run } = await room(settings)
    run(10 * 60_000, () => 8)
    expect(commands.map((c) => c.value)).toEqual([100])
    await building.close()
  })

  it('goes off once when the day comes', async () => {
    const { building, commands, run } = await room({ lampLux: 300, sensorEveryMs: 5_000, delayMs: 1_000, noise: 0.01 })
    run(60_000, () => 5)
    run(20 * 60_000, (elapsedMs) => 5 + elapsedMs / 5_000)
    expect(commands.map((c) => c.value)).toEqual([100, 0])
    expect(building.roomState()?.ownLight.fullLux).toBeGreaterThan(250)
    await building.close()
  })
})
