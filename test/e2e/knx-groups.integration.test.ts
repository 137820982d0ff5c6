import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { GroupTelegram } from '../../connectors/knx/cemi.ts'
import { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

const EXPORT = `<?xml version="1.0" encoding="utf-8"?>
<GroupAddress-Export xmlns="http://knx.org/xml/ga-export/01">
  <GroupRange Name="Küche">
    <GroupAddress Name="Jalousie: Position" Address="2/0/1" DPTs="DPST-5-1" />
    <GroupAddress Name="Jalousie: Position RM" Address="2/0/2" DPTs="DPST-5-1" />
    <GroupAddress Name="Klima: Temperatur" Address="3/0/1" DPTs="DPST-9-1" />
    <GroupAddress Name="Klima: Sollwert" Address="3/0/2" DPTs="DPST-9-1" />
  </GroupRange>
</GroupAddress-Export>`
const MAPPING = "names: ['{room} / {device}: {function}']\nrooms: { Küche: { id: room-7, floor: '2' } }\n"

const gateways: GatewaySimulator[] = []
afterEach(async () => {
  await cleanUp()
  for (const gateway of gateways.splice(0)) await gateway.stop()
})

interface Room {
  readonly name: string
  readonly floor: string
  readonly devices: readonly { readonly deviceId: string; readonly values: readonly { readonly value: number }[] }[]
}

test('a building on an ETS export: its devices are heard and set, and a start writes nothing', async () => {
  const gateway = new GatewaySimulator({
    datapoints: [
      { write: '2/0/1', status: '2/0/2', dpt: '5.001', initial: 0 },
      { status: '3/0/1', dpt: '9.001', initial: 20.5 },
    ],
  })
  gateways.push(gateway)
  const { port } = await gateway.start()
  const telegrams: GroupTelegram[] = []
  gateway.onTelegram((telegram) => telegrams.push(telegram))
  const directory = freshDirectory()
  await writeFile(join(directory, 'house.xml'), EXPORT)
  await writeFile(join(directory, 'house.yaml'), MAPPING)
  const building = await BuildingProcess.start({
    env: {
      ...(await freshSettings()),
      BROOK_SIMULATE: 'none',
      BROOK_KNX_GATEWAY: `127.0.0.1:${port}`,
      BROOK_KNX_GROUPS: join(directory, 'house.xml'),
    },
  })
  const room = await eventually('the room shows what its devices answered', async () => {
    const { status, body } = await building.get<Room>('/v1/rooms/room-7')
    return status === 200 && body.devices.length === 2 && body.devices.every(({ values }) => values.length > 0)
      ? body
      : undefined
  })
  expect([room.name, room.floor]).toEqual(['Küche', '2'])
  expect(room.devices.map(({ deviceId, values }) => `${deviceId} ${values[0]?.value}`)).toEqual([
    'room-7-jalousie 100',
    'room-7-klima 20.5',
  ])
  expect(telegrams.filter(({ service }) => service === 'GroupValue_Write')).toEqual([])
  const command = { deviceId: 'room-7-jalousie', kind: 'blinds', value: 30 }
  expect((await building.post('/v1/commands', command)).status).toBe(202)
  await eventually('the blinds are told in percent of closing', () =>
    gateway.value('2/0/1') === 70 ? true : undefined,
  )
  await building.interrupt()
  expect(gateway.tunnels).toBe(0)
})
