import { type Clock, systemClock } from '../../common/clock.ts'
import { serdes } from '../../common/serde.ts'
import type { Command, CommandResult, DeadLetter, Device, Reading } from '../../schemas/types.ts'
import { type PublisherOptions, ReadingPublisher } from '../publisher.ts'
import { StatusTracker } from '../status.ts'
import { FakeLog } from './fake-log.ts'

export const READINGS = 'building.readings'
export const RESULTS = 'building.command-results'
export const DEAD_LETTERS = 'building.dead-letters'

/** A publisher into a fake log, with JSON instead of Avro. */
export function fakePublishing(options: Partial<PublisherOptions> & { clock?: Clock } = {}) {
  const log = new FakeLog()
  const clock = options.clock ?? systemClock
  const status = new StatusTracker('test', { clock })
  const publisher = new ReadingPublisher({
    createProducer: log.createProducer,
    readings: { topic: READINGS, key: serdes.string, value: serdes.json<Reading>() },
    commandResults: { topic: RESULTS, key: serdes.string, value: serdes.json<CommandResult>() },
    deadLetters: { topic: DEAD_LETTERS, value: serdes.json<DeadLetter>() },
    status,
    clock,
    ...options,
  })
  return { log, status, publisher }
}

export function json<T>(bytes: Buffer | null | undefined): T {
  return JSON.parse(String(bytes)) as T
}

export function reading(changes: Partial<Reading> = {}): Reading {
  return {
    deviceId: 'd1',
    roomId: 'r1',
    bus: 'mqtt',
    kind: 'temperature',
    value: 21.5,
    unit: 'celsius',
    quality: 'good',
    eventTimeMs: 1_000_000,
    receivedAtMs: 1_000_000,
    sequence: null,
    retained: false,
    ...changes,
  }
}

export function device(changes: Partial<Device> = {}): Device {
  return {
    deviceId: 'd1',
    roomId: 'r1',
    floor: '1',
    name: 'Lamp',
    type: 'dimmer',
    bus: 'knx',
    kinds: ['light'],
    knx: null,
    zwave: null,
    mqtt: null,
    ...changes,
  }
}

export function command(changes: Partial<Command> = {}): Command {
  return {
    commandId: 'c1',
    deviceId: 'd1',
    roomId: 'r1',
    kind: 'light',
    value: 50,
    issuer: 'user:a',
    causes: [],
    issuedAtMs: 0,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    ...changes,
  }
}
