import { beforeEach, describe, expect, it } from 'vitest'
import type { Device } from '../../schemas/types.ts'
import type { DeviceListener } from '../device-table.ts'
import { NodeRegistry, type UnclaimedValue } from './node-registry.ts'
import { zwaveDevice } from './testing/building.ts'

describe('the registry of nodes', () => {
  let devices: Map<string, Device>
  let listeners: Set<DeviceListener>
  let claimed: string[]
  let registry: NodeRegistry

  beforeEach(() => {
    devices = new Map()
    listeners = new Set()
    claimed = []
    registry = new NodeRegistry(
      {
        onBus: () => [...devices.values()],
        listen: (listener) => {
          listeners.add(listener)
          return () => listeners.delete(listener)
        },
      },
      (nodeId, device, values) => void claimed.push(`${nodeId} ${device.deviceId} ${values.map((v) => v.value)}`),
    )
    registry.open()
  })

  const set = (device: Device): void => {
    const before = devices.get(device.deviceId)
    devices.set(device.deviceId, device)
    for (const listener of listeners) listener(device.deviceId, device, before)
  }
  const remove = (deviceId: string): void => {
    const before = devices.get(deviceId)
    devices.delete(deviceId)
    for (const listener of listeners) listener(deviceId, undefined, before)
  }
  const humidity = (value: number): UnclaimedValue => ({ kind: 'humidity', value, unit: 'percent', timeMs: value })

  it('follows devices that come, change their node, and go', () => {
    set(zwaveDevice(2))
    expect(registry.device(2)?.deviceId).toBe('z2')
    set(zwaveDevice(2, { zwave: { nodeId: 7 } }))
    expect([registry.device(2), registry.device(7)?.deviceId]).toEqual([undefined, 'z2'])
    remove('z2')
    expect(registry.device(7)).toBeUndefined()
  })

  it('gives a node that two devices claim to the one with the higher id, whichever came first', () => {
    set(zwaveDevice(2, { deviceId: 'b' }))
    set(zwaveDevice(2, { deviceId: 'a' }))
    expect(registry.device(2)?.deviceId).toBe('b')
  })

  it('hands the last values of a node nobody had to the device that claims it, once', () => {
    expect(registry.value(2, humidity(40))).toEqual({ device: undefined, first: true })
    expect(registry.value(2, humidity(41))).toEqual({ device: undefined, first: false })
    set(zwaveDevice(2))
    set(zwaveDevice(2, { name: 'renamed' }))
    expect(claimed).toEqual(['2 z2 41'])
    expect(registry.value(2, humidity(42))).toMatchObject({ device: { deviceId: 'z2' } })
  })

  it('keeps what nodes told over a new start, and forgets their state', () => {
    set(zwaveDevice(2))
    registry.state(2, 'dead', 1)
    registry.state(2, 'ready', 1)
    registry.value(2, humidity(5))
    expect(registry.statuses(10, 1000)).toMatchObject([
      { nodeId: 2, deviceId: 'z2', state: 'dead', ready: true, values: 1, lastSeenMs: 5 },
    ])
    registry.close()
    registry.open()
    expect(registry.statuses(10, 1000)[0]).toMatchObject({ state: 'unknown', ready: false, values: 1, lastSeenMs: 5 })
  })

  it('hears of no device any more once it is closed', () => {
    registry.close()
    expect(listeners.size).toBe(0)
  })
})
