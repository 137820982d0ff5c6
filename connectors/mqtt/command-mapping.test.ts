import { describe, expect, it, test } from 'vitest'
import type { ConfigError } from '../../common/errors.ts'
import type { Command } from '../../schemas/types.ts'
import { device } from '../testing/fixtures.ts'
import { CommandMapping } from './command-mapping.ts'
import { TopicMapping } from './mapping.ts'
import { readMapping } from './mapping-file.ts'

const plug = device({ deviceId: 'plug', roomId: 'kitchen', bus: 'mqtt', kinds: ['switch'] })
const lamp = device({ deviceId: 'lamp', bus: 'mqtt', mqtt: { topic: 'building/r1/lamp' } })
const tell = (kind: Command['kind'], value: number) => ({ kind, value })

const MAPPING = `
rules: []
commands:
  - name: Tasmota
    devices: [outlet, pl*]
    kinds: [switch]
    topic: cmnd/<deviceId>/POWER
    payload: <value>
    map: { 0: 'OFF', 1: 'ON' }
    confirmedBy: broker
  - kinds: [light]
    topic: zigbee2mqtt/<roomId>/<deviceId>/set
    payload: '{"brightness": <value>}'
    range: [0, 254]
`

describe('a command on MQTT', () => {
  const { commands } = readMapping('m.yaml', () => MAPPING)

  it('is what the first rule for device and kind makes of it', () => {
    expect(commands.message(tell('switch', 1), plug)).toEqual({
      topic: 'cmnd/plug/POWER',
      payload: 'ON',
      confirmedBy: 'broker',
    })
    expect(commands.message(tell('light', 50), lamp)).toEqual({
      topic: 'zigbee2mqtt/r1/lamp/set',
      payload: '{"brightness": 127}',
      confirmedBy: 'reading',
    })
  })

  it('is Brook’s own form otherwise, under the topic of the device', () => {
    expect(commands.message(tell('blinds', 12.5), lamp)).toMatchObject({
      topic: 'building/r1/lamp/blinds/set',
      payload: '{"value": 12.5}',
    })
    expect(new TopicMapping().commands.message(tell('light', 0), lamp)).toMatchObject({ payload: '{"value": 0}' })
  })

  it.each([
    ['a value that is none', tell('light', 101), lamp, 'light is from 0 to 100, not 101'],
    ['a switch that is dimmed', tell('switch', 0.5), plug, 'a switch is 0 or 1, not 0.5'],
    ['a device without a topic', tell('blinds', 1), plug, 'plug has no MQTT topic, and its command rule asks for it'],
    ['a name that is a wildcard', tell('light', 1), { ...lamp, deviceId: 'a/#' }, 'no topic that a message can go to'],
  ])('is refused for %s', (_, command, to, reason) => {
    expect(commands.message(command, to)).toMatchObject({ refusal: expect.stringContaining(reason) })
  })

  it('is refused for a value that the map does not have, and where no rule is left', () => {
    const valve = new CommandMapping([{ topic: 'valve', map: { 0: 'shut', 100: 'open' } }], false)
    expect(valve.message(tell('radiator', 100), lamp)).toMatchObject({ topic: 'valve', payload: 'open' })
    expect(valve.message(tell('radiator', 50), lamp)).toEqual({ refusal: 'lamp cannot be told 50: its map has 0, 100' })
    expect(new CommandMapping([], false).message(tell('light', 1), lamp)).toEqual({
      refusal: 'the MQTT mapping has no command rule for light of lamp',
    })
  })
})

test.each([
  [
    'topic: a/<room>',
    ['m.yaml:4: command rule 1 has <room> in its topic: there are <deviceId>, <roomId>, <kind>, <topic>'],
  ],
  ['topic: a/#', ['m.yaml:4: command rule 1 has a wildcard in its topic: a message goes to one topic']],
  ['payload: x', ['m.yaml:4: command rule 1 has no topic']],
  ['{ topic: a, map: { on: 1 } }', ['m.yaml:4: command rule 1 has a map that does not say']],
  ['{ topic: a, map: { 1: on }, range: [0, 1] }', ['m.yaml:4: command rule 1 has both map and range']],
  ['{ topic: a, range: [3, 3] }', ['m.yaml:4: command rule 1 has a range that is not']],
  [
    '{ topic: a, confirmedBy: luck }',
    ['m.yaml:4: command rule 1 has confirmedBy "luck": it must be reading or broker'],
  ],
  [
    '{ topic: a, devices: lamp, kinds: [] }',
    ['has devices that are not a list of ids', 'has kinds that are not a list of kinds'],
  ],
  ['{ topic: a, qos: 2 }', ['has an unknown field "qos"']],
])('what is wrong with %s is told with its line', (rule, expected) => {
  let problems: readonly string[] = []
  try {
    readMapping('m.yaml', () => `rules: []\n\ncommands:\n  - ${rule}\n`)
  } catch (error) {
    problems = (error as ConfigError).problems
  }
  expect(problems).toEqual(expected.map((text) => expect.stringContaining(text)))
})
