import { expect, test } from 'vitest'
import { ManualClock } from '../common/clock.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { Metrics } from '../common/metrics.ts'
import type { LiveEvent } from '../http/live/live-events.ts'
import { withDefaults } from '../schemas/avro-type.ts'
import { Device, DeviceState, DeviceValue } from '../schemas/types.ts'
import { AvailabilityFeed } from './device-availability.ts'

const MINUTE = 60_000

function watched() {
  const clock = new ManualClock(0)
  const events: LiveEvent[] = []
  const lines: string[] = []
  const metrics = new Metrics()
  const log: Logger = {
    ...silentLogger,
    info: (_, message) => lines.push(message),
    warn: (_, message) => lines.push(message),
  }
  const hub = { publish: (event: LiveEvent) => void events.push(event) }
  const feed = new AvailabilityFeed({ hub, minSilenceMs: MINUTE, metrics, clock, log })
  const device = (deviceId: string, kinds: Device['kinds']) =>
    feed.publish({
      type: 'device',
      key: deviceId,
      data: withDefaults(Device, {
        deviceId,
        roomId: 'r',
        floor: '1',
        name: deviceId,
        type: 'sensor',
        bus: 'mqtt',
        kinds,
      }),
    })
  const reports = (deviceId: string, atMs: number) => {
    clock.set(atMs)
    const value = withDefaults(DeviceValue, {
      kind: 'temperature',
      value: 20,
      unit: 'celsius',
      quality: 'good',
      timeMs: 0,
      receivedAtMs: atMs,
    })
    feed.publish({
      type: 'device-state',
      key: deviceId,
      data: withDefaults(DeviceState, { deviceId, roomId: 'r', values: [value] }),
    })
  }
  const told = () => events.flatMap((event) => (event.type === 'availability' ? [event.data] : []))
  return { clock, feed, lines, metrics, device, reports, told, events }
}

test('a sensor that falls silent is told once, counted, and told again when it is back', async () => {
  const { clock, feed, lines, metrics, device, reports, told } = watched()
  device('sensor', ['temperature', 'motion'])
  for (let minute = 0; minute < 6; minute++) reports('sensor', minute * MINUTE)
  clock.set(8 * MINUTE)
  feed.check()
  expect(told()).toEqual([])
  clock.set(9 * MINUTE)
  feed.check()
  feed.check()
  expect(told()).toMatchObject([{ deviceId: 'sensor', isAvailable: false, lastSeenMs: 5 * MINUTE }])
  expect(await metrics.text()).toContain('brook_devices_unavailable{bus="mqtt"} 1')
  reports('sensor', 30 * MINUTE)
  expect(told()).toHaveLength(2)
  expect(told()[1]).toMatchObject({ isAvailable: true })
  expect(await metrics.text()).toContain('brook_devices_unavailable{bus="mqtt"} 0')
  expect(lines).toEqual(['a device is unavailable: it has not reported for too long', 'a device reports again'])
})

test('lamps and blinds may be quiet for days', () => {
  const { clock, feed, device, told } = watched()
  device('lamp', ['light'])
  clock.set(7 * 24 * 60 * MINUTE)
  feed.check()
  expect(told()).toEqual([])
})

test('a device that is removed, or is no sensor any more, is not missed', () => {
  const { clock, feed, device, told } = watched()
  device('gone', ['temperature'])
  device('other', ['temperature'])
  feed.publish({ type: 'device', key: 'gone', data: null })
  device('other', ['light'])
  clock.set(24 * 60 * MINUTE)
  feed.check()
  expect(told()).toEqual([null, null])
})

test('everything is passed on', () => {
  const { events, device, reports } = watched()
  device('sensor', ['temperature'])
  reports('sensor', 5)
  expect(events.map(({ type }) => type)).toEqual(['device', 'device-state'])
})

test('a command to a device that has not spoken yet does not make it one that fell silent', () => {
  const { clock, feed, device, told } = watched()
  device('thermostat', ['temperature', 'radiator'])
  const data = withDefaults(DeviceState, { deviceId: 'thermostat', roomId: 'r', values: [] })
  feed.publish({ type: 'device-state', key: 'thermostat', data })
  clock.set(2 * MINUTE)
  feed.check()
  expect(told()).toEqual([])
})
