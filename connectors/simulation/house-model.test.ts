import { describe, expect, it } from 'vitest'
import { withDefaults } from '../../schemas/avro-type.ts'
import { Device, type ReadingKind } from '../../schemas/types.ts'
import { HouseModel } from './house-model.ts'
import { weatherAt } from './weather.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** A winter noon and night in Fribourg. */
const NOON_MS = Date.UTC(2026, 0, 15, 11, 30)
const NIGHT_MS = Date.UTC(2026, 0, 15, 23)

function devices(rooms: number): Device[] {
  const one = (i: number, name: string, kinds: readonly ReadingKind[]): Device =>
    withDefaults(Device, {
      deviceId: `${name}-${i}`,
      roomId: `room-${i}`,
      floor: '1',
      name,
      type: 'unknown',
      bus: 'knx',
      kinds,
    })
  return Array.from({ length: rooms }, (_, i) => [
    one(i, 'sensor', ['temperature', 'humidity', 'luminance', 'motion']),
    one(i, 'lamp', ['light']),
    one(i, 'blinds', ['blinds']),
    one(i, 'valve', ['radiator']),
  ]).flat()
}
const house = (changes: Partial<ConstructorParameters<typeof HouseModel>[0]> = {}) =>
  new HouseModel({ devices: devices(12), startMs: NOON_MS, seed: 7, ...changes })
const everything = (model: HouseModel) => model.roomIds.map((id) => model.room(id))

describe('a simulated house', () => {
  it('runs the same with the same seed, and not with another', () => {
    const run = (seed: number) => {
      const model = house({ seed })
      model.step(HOUR)
      model.setActuator('lamp-3', 'light', 60)
      model.step(HOUR)
      return everything(model)
    }
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
  })

  it('runs nearly the same in one step as in many', () => {
    const [once, often] = [house(), house()]
    once.step(HOUR)
    for (let i = 0; i < 720; i++) often.step(5_000)
    expect(everything(once)).toEqual(everything(often))
  })

  it('is warmed by a radiator at 90 and cools with one at 10', () => {
    const [warm, cold] = [house({ people: 0 }), house({ people: 0 })]
    const before = warm.room('room-0').temperatureCelsius
    warm.setActuator('valve-0', 'radiator', 90)
    cold.setActuator('valve-0', 'radiator', 10)
    for (const model of [warm, cold]) model.step(3 * HOUR)
    expect(warm.room('room-0').temperatureCelsius).toBeGreaterThan(Math.min(before + 0.5, 20))
    expect(warm.room('room-0').temperatureCelsius).toBeLessThan(26)
    expect(cold.room('room-0').temperatureCelsius).toBeLessThan(before - 1)
  })

  it('is lit by the lamp at once', () => {
    const model = house({ startMs: NIGHT_MS })
    const before = model.measure('sensor-0', 'luminance')
    model.setActuator('lamp-0', 'light', 100)
    expect(model.measure('sensor-0', 'luminance') - before).toBeGreaterThan(200)
  })

  it('is lit by the day through open blinds, and dark behind closed ones', () => {
    const model = house()
    expect(model.measure('sensor-0', 'luminance')).toBeGreaterThan(100)
    model.setActuator('blinds-0', 'blinds', 0)
    expect(model.measure('sensor-0', 'luminance')).toBeLessThan(100)
  })

  it('is dark when its sensor is covered, lamp or not', () => {
    const model = house()
    model.coverSensor('room-0', true)
    model.setActuator('lamp-0', 'light', 100)
    expect(model.measure('sensor-0', 'luminance')).toBe(1)
    model.coverSensor('room-0', false)
    expect(model.measure('sensor-0', 'luminance')).toBeGreaterThan(100)
  })

  it('has people who walk about, none of whom gets lost', () => {
    const model = house({ people: 5 })
    const seen = new Set<string>()
    let moving = 0
    for (let i = 0; i < 240; i++) {
      model.step(15_000)
      const rooms = everything(model)
      expect(rooms.reduce((sum, room) => sum + room.people, 0)).toBe(5)
      for (const room of rooms) {
        if (room.people > 0) seen.add(room.roomId)
        if (room.motion) {
          moving++
          expect(room.people).toBeGreaterThan(0)
        }
      }
    }
    expect(seen.size).toBeGreaterThan(6)
    expect(moving).toBeGreaterThan(50)
  })

  it('has somebody in a room for as long as a test needs it, or nobody', () => {
    const model = house()
    model.bringPerson('room-9')
    model.keepEmpty('room-2')
    expect(model.room('room-9')).toMatchObject({ motion: true })
    for (let i = 0; i < 60; i++) {
      model.step(MINUTE)
      expect(model.room('room-9').people).toBeGreaterThan(0)
      expect(model.room('room-2')).toMatchObject({ people: 0, motion: false })
    }
    model.release('room-9')
    model.release('room-2')
    let left = false
    for (let i = 0; i < 120 && !left; i++) {
      model.step(MINUTE)
      left = model.room('room-9').people === 0
    }
    expect(left).toBe(true)
  })

  it('grows humid with people', () => {
    const [empty, crowd] = [house({ people: 0 }), house({ people: 3 })]
    for (let i = 0; i < 4; i++) crowd.bringPerson('room-0')
    expect(crowd.room('room-0').people).toBe(4)
    for (const model of [empty, crowd]) model.step(2 * HOUR)
    expect(crowd.room('room-0').humidityPercent).toBeGreaterThan(empty.room('room-0').humidityPercent + 3)
  })

  it('measures only what can be true, over a whole week', () => {
    const model = house({ devices: devices(3) })
    for (let hour = 0; hour < 24 * 7; hour++) {
      model.setActuator('valve-0', 'radiator', hour % 2 === 0 ? 100 : 0)
      model.step(HOUR)
      for (const { temperatureCelsius, humidityPercent, illuminanceLux } of everything(model)) {
        expect(temperatureCelsius).toBeGreaterThan(-20)
        expect(temperatureCelsius).toBeLessThan(40)
        expect(humidityPercent).toBeGreaterThanOrEqual(5)
        expect(humidityPercent).toBeLessThanOrEqual(95)
        expect(illuminanceLux).toBeGreaterThanOrEqual(0)
        expect(illuminanceLux).toBeLessThan(5_000)
      }
    }
  })

  it('refuses rooms and devices that it does not have, and time that goes back', () => {
    const model = house()
    expect(() => model.room('attic')).toThrow(/no room attic/)
    expect(() => model.measure('oven', 'temperature')).toThrow(/no device oven/)
    expect(() => model.step(-1)).toThrow(/cannot pass/)
  })
})

describe('the weather', () => {
  it('is light by day and dark by night, and warmer in summer than in winter', () => {
    expect(weatherAt(NOON_MS).daylightLux).toBeGreaterThan(3_000)
    expect(weatherAt(NIGHT_MS).daylightLux).toBe(0)
    expect(weatherAt(Date.UTC(2026, 6, 15, 12)).temperatureCelsius).toBeGreaterThan(
      weatherAt(NOON_MS).temperatureCelsius + 10,
    )
  })
})
