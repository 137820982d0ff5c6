import { describe, expect, it } from 'vitest'
import type { Command, Reading } from '../schemas/types.ts'
import * as fc from '../test/support/property.ts'
import { BuildingDriver } from './testing/building-driver.ts'
import { actuator, NOON_MS, userCommand } from './testing/fixtures.ts'

const MINUTE = 60_000
const ROOMS = ['r1', 'r2'] as const
const KINDS = ['light', 'blinds', 'radiator'] as const

type Step =
  | {
      readonly type: 'measure'
      readonly room: number
      readonly kind: Reading['kind']
      readonly value: number
      readonly lateMs: number
    }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'user'; readonly room: number; readonly kind: number; readonly value: number }

const value = { luminance: 400, humidity: 100, temperature: 40 } as const
const measure = fc
  .tuple(
    fc.nat(1),
    fc.constantFrom<Reading['kind']>('luminance', 'humidity', 'motion', 'temperature'),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0, 0, 0, 500, 30_000, 300_000),
  )
  .map(([room, kind, part, lateMs]): Step => {
    const of = kind === 'motion' ? Math.round(part) : part * value[kind as keyof typeof value]
    return { type: 'measure', room, kind, value: of, lateMs }
  })
const pass = fc.integer({ min: 1, max: 40 * MINUTE }).map((ms): Step => ({ type: 'pass', ms }))
const user = fc
  .tuple(fc.nat(1), fc.nat(2), fc.nat(100))
  .map(([room, kind, level]): Step => ({ type: 'user', room, kind, value: level }))
const steps = fc.array(
  fc.oneof({ arbitrary: measure, weight: 10 }, { arbitrary: pass, weight: 4 }, { arbitrary: user, weight: 1 }),
  { minLength: 5, maxLength: 80 },
)

const idOf = (kind: string, room: number): string => `${kind}-${ROOMS[room]}`

async function run(plan: readonly Step[], check: (command: Command, building: BuildingDriver) => void): Promise<void> {
  const building = await BuildingDriver.create({}, NOON_MS)
  ROOMS.forEach((roomId, room) => {
    building.devices(...KINDS.map((kind) => actuator(kind, { roomId, deviceId: idOf(kind, room) })))
  })
  for (const step of plan) {
    if (step.type === 'pass') building.pass(step.ms)
    else if (step.type === 'user') {
      const kind = KINDS[step.kind] as (typeof KINDS)[number]
      const roomId = ROOMS[step.room] as string
      const command = userCommand({
        commandId: `user-${building.nowMs}-${step.value}`,
        deviceId: idOf(kind, step.room),
        roomId,
        kind,
        value: step.value,
        issuedAtMs: building.nowMs,
      })
      check(command, building)
      building.command(command)
      building.obey([command])
    } else {
      const { room, kind, value, lateMs } = step
      const eventTimeMs = building.nowMs - lateMs
      building.reading(kind, value, { roomId: ROOMS[room] as string, deviceId: `s-${ROOMS[room]}`, eventTimeMs })
    }
    for (const command of building.commands().filter((c) => c.issuer.startsWith('rule:'))) {
      check(command, building)
      building.obey([command])
    }
    building.pass(1_000)
  }
  await building.close()
}

describe('whatever the sensors say', () => {
  it('no device is told twice running what it was told, nor against a person who set it', {
    timeout: fc.limitMs(60_000),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const last = new Map<string, number>()
        const heldUntilMs = new Map<string, number>()
        const ids = new Set<string>()
        await run(plan, ({ commandId, deviceId, value, issuer, issuedAtMs, causes, expiresAtMs }) => {
          if (issuer.startsWith('user:')) {
            heldUntilMs.set(deviceId, issuedAtMs + 60 * MINUTE)
          } else {
            expect(value, `${commandId} repeats`).not.toBe(last.get(deviceId))
            expect(issuedAtMs, `${commandId} is against an override`).toBeGreaterThanOrEqual(
              heldUntilMs.get(deviceId) ?? 0,
            )
            expect(ids.has(commandId), `${commandId} is there twice`).toBe(false)
            expect(causes.length).toBeGreaterThan(0)
            expect(expiresAtMs).toBe(issuedAtMs + 2 * MINUTE)
          }
          ids.add(commandId)
          last.set(deviceId, value)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('the order of readings inside the grace of a window does not matter to the averages', {
    timeout: fc.limitMs(60_000),
  }, async () => {
    const readings = fc.array(
      fc.record({
        kind: fc.constantFrom<Reading['kind']>('temperature', 'humidity', 'luminance'),
        value: fc.integer({ min: 0, max: 90 }),
        afterMs: fc.integer({ min: 0, max: 5 * MINUTE - 1 }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    const averageOf = async (
      list: readonly { kind: Reading['kind']; value: number; afterMs: number; id: number }[],
    ) => {
      const building = await BuildingDriver.create({}, NOON_MS + 5 * MINUTE)
      for (const { kind, value, afterMs, id } of list)
        building.reading(kind, value, { eventTimeMs: NOON_MS + afterMs, sequence: id })
      const average = building.window('r1', NOON_MS)
      await building.close()
      return average
    }
    await fc.assert(
      fc.asyncProperty(readings, fc.infiniteStream(fc.nat()), async (list, order) => {
        const numbered = list.map((one, id) => ({ ...one, id }))
        const shuffled = numbered
          .map((one) => ({ one, at: order.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
        const [inOrder, outOfOrder] = [await averageOf(numbered), await averageOf(shuffled)]
        for (const kind of ['temperature', 'humidity', 'luminance'] as const) {
          expect(outOfOrder?.[kind]).toEqual(
            inOrder?.[kind] ? { ...inOrder[kind], mean: expect.closeTo(inOrder[kind].mean, 9) } : null,
          )
        }
      }),
      { numRuns: 25 },
    )
  })
})
