import { afterEach, expect, test, vi } from 'vitest'
import { serdes } from '../common/serde.ts'
import { KafkaUnavailableError, OffsetOutOfRangeError, UnknownTopicError } from '../kafka/errors.ts'
import type { Device } from '../schemas/types.ts'
import { DeviceTable } from './device-table.ts'
import { FakeLog } from './testing/fake-log.ts'
import { device } from './testing/fixtures.ts'

const TOPIC = 'building.devices'
const tables: DeviceTable[] = []
const table = (kafka: FakeLog): DeviceTable => {
  const made = new DeviceTable({ kafka, topic: TOPIC, key: serdes.string, value: serdes.json<Device>() })
  tables.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(tables.splice(0).map((one) => one.stop()))
})

test('is whole once started: last value per device, tombstones out, unreadable records skipped', async () => {
  const kafka = new FakeLog()
  kafka.append(TOPIC, 'd1', device({ name: 'old' }))
  kafka.append(TOPIC, 'd2', device({ deviceId: 'd2' }))
  kafka.append(TOPIC, 'd1', device({ name: 'new' }))
  kafka.append(TOPIC, 'd2', null)
  kafka.append(TOPIC, 'd3', Buffer.from('not json'))
  kafka.append(TOPIC, null, device())
  kafka.append(TOPIC, 'd4', device({ deviceId: 'd4', bus: 'zwave' }))
  const devices = table(kafka)
  await devices.start()
  expect(devices.size).toBe(2)
  expect(devices.get('d1')?.name).toBe('new')
  expect(devices.get('d2')).toBeUndefined()
  expect(devices.onBus('zwave').map((one) => one.deviceId)).toEqual(['d4'])
})

test('starts on an empty topic, and tells listeners of what comes, changes and goes', async () => {
  const kafka = new FakeLog()
  kafka.createTopic(TOPIC)
  const devices = table(kafka)
  await devices.start()
  const heard: unknown[] = []
  const unlisten = devices.listen((deviceId, now, before) => heard.push([deviceId, now?.name, before?.name]))
  kafka.append(TOPIC, 'd1', device({ name: 'a' }))
  kafka.append(TOPIC, 'd1', device({ name: 'b' }))
  kafka.append(TOPIC, 'd1', null)
  kafka.append(TOPIC, 'd9', null)
  await vi.waitFor(() => expect(heard).toHaveLength(3))
  expect(heard).toEqual([
    ['d1', 'a', undefined],
    ['d1', 'b', 'a'],
    ['d1', undefined, 'b'],
  ])
  unlisten()
  kafka.append(TOPIC, 'd2', device({ deviceId: 'd2' }))
  await vi.waitFor(() => expect(devices.get('d2')).toBeDefined())
  expect(heard).toHaveLength(3)
})

test('a topic that does not exist is told by name', async () => {
  await expect(table(new FakeLog()).start()).rejects.toThrow(new UnknownTopicError(`the topic ${TOPIC} does not exist`))
})

test.each([new KafkaUnavailableError('away'), new OffsetOutOfRangeError('deleted')])(
  'goes on after %o',
  async (error) => {
    const kafka = new FakeLog()
    kafka.createTopic(TOPIC)
    const devices = table(kafka)
    await devices.start()
    kafka.pollError = error
    kafka.append(TOPIC, 'd1', device())
    await vi.waitFor(() => expect(devices.get('d1')).toBeDefined(), 3000)
  },
)
