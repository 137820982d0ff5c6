import { randomUUID } from 'node:crypto'
import type { Cause, Device, DeviceType, Reading, ReadingKind, RuleEvaluation } from '../../schemas/types.ts'
import type { LiveHub } from '../live/live-hub.ts'
import type { CommandRequest } from '../routes/context.ts'
import type { DemoStreams } from './demo-streams.ts'

const NAMES = ['Reception', 'Kitchen', 'Library', 'Workshop', 'Office', 'Meeting room', 'Studio', 'Archive']
const UNITS: Readonly<Partial<Record<ReadingKind, string>>> = {
  temperature: 'celsius',
  humidity: 'percent',
  luminance: 'lux',
  motion: 'boolean',
  switch: 'boolean',
}
const MINUTE_MS = 60_000

interface DemoRoom {
  readonly roomId: string
  readonly name: string
  readonly floor: string
  temperature: number
  humidity: number
  luminance: number
  present: boolean
  sinceMs: number
  radiator: number
  blinds: number
  light: number
}

/** Twelve rooms that live a little: values wander, people come and go, commands are confirmed by their devices. */
export class DemoBuilding {
  readonly #streams: DemoStreams
  readonly #hub: LiveHub
  readonly #now: () => number
  readonly #rooms: readonly DemoRoom[]
  readonly #timers = new Set<NodeJS.Timeout>()
  #offset = 1_000
  #commands = 0

  constructor(streams: DemoStreams, hub: LiveHub, now: () => number) {
    this.#streams = streams
    this.#hub = hub
    this.#now = now
    this.#rooms = Array.from({ length: 12 }, (_, i) => this.#makeRoom(i))
  }

  /** Registers rooms and devices, and measures the last three hours. */
  begin(): void {
    for (const [i, room] of this.#rooms.entries()) {
      const { roomId, name, floor } = room
      this.#hub.publish({ type: 'room', key: roomId, data: { roomId, name, floor } })
      for (const device of devicesOf(room, i)) this.#hub.publish({ type: 'device', key: device.deviceId, data: device })
    }
    const nowMs = this.#now()
    for (let agoMs = 180 * MINUTE_MS; agoMs >= 0; agoMs -= MINUTE_MS)
      for (const [i, room] of this.#rooms.entries()) this.#wander(room, i, nowMs - agoMs)
    for (const [i, room] of this.#rooms.entries()) {
      const agoMs = (i % 5) * 7_000 + 2_000
      this.#report(room, 'radiator', room.radiator, nowMs - agoMs * 9)
      this.#report(room, 'blinds', room.blinds, nowMs - agoMs * 31)
      this.#report(room, 'light', room.light, nowMs - agoMs)
      if (i % 4 === 3) this.#report(room, 'switch', i % 8 === 3 ? 1 : 0, nowMs - agoMs * 3)
      this.#occupy(room, room.present, room.sinceMs)
      this.#evaluate(room, i)
    }
    for (const [name, state] of [
      ['mqtt', 'running'],
      ['knx', 'running'],
      ['zwave', 'degraded'],
    ] as const)
      this.#reportConnector(name, state)
  }

  /** One step of every room. */
  tick(): void {
    for (const [i, room] of this.#rooms.entries()) {
      if (Math.random() < 0.6) this.#wander(room, i, this.#now())
      if (Math.random() < 0.02) {
        this.#occupy(room, !room.present, this.#now())
        this.#evaluate(room, i)
      }
    }
  }

  /** Sets the mean temperature of a room's window visibly. */
  setTemperature(roomId: string, value: number): void {
    this.#measure(this.#room(roomId), 'temperature', value, this.#now())
  }

  command({ deviceId, roomId, kind, value, issuer }: CommandRequest): { commandId: string; position: string } {
    const commandId = randomUUID()
    const nowMs = this.#now()
    const command = { commandId, deviceId, roomId, kind, value, issuer, causes: [] }
    this.#hub.publish({
      type: 'command',
      key: deviceId,
      data: { ...command, issuedAtMs: nowMs, expiresAtMs: nowMs + 30_000 },
    })
    const result = (status: 'sent' | 'confirmed') =>
      this.#hub.publish({
        type: 'command-result',
        key: deviceId,
        data: { commandId, deviceId, roomId, status, detail: null, atMs: this.#now() },
      })
    this.#later(400, () => result('sent'))
    this.#later(1_500, () => {
      result('confirmed')
      this.#report(this.#room(roomId), kind, value, this.#now())
    })
    return { commandId, position: `building.commands:0:${this.#commands++}` }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  #room(roomId: string): DemoRoom {
    return this.#rooms.find((room) => room.roomId === roomId) as DemoRoom
  }

  #makeRoom(i: number): DemoRoom {
    const floor = Math.floor(i / 4) + 1
    const number = floor * 100 + (i % 4) + 1
    const present = i % 3 !== 1
    return {
      roomId: `room-${number}`,
      name: `${NAMES[i % NAMES.length]} ${number}`,
      floor: String(floor),
      temperature: 19.5 + (i % 5) * 0.7,
      humidity: 38 + ((i * 7) % 19),
      luminance: [430, 85, 18, 260][i % 4] as number,
      present,
      sinceMs: this.#now() - (3 + i * 11) * MINUTE_MS,
      radiator: present ? 90 : 10,
      blinds: i % 4 === 1 ? 0 : 100,
      light: i % 4 === 2 ? 80 : 0,
    }
  }

  #wander(room: DemoRoom, i: number, timeMs: number): void {
    const wave = Math.sin(timeMs / 2_400_000 + i)
    room.temperature += (Math.random() - 0.5) * 0.12 + wave * 0.02
    room.humidity = Math.min(75, Math.max(25, room.humidity + (Math.random() - 0.5) * 0.8 + wave * 0.15))
    room.luminance = Math.max(2, room.luminance * (1 + (Math.random() - 0.5) * 0.06 + wave * 0.005))
    for (const kind of ['temperature', 'humidity', 'luminance'] as const)
      this.#measure(room, kind, Number(room[kind].toFixed(2)), timeMs)
  }

  #measure(room: DemoRoom, kind: ReadingKind, value: number, timeMs: number): void {
    const reading = this.#reading(room, kind, value, timeMs)
    const average = this.#streams.measure(reading)
    this.#hub.publish({ type: 'reading', key: reading.deviceId, data: reading })
    this.#hub.publish({ type: 'room-average', key: room.roomId, data: average })
  }

  #report(room: DemoRoom, kind: ReadingKind, value: number, timeMs: number): void {
    const reading = this.#reading(room, kind, value, timeMs)
    this.#hub.publish({ type: 'reading', key: reading.deviceId, data: reading })
  }

  #reading(room: DemoRoom, kind: ReadingKind, value: number, timeMs: number): Reading {
    const number = room.roomId.slice(5)
    const isSensor = ['temperature', 'humidity', 'luminance', 'motion'].includes(kind)
    return {
      deviceId: isSensor ? `sensor-${number}` : `${kind === 'light' ? 'dimmer' : kind}-${number}`,
      roomId: room.roomId,
      bus: isSensor || kind === 'light' ? 'zwave' : 'knx',
      kind,
      value,
      unit: UNITS[kind] ?? 'percent',
      quality: 'good',
      eventTimeMs: timeMs,
      receivedAtMs: timeMs,
      sequence: null,
      retained: false,
    }
  }

  #occupy(room: DemoRoom, present: boolean, since: number): void {
    Object.assign(room, { present, sinceMs: since })
    const { roomId } = room
    const evidence = [this.#cause(room, 'motion', present ? 1 : 0, since)]
    const occupancy = { roomId, present, since, lastMotionMs: since, evidence }
    this.#streams.setOccupancy(occupancy)
    this.#hub.publish({ type: 'occupancy', key: roomId, data: occupancy })
  }

  #cause(room: DemoRoom, kind: ReadingKind, value: number, timeMs: number): Cause {
    const deviceId = `sensor-${room.roomId.slice(5)}`
    return { topic: 'building.readings', partition: 1, offset: this.#offset++, deviceId, kind, value, timeMs }
  }

  #evaluate(room: DemoRoom, i: number): void {
    const { roomId, present, humidity, luminance } = room
    const number = roomId.slice(5)
    const atMs = this.#now() - (i % 6) * 8_000
    const presence = { name: 'somebody is present', holds: present, actual: present ? 1 : 0, threshold: null }
    const because = present ? 'somebody is present' : 'nobody is present'
    const motion = this.#cause(room, 'motion', present ? 1 : 0, room.sinceMs)
    const humid = humidity > 50
    const dark = luminance < 100
    const common = { roomId, commandId: null, atMs }
    const evaluations: RuleEvaluation[] = [
      {
        ...common,
        rule: present ? 'radiator-up' : 'radiator-down',
        result: 'unchanged',
        reason: `${because}; the radiator is at ${present ? 90 : 10} % already`,
        conditions: [presence],
        causes: [motion],
        deviceId: `radiator-${number}`,
        targetValue: present ? 90 : 10,
      },
      {
        ...common,
        rule: 'blinds-close',
        result: humid ? 'fired' : 'conditions_not_met',
        reason: `humidity ${humidity.toFixed(1)} % is ${humid ? 'above' : 'not above'} 50 %`,
        conditions: [{ name: 'humidity is above the threshold', holds: humid, actual: humidity, threshold: 50 }],
        causes: [this.#cause(room, 'humidity', humidity, atMs - 9_000)],
        deviceId: `blinds-${number}`,
        commandId: humid ? randomUUID() : null,
        targetValue: 0,
      },
      {
        ...common,
        rule: 'lights',
        result: i % 5 === 4 ? 'held_by_override' : dark && present ? 'fired' : 'conditions_not_met',
        reason:
          i % 5 === 4
            ? 'set by hand until 21:30'
            : `${because}, and luminance ${luminance.toFixed(0)} lx is ${dark ? 'below' : 'not below'} 100 lx`,
        conditions: [presence, { name: 'the room is dark', holds: dark, actual: luminance, threshold: 100 }],
        causes: [motion, this.#cause(room, 'luminance', luminance, atMs - 4_000)],
        deviceId: `dimmer-${number}`,
        targetValue: dark && present ? 100 : 0,
      },
    ]
    for (const data of evaluations) this.#hub.publish({ type: 'evaluation', key: roomId, data })
  }

  #reportConnector(name: string, state: string): void {
    const nowMs = this.#now()
    this.#hub.publish({
      type: 'connector',
      key: name,
      data: {
        name,
        state,
        sinceMs: nowMs - 42 * MINUTE_MS,
        ...(state === 'degraded' ? { lastError: 'node 17 (sensor-203) does not answer' } : {}),
        lastMessageMs: nowMs - 3_000,
        queueLength: state === 'degraded' ? 2 : 0,
        received: 18_204,
        published: 18_201,
        deadLetters: 3,
        dropped: 0,
        reconnects: 1,
      },
    })
  }
}

function devicesOf({ roomId, floor }: DemoRoom, i: number): readonly Device[] {
  const number = roomId.slice(5)
  const device = (id: string, name: string, type: DeviceType, kinds: readonly ReadingKind[]): Device => ({
    deviceId: `${id}-${number}`,
    roomId,
    floor,
    name: `${name} ${number}`,
    type,
    bus: type === 'multisensor' || type === 'dimmer' ? 'zwave' : 'knx',
    kinds,
    knx: null,
    zwave: null,
    mqtt: null,
  })
  return [
    device('sensor', 'Sensor', 'multisensor', ['temperature', 'humidity', 'luminance', 'motion']),
    device('dimmer', 'Lamp', 'dimmer', ['light']),
    device('blinds', 'Blinds', 'blinds', ['blinds']),
    device('radiator', 'Radiator', 'radiator', ['radiator']),
    ...(i % 4 === 3 ? [device('switch', 'Socket', 'switch', ['switch'])] : []),
  ]
}
