import { describe, expect, it } from 'vitest'
import { readEtsExport } from './ets-export.ts'
import { groupDevices } from './group-devices.ts'
import { readMapping } from './group-mapping.ts'

/** `name;address;dpt` a line; `mapping` as YAML. */
function imported(rows: string, mapping = '') {
  const { groups, problems } = readEtsExport(Buffer.from(`Group name;Address;DatapointType;Central\n${rows}`))
  expect(problems).toEqual([])
  const read = readMapping(mapping)
  expect(read.problems).toEqual([])
  const { devices, rooms, outcomes } = groupDevices(groups, read.mapping)
  const unused = outcomes.flatMap((one) => (one.unused === undefined ? [] : [`${one.group.name}: ${one.unused}`]))
  const lines = devices.flatMap(({ deviceId, knx }) =>
    (knx?.groups ?? []).map(
      ({ kind, write, status, dpt, statusDpt, inverted }) =>
        `${deviceId} ${kind} ${write} ${status} ${dpt}${statusDpt === null ? '' : ` ${statusDpt}`}${inverted ? ' inverted' : ''}`,
    ),
  )
  return { devices, rooms, lines, unused, outcomes }
}

describe('devices from group addresses', () => {
  it('are made of names as "room - device - function"', () => {
    const { lines, unused, devices, rooms } = imported(`Kitchen - Ceiling lamp - Switch;1/0/1;DPST-1-1
Kitchen - Ceiling lamp - Switch - Status;1/0/2;DPST-1-1
Kitchen - Ceiling lamp - Dimming;1/0/3;DPST-3-7
Kitchen - Ceiling lamp - Value;1/0/4;DPST-5-1
Kitchen - Ceiling lamp - Value status;1/0/5;DPST-5-1
Kitchen - Temperature;3/0/1;DPST-9-1
Kitchen - Set point temperature;3/0/2;DPST-9-1
Büro EG - Jalousie Süd - Auf/Ab;2/0/1;DPST-1-8
Büro EG - Jalousie Süd - Position;2/0/2;DPST-5-1
Büro EG - Jalousie Süd - Position Rückmeldung;2/0/3;DPST-5-1
Büro EG - Jalousie Süd - Lamelle;2/0/4;DPST-5-1
Büro EG - Heizung - Stellgröße;4/0/1;DPST-5-1
Büro EG - Heizung - Stellgröße RM;4/0/2;DPST-5-1
Büro EG - Melder - Präsenz;5/0/1;DPST-1-18
Büro EG - Melder - Helligkeit;5/0/2;DPST-9-4
Büro EG - Melder - Luftfeuchtigkeit;5/0/3;DPST-9-7
Bain - Prise - Marche;6/0/1;DPST-1-1
Bain - Prise - Etat;6/0/2;DPST-1-1
Bain - Volet - Montée;6/0/3;DPST-1-8
Bain - Volet - Position état;6/0/4;DPST-5-1`)
    expect(lines).toEqual([
      'kitchen-ceiling-lamp light 1/0/4 1/0/5 5.001',
      'kitchen-temperature temperature null 3/0/1 9.001',
      'buero-eg-jalousie-sued blinds 2/0/2 2/0/3 5.001 inverted',
      'buero-eg-heizung radiator 4/0/1 4/0/2 5.001',
      'buero-eg-melder motion null 5/0/1 1.018',
      'buero-eg-melder luminance null 5/0/2 9.004',
      'buero-eg-melder humidity null 5/0/3 9.007',
      'bain-prise switch 6/0/1 6/0/2 1.001',
      'bain-volet blinds 6/0/3 6/0/4 1.008 5.001 inverted',
    ])
    expect(unused).toEqual([
      'Kitchen - Ceiling lamp - Switch: light of kitchen-ceiling-lamp has 1/0/4 (5.001) for that already',
      'Kitchen - Ceiling lamp - Switch - Status: light of kitchen-ceiling-lamp has 1/0/5 (5.001) for that already',
      'Kitchen - Ceiling lamp - Dimming: the building has no use for the datapoint type 3.007 (Control_Dimming)',
      'Kitchen - Set point temperature: "Set point temperature" is nothing that the building sets or measures',
      'Büro EG - Jalousie Süd - Auf/Ab: blinds of buero-eg-jalousie-sued has 2/0/2 (5.001) for that already',
      'Büro EG - Jalousie Süd - Lamelle: "Lamelle" is nothing that the building sets or measures',
    ])
    expect(devices.map(({ deviceId, type }) => `${deviceId} ${type}`)).toEqual([
      'kitchen-ceiling-lamp dimmer',
      'kitchen-temperature sensor',
      'buero-eg-jalousie-sued blinds',
      'buero-eg-heizung radiator',
      'buero-eg-melder multisensor',
      'bain-prise switch',
      'bain-volet blinds',
    ])
    expect(rooms).toEqual([
      { roomId: 'kitchen', name: 'Kitchen', floor: '0' },
      { roomId: 'buero-eg', name: 'Büro EG', floor: '0' },
      { roomId: 'bain', name: 'Bain', floor: '0' },
    ])
  })

  it('are not made where it is not certain what an address is: each says why', () => {
    const { lines, unused, outcomes } = imported(`Everything off;0/0/1;DPST-1-1
Hall - All - Switch;0/0/2;DPST-1-1;x
Hall - Something;1/0/1;DPST-5-1
Hall - Window contact;1/0/2;DPST-1-19
Hall - Wind;1/0/3;DPST-99-1
Hall - Lamp - Switch;1/0/4;
Hall - Lamp - On;1/0/5;soon
Hall - Lamp - Value;1/0/6;DPT-5
Hall - Temperature;1/0/7;
Hall - Lux;1/0/8;DPT-9
Hall - Value;1/0/9;DPT-9`)
    expect(unused).toEqual([
      'Everything off: no name pattern fits (Room - Device - Function, or one under names in the mapping file)',
      'Hall - All - Switch: it is a central function',
      'Hall - Something: the name does not tell whether it is blinds, radiator, light, humidity, battery',
      'Hall - Window contact: the building has no use for the datapoint type 1.019 (Window_Door)',
      'Hall - Wind: the datapoint type DPST-99-1 is not known',
      'Hall - Lamp - Switch: the export names no datapoint type',
      'Hall - Lamp - On: "soon" is no datapoint type',
      'Hall - Value: DPT-9 is a main type only, and the name does not tell which of its types it is',
    ])
    expect(lines).toEqual([
      'hall-lamp light 1/0/6 null 5.001',
      'hall-temperature temperature null 1/0/7 9.001',
      'hall-luminance luminance null 1/0/8 9.004',
    ])
    expect(outcomes.map((one) => ('note' in one ? one.note : undefined)).filter(Boolean)).toEqual([
      'the export says only DPT-5: taken as 5.001',
      'the export names no datapoint type: taken as 9.001',
      'the export says only DPT-9: taken as 9.004',
    ])
  })

  it('follow the mapping file: patterns over the groups, rooms, functions, single addresses, blinds the other way round', () => {
    const mapping = `
names: ['{floor} / {function} / {room} {device}', '* {room}: {function}']
floor: ground
blindsOpenAt: 100
rooms:
  R12: { id: room-12, floor: '1' }
  Hall: entrance
functions:
  Storen: { kind: blinds }
  Rest: ignore
addresses:
  1/0/9: { room: R12, device: Extra, kind: light, role: write, dpt: '5.001' }
  1/0/8: ignore
`
    const { lines, rooms, devices, unused } = imported(
      `First;1/-/-;
Storen;1/0/-;
Rest;1/1/-;
R12 South;1/0/1;DPST-5-1
R12 North;1/0/8;DPST-5-1
???;1/0/9;
R12 West;1/1/1;DPST-1-1
about Hall: Temperatur;1/2/1;DPST-9-1`,
      mapping,
    )
    expect(lines).toEqual([
      'room-12-south blinds 1/0/1 null 5.001',
      'room-12-extra light 1/0/9 null 5.001',
      'entrance-temperature temperature null 1/2/1 9.001',
    ])
    expect(rooms).toEqual([
      { roomId: 'room-12', name: 'R12', floor: '1' },
      { roomId: 'entrance', name: 'Hall', floor: 'ground' },
    ])
    expect(devices[0]).toMatchObject({ floor: '1', name: 'South', bus: 'knx' })
    expect(unused).toEqual(['R12 North: the mapping file says so', 'R12 West: the mapping file says so'])
  })

  it('never mix rooms: those of one name on two floors, and those whose names run together', () => {
    const { lines, rooms } = imported(`EG - Bad - Licht - Schalten;1/0/1;DPST-1-1
1.OG - Bad - Licht - Schalten;1/1/1;DPST-1-1
1.OG - Bad - Licht - Status;1/1/2;DPST-1-1
Saal 1 - Lampe - Schalten;1/2/1;DPST-1-1
Saal - 1 Lampe - Schalten;1/2/2;DPST-1-1
Saal - 1 Lampe - Status;1/2/3;DPST-1-1`)
    expect(lines).toEqual([
      'eg-bad-licht light 1/0/1 null 1.001',
      '1-og-bad-licht light 1/1/1 1/1/2 1.001',
      'saal-1-lampe light 1/2/1 null 1.001',
      'saal--1-lampe light 1/2/2 1/2/3 1.001',
    ])
    expect(rooms.map(({ roomId, name, floor }) => `${roomId} ${name} ${floor}`)).toEqual([
      'eg-bad Bad EG',
      '1-og-bad Bad 1.OG',
      'saal-1 Saal 1 0',
      'saal Saal 0',
    ])
    const mapped = imported(
      'EG - Bad - Lux;1/0/1;DPST-9-4\nOG - Bad - Lux;1/0/2;DPST-9-4',
      'rooms: { EG Bad: bath, Bad: { floor: top } }',
    )
    expect(mapped.lines).toEqual([
      'bath-luminance luminance null 1/0/1 9.004',
      'og-bad-luminance luminance null 1/0/2 9.004',
    ])
  })

  it('are the same whatever the order of the lines', () => {
    const rows = [
      'A - Lamp - Value status;1/0/2;DPST-5-1',
      'A - Lamp - Value;1/0/1;DPST-5-1',
      'A - Lamp - Switch;1/0/3;DPST-1-1',
    ]
    expect(imported(rows.join('\n')).lines).toEqual(['a-lamp light 1/0/1 1/0/2 5.001'])
    expect(imported(rows.join('\n')).lines).toEqual(imported(rows.reverse().join('\n')).lines)
  })
})

describe('a mapping file', () => {
  it('says of each part that cannot be used why, with its line, and uses the others', () => {
    const { mapping, problems } = readMapping(`names:
  - '{room}{function}'
  - '{room} - {what}'
  - '{device} only'
  - '{room} - {function}'
blindsOpenAt: 50
rooms:
  Kitchen: { id: kitchen, flor: 1 }
  Bath: bath
addresses:
  32/0/0: ignore
  1/0/1: { kind: warmth }
  1/0/2: { dpt: 5.010 }
  1/0/3: { role: both }
`)
    expect(problems.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      '2: the name pattern "{room}{function}" needs something between its parts',
      '3: the name pattern "{room} - {what}" may have each of {floor}, {room}, {device}, {function} once, not {what}',
      '4: the name pattern "{device} only" needs {room}',
      '6: blindsOpenAt has to be 0 or 100, not 50',
      '8: there is no "flor" here; there is id, floor',
      '11: "32/0/0" is not a KNX group address such as 1/0/2',
      '12: there is no kind "warmth" on KNX',
      '13: the datapoint type has to be in quotation marks, such as "5.001"',
      '14: role has to be write or status, not "both"',
    ])
    expect([mapping.names.length, [...mapping.rooms], mapping.blindsOpenAt]).toEqual([1, [['bath', { id: 'bath' }]], 0])
  })

  it('says which part of it is none', () => {
    expect(readMapping('names: []\ncolour: red').problems).toEqual([
      {
        line: 1,
        reason: 'there is no "colour" here; there is names, floor, blindsOpenAt, rooms, functions, addresses',
      },
    ])
  })

  it('says where it is no YAML', () => {
    expect(readMapping('names: [\n')).toMatchObject({ problems: [{ line: 2 }] })
    expect(readMapping('').problems).toEqual([])
    expect(readMapping('- a').problems).toHaveLength(1)
  })
})
