import { expect, test } from 'vitest'
import { ManualClock } from '../common/clock.ts'
import { Metrics } from '../common/metrics.ts'
import { StatusTracker } from './status.ts'

test('the time of a state is that of its change, not of the last try', () => {
  const clock = new ManualClock(1000)
  const status = new StatusTracker('knx', { clock })
  expect(status.moveTo('connecting', new Error('first'))).toBe(true)
  clock.advance(500)
  expect(status.moveTo('connecting', new Error('second'))).toBe(false)
  expect(status.snapshot()).toMatchObject({ state: 'connecting', sinceMs: 1000, lastError: 'second' })
})

test('what has not happened is absent', () => {
  const snapshot = new StatusTracker('knx').snapshot()
  expect(snapshot).not.toHaveProperty('lastError')
  expect(snapshot).not.toHaveProperty('lastMessageMs')
})

test('metrics show each connector under its label', async () => {
  const metrics = new Metrics()
  const clock = new ManualClock(5000)
  const knx = new StatusTracker('knx', { clock, metrics })
  const mqtt = new StatusTracker('mqtt', { clock, metrics })
  knx.moveTo('running')
  knx.received()
  knx.published()
  mqtt.dropped(3)
  mqtt.watchQueue(() => 7)
  const text = await metrics.text()
  expect(text).toContain('brook_connector_up{connector="knx"} 1')
  expect(text).toContain('brook_connector_up{connector="mqtt"} 0')
  expect(text).toContain('# TYPE brook_connector_received_total counter')
  expect(text).toContain('brook_connector_received_total{connector="knx"} 1')
  expect(text).toContain('brook_connector_dropped_total{connector="mqtt"} 3')
  expect(text).toContain('brook_connector_queue_length{connector="mqtt"} 7')
  expect(text).toContain('brook_connector_last_message_timestamp_seconds{connector="knx"} 5')
  expect(text).not.toContain('brook_connector_last_message_timestamp_seconds{connector="mqtt"}')
})
