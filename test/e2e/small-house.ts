import type { DeviceConfig, HouseConfig, RoomConfig } from '../../topology/rooms-config.ts'

/** Rooms whose sensors are the test's own (MQTT) and whose lamp, blinds and radiator are on KNX. */
export function smallHouse(roomIds: readonly string[], timeZone: string): HouseConfig {
  return { name: 'Small house', timeZone, floors: [{ floor: '1', rooms: roomIds.map(room) }] }
}

function room(roomId: string, index: number): RoomConfig {
  const kinds = ['temperature', 'humidity', 'luminance', 'motion'] as const
  const sensor: DeviceConfig = {
    deviceId: `sensor-${roomId}`,
    name: `Sensor of ${roomId}`,
    type: 'sensor',
    kinds,
    mqtt: { topic: `building/${roomId}/sensor-${roomId}` },
  }
  const onKnx = (kind: 'light' | 'blinds' | 'radiator', type: DeviceConfig['type'], middle: number): DeviceConfig => ({
    deviceId: `${kind}-${roomId}`,
    name: `${kind} of ${roomId}`,
    type,
    kinds: [kind],
    knx: [{ kind, write: `1/${middle}/${index + 1}`, status: `4/${middle}/${index + 1}` }],
  })
  return {
    roomId,
    name: roomId,
    devices: [sensor, onKnx('light', 'dimmer', 3), onKnx('blinds', 'blinds', 1), onKnx('radiator', 'radiator', 2)],
  }
}
