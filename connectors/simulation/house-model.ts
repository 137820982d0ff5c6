import { InvalidArgumentError } from '../../common/errors.ts'
import type { Device, ReadingKind } from '../../schemas/types.ts'
import { People } from './people.ts'
import { type Random, seededRandom } from './random.ts'
import { climateAfter, luminanceOf, type RoomActuators, type RoomClimate, type RoomNature } from './room-physics.ts'
import { DEFAULT_PLACE, type Place, type Weather, weatherAt } from './weather.ts'

export interface HouseModelOptions {
  /** The devices of the house: they say which rooms there are, and what is in them. */
  readonly devices: readonly Device[]
  /** What the model's time begins at, in milliseconds since the epoch. */
  readonly startMs: number
  /** The same seed and the same calls give the same run (default 1). */
  readonly seed?: number
  /** How many people walk about (default: one for every two rooms, at least one). */
  readonly people?: number
  readonly place?: Place
}

/** What there is to be measured in a room. */
export interface SimulatedRoom {
  readonly roomId: string
  readonly temperatureCelsius: number
  readonly humidityPercent: number
  /** As the sensor sees it: in the dark when it is covered. */
  readonly illuminanceLux: number
  readonly motion: boolean
  readonly people: number
  readonly actuators: RoomActuators
}

type ActuatorKind = 'blinds' | 'radiator' | 'light' | 'switch'

interface RoomInside {
  readonly roomId: string
  readonly nature: RoomNature
  climate: RoomClimate
  covered: boolean
  /** `deviceId/kind` of its actuators. */
  readonly actuators: string[]
}

/** People and light are looked at this often, however long a step is. */
const GRAIN_MS = 5_000
const COVERED_LUX = 1
const INITIAL: Readonly<Record<ActuatorKind, number>> = { blinds: 100, radiator: 30, light: 0, switch: 0 }

/**
 * The physics and the people of a house, without any bus: weather and daylight outside; rooms that cool, warm, moisten and light
 * up by what is outside, by their actuators and by who is in them. Time passes only in `step`. No input or output.
 */
export class HouseModel {
  readonly #rooms: readonly RoomInside[]
  readonly #numberOf = new Map<string, number>()
  readonly #roomOfDevice = new Map<string, number>()
  readonly #levels = new Map<string, number>()
  readonly #people: People
  readonly #place: Place
  #nowMs: number
  #weather: Weather

  constructor(options: HouseModelOptions) {
    const random = seededRandom(options.seed ?? 1)
    this.#nowMs = options.startMs
    this.#place = options.place ?? DEFAULT_PLACE
    this.#weather = weatherAt(this.#nowMs, this.#place)
    const ids = [...new Set(options.devices.map((d) => d.roomId))]
    this.#rooms = ids.map((roomId, i) => newRoom(roomId, i, random))
    for (const [number, roomId] of ids.entries()) this.#numberOf.set(roomId, number)
    for (const device of options.devices) this.#addDevice(device)
    this.#people = new People(ids.length, options.people ?? Math.max(1, ids.length >> 1), random, this.#nowMs)
    this.#people.step(this.#nowMs)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get weather(): Weather {
    return this.#weather
  }

  get roomIds(): readonly string[] {
    return this.#rooms.map(({ roomId }) => roomId)
  }

  /** Lets time pass. @throws {InvalidArgumentError} when it is to go back. */
  step(dtMs: number): void {
    if (!(dtMs >= 0)) throw new InvalidArgumentError(`time cannot pass by ${dtMs} ms`)
    for (let leftMs = dtMs; leftMs > 0; leftMs -= GRAIN_MS) this.#grain(Math.min(leftMs, GRAIN_MS))
  }

  /** How many people there are, and in how many rooms. */
  get presence(): { readonly people: number; readonly rooms: number } {
    return { people: this.#people.total, rooms: this.#people.counts().filter((count) => count > 0).length }
  }

  /** @throws {InvalidArgumentError} for a room that the house does not have. */
  room(roomId: string): SimulatedRoom {
    const number = this.#number(roomId)
    const inside = this.#rooms[number] as RoomInside
    const actuators = this.#actuatorsOf(inside)
    return {
      roomId,
      ...inside.climate,
      illuminanceLux: inside.covered ? COVERED_LUX : luminanceOf(inside.nature, actuators, this.#weather),
      motion: this.#people.motionIn(number, this.#nowMs),
      people: this.#people.countIn(number),
      actuators,
    }
  }

  /**
   * What a device measures or is set to at this moment, as in a reading (motion 0 or 1), rounded as devices do. Gives 0 for a kind
   * that the model knows nothing of. @throws {InvalidArgumentError} for a device that the house does not have.
   */
  measure(deviceId: string, kind: ReadingKind): number {
    const number = this.#roomOfDevice.get(deviceId)
    if (number === undefined) throw new InvalidArgumentError(`the simulated house has no device ${deviceId}`)
    const room = this.room((this.#rooms[number] as RoomInside).roomId)
    switch (kind) {
      case 'temperature':
        return Math.round(room.temperatureCelsius * 10) / 10
      case 'humidity':
        return Math.round(room.humidityPercent)
      case 'luminance':
        return Math.round(room.illuminanceLux)
      case 'motion':
        return room.motion ? 1 : 0
      case 'battery':
        return 100
      default:
        return this.#levels.get(`${deviceId}/${kind}`) ?? 0
    }
  }

  /** An actuator stands at this level now, in percent (switch: 0 or 1). One that the house does not have changes nothing. */
  setActuator(deviceId: string, kind: ReadingKind, value: number): void {
    const id = `${deviceId}/${kind}`
    if (this.#levels.has(id)) this.#levels.set(id, Math.min(100, Math.max(0, value)))
  }

  /** Brings somebody into the room, who stays until `release`. */
  bringPerson(roomId: string): void {
    this.#people.bring(this.#number(roomId), this.#nowMs)
    this.#people.step(this.#nowMs)
  }

  /** Sends everybody out and lets nobody in until `release`. */
  keepEmpty(roomId: string): void {
    this.#people.keepOut(this.#number(roomId), this.#nowMs)
  }

  /** Ends what `bringPerson` and `keepEmpty` began. */
  release(roomId: string): void {
    this.#people.release(this.#number(roomId), this.#nowMs)
  }

  /** Covers the luminance sensor of the room, or takes the cover off. */
  coverSensor(roomId: string, covered: boolean): void {
    ;(this.#rooms[this.#number(roomId)] as RoomInside).covered = covered
  }

  #grain(dtMs: number): void {
    this.#nowMs += dtMs
    this.#weather = weatherAt(this.#nowMs, this.#place)
    this.#people.step(this.#nowMs)
    const counts = this.#people.counts()
    for (const [number, room] of this.#rooms.entries()) {
      const people = counts[number] ?? 0
      room.climate = climateAfter(room.climate, room.nature, this.#actuatorsOf(room), people, this.#weather, dtMs)
    }
  }

  #actuatorsOf({ actuators }: RoomInside): RoomActuators {
    const mean = (kind: ActuatorKind): number => {
      const ids = actuators.filter((id) => id.endsWith(`/${kind}`))
      const sum = ids.reduce((total, id) => total + (this.#levels.get(id) ?? 0), 0)
      return ids.length === 0 ? INITIAL[kind] : sum / ids.length
    }
    return { blinds: mean('blinds'), radiator: mean('radiator'), light: mean('light') }
  }

  #addDevice({ deviceId, roomId, kinds }: Device): void {
    const number = this.#number(roomId)
    this.#roomOfDevice.set(deviceId, number)
    for (const kind of kinds) {
      if (!Object.hasOwn(INITIAL, kind)) continue
      this.#levels.set(`${deviceId}/${kind}`, INITIAL[kind as ActuatorKind])
      this.#rooms[number]?.actuators.push(`${deviceId}/${kind}`)
    }
  }

  #number(roomId: string): number {
    const number = this.#numberOf.get(roomId)
    if (number === undefined) throw new InvalidArgumentError(`the simulated house has no room ${roomId}`)
    return number
  }
}

/** One room in six has no window to speak of and is pitch dark without its lamp. */
function newRoom(roomId: string, index: number, random: Random): RoomInside {
  const inner = index % 6 === 5
  return {
    roomId,
    nature: {
      windowFactor: inner ? 0.0008 : random.between(0.006, 0.016),
      residualLux: inner ? 2 : random.between(26, 40),
      lampLux: random.between(220, 380),
      baseHumidityPercent: random.between(37, 45),
      coolingMs: random.between(4, 7) * 3_600_000,
    },
    climate: { temperatureCelsius: random.between(18.5, 21.5), humidityPercent: random.between(38, 46) },
    covered: false,
    actuators: [],
  }
}
