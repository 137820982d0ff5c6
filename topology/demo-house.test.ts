import { describe, expect, it } from 'vitest'
import { demoHouse } from './demo-house.ts'
import { houseProblems, housePublications, roomIds } from './rooms-config.ts'

describe('the demo house', () => {
  it('has three floors and twelve rooms, each with all that the rules need', () => {
    const house = demoHouse()
    expect(house.floors.map((f) => f.rooms.length)).toEqual([4, 4, 4])
    const { devices, rules } = housePublications(house)
    expect(rules.map((r) => r.roomId)).toEqual(roomIds(house))
    for (const roomId of roomIds(house)) {
      const kinds = devices.filter((d) => d.roomId === roomId).flatMap((d) => d.kinds)
      expect(kinds).toEqual(
        expect.arrayContaining(['temperature', 'humidity', 'luminance', 'motion', 'light', 'blinds', 'radiator']),
      )
    }
    expect(new Set(devices.map((d) => d.bus))).toEqual(new Set(['zwave', 'mqtt', 'knx']))
  })

  it('addresses its devices as real ones are', () => {
    const { devices } = housePublications(demoHouse())
    const byId = new Map(devices.map((d) => [d.deviceId, d]))
    expect(byId.get('sensor-101')).toMatchObject({
      type: 'multisensor',
      bus: 'zwave',
      zwave: { nodeId: 2 },
      floor: '1',
    })
    expect(byId.get('dimmer-101')).toMatchObject({ zwave: { nodeId: 3 }, kinds: ['light'] })
    expect(byId.get('sensor-103')).toMatchObject({ bus: 'mqtt', mqtt: { topic: 'building/room-103/sensor-103' } })
    expect(byId.get('blinds-101')?.knx?.groups).toEqual([
      { kind: 'blinds', write: '1/1/1', status: '4/1/1', dpt: '5.001', statusDpt: null, inverted: false },
    ])
    expect(byId.get('switch-304')?.knx?.groups).toEqual([
      { kind: 'switch', write: '1/0/12', status: '4/0/12', dpt: '1.001', statusDpt: null, inverted: false },
    ])
  })

  it('spreads its rooms over the floors that are asked for', () => {
    const floors = (rooms: number, count: number) => demoHouse(rooms, { floors: count }).floors
    expect(floors(200, 4).map((floor) => floor.rooms.length)).toEqual([50, 50, 50, 50])
    expect(floors(200, 4)[1]?.rooms[0]?.roomId).toBe('room-201')
    expect(floors(500, 2)[1]?.rooms[0]?.roomId).toBe('room-20001')
    expect(houseProblems(demoHouse(500, { floors: 2 }))).toEqual([])
    expect(() => demoHouse(3, { floors: 4 })).toThrow('1 to 3 floors')
  })

  it('has no more Z-Wave nodes than are asked for', () => {
    const onZwave = (zwaveNodes: number) =>
      housePublications(demoHouse(12, { zwaveNodes })).devices.filter(({ bus }) => bus === 'zwave').length
    expect([onZwave(0), onZwave(5), onZwave(231)]).toEqual([0, 5, 20])
    expect(() => demoHouse(12, { zwaveNodes: 232 })).toThrow('0 to 231 nodes')
  })

  it.each([1, 12, 115, 300, 3_000])('of %i rooms has nothing wrong with it', (rooms) => {
    const house = demoHouse(rooms)
    expect(roomIds(house)).toHaveLength(rooms)
    expect(houseProblems(house)).toEqual([])
    for (const { knx, zwave } of housePublications(house).devices) {
      expect(zwave?.nodeId ?? 2).toBeLessThanOrEqual(232)
      for (const { write } of knx?.groups ?? []) {
        const [main = 0, middle = 0, sub = 0] = (write ?? '').split('/').map(Number)
        expect(main <= 31 && middle <= 7 && sub <= 255).toBe(true)
      }
    }
  })

  it.each([0, -1, 1.5, 3_001])('cannot have %d rooms', (rooms) => {
    expect(() => demoHouse(rooms)).toThrow(/1 to 3000 rooms/)
  })
})

describe('a house description', () => {
  it('is told everything that is wrong with it', () => {
    const lamp = { deviceId: 'lamp', name: 'Lamp', type: 'dimmer', kinds: ['light'], zwave: { nodeId: 2 } } as const
    const nowhere = { deviceId: 'ghost', name: 'Ghost', type: 'sensor', kinds: [] } as const
    const blinds = { deviceId: 'b', name: 'B', type: 'blinds', kinds: ['blinds'], knx: [] } as const
    const room = (roomId: string, ...devices: readonly (typeof lamp | typeof nowhere | typeof blinds)[]) => ({
      roomId,
      name: roomId,
      devices,
    })
    expect(
      houseProblems({
        name: 'h',
        timeZone: 'UTC',
        floors: [{ floor: '1', rooms: [room('a', lamp, nowhere), room('a', lamp, blinds)] }],
      }),
    ).toEqual([
      'there are two rooms a',
      'there are two devices lamp',
      'Z-Wave node 2 is given to lamp and lamp',
      'device ghost has no address on any bus',
      'device ghost measures and sets nothing',
      'device b has no group address for blinds',
    ])
  })

  it('may set rules of a room, and the time zone for all', () => {
    const { rules } = housePublications({
      name: 'h',
      timeZone: 'Asia/Tokyo',
      floors: [{ floor: '1', rooms: [{ roomId: 'a', name: 'A', devices: [], rules: { lights: false } }] }],
    })
    expect(rules).toMatchObject([{ roomId: 'a', timeZone: 'Asia/Tokyo', lights: false, blindsOpen: true }])
  })
})
