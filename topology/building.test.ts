import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { topics } from '../schemas/topics.ts'
import type { Command, RuleEvaluation } from '../schemas/types.ts'
import { stores } from './store-names.ts'
import { BuildingDriver } from './testing/building-driver.ts'
import { actuator, NOON_MS, roomRules } from './testing/fixtures.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let building: BuildingDriver
const start = async (startMs = NOON_MS) => {
  building = await BuildingDriver.create({}, startMs)
  building.devices(actuator('light'), actuator('blinds'), actuator('radiator'))
  building.evaluations()
}
beforeEach(() => start())
afterEach(() => building.close())

const brief = (commands: readonly Command[]) => commands.map((c) => `${c.issuer} ${c.deviceId} ${c.value}`)
const sent = () => {
  const commands = building.commands()
  building.obey(commands)
  return brief(commands)
}
const told = (rule: string): readonly RuleEvaluation[] => building.evaluations().filter((e) => e.rule === rule)

describe('the rules of a room', () => {
  it('turn the radiator up for somebody and down for nobody', () => {
    building.reading('motion', 1)
    expect(sent()).toEqual(['rule:radiator-up valve 90'])
    building.pass(10 * MINUTE)
    expect(sent()).toEqual(['rule:radiator-down valve 10'])
    building.reading('motion', 1)
    expect(sent()).toEqual(['rule:radiator-up valve 90'])
  })

  it('close the blinds in humid air, and open them neither while it is humid nor because it is dry again', () => {
    building.reading('humidity', 55)
    expect(sent()).toEqual(['rule:blinds-close blinds 0'])
    building.reading('humidity', 48)
    building.reading('humidity', 46)
    building.reading('humidity', 49)
    expect(sent()).toEqual([])
  })

  it('open the blinds by day for somebody in the dark', () => {
    building.reading('luminance', 60)
    building.reading('motion', 1)
    expect(sent()).toContain('rule:blinds-open blinds 100')
  })

  it('let humid air keep the blinds closed although it is dark, until it is dry', () => {
    building.reading('humidity', 55)
    building.reading('luminance', 60)
    building.evaluations()
    building.reading('motion', 1)
    expect(sent()).toEqual(['rule:blinds-close blinds 0', 'rule:lights lamp 0', 'rule:radiator-up valve 90'])
    expect(told('blinds-open')[0]).toMatchObject({
      result: 'conditions_not_met',
      reason: expect.stringContaining('but blinds-close comes first'),
      commandId: null,
    })
    building.reading('humidity', 47)
    expect(sent()).toEqual(['rule:blinds-open blinds 100'])
  })

  it('switch the light on in the evening for somebody and off for nobody', async () => {
    await building.close()
    await start(Date.UTC(2026, 9, 15, 18))
    building.reading('luminance', 300)
    building.reading('motion', 1)
    expect(sent()).toEqual(['rule:radiator-up valve 90', 'rule:lights lamp 100'])
    building.reading('luminance', 300)
    building.pass(10 * MINUTE)
    expect(sent()).toEqual(['rule:radiator-down valve 10', 'rule:lights lamp 0'])
  })

  it('switch the light on when it is too dark by day, and off when it is light again', () => {
    building.reading('luminance', 19)
    expect(sent()).toEqual(['rule:lights lamp 100'])
    building.pass(5_000)
    building.reading('luminance', 34)
    expect(sent()).toEqual([])
    building.reading('luminance', 340)
    expect(sent()).toEqual(['rule:lights lamp 0'])
  })

  it('go by thresholds and switches of the room, at once when they change, and by the defaults when they are taken away', () => {
    building.reading('humidity', 55)
    building.reading('motion', 1)
    sent()
    building.rules(roomRules({ radiatorOccupiedPercent: 70, humidityAbovePercent: 60, blindsOpen: false }))
    expect(sent()).toEqual(['rule:radiator-up valve 70'])
    expect(building.evaluations().map((e) => `${e.rule} ${e.result}`)).toEqual(
      expect.arrayContaining(['blinds-close conditions_not_met', 'blinds-open disabled']),
    )
    building.reading('humidity', 61)
    expect(sent()).toEqual([])
    building.rules(null)
    expect(sent()).toEqual(['rule:radiator-up valve 90'])
  })

  it('move every device of a kind that is in the room', () => {
    building.devices(actuator('light', { deviceId: 'lamp-2' }))
    building.reading('luminance', 5)
    expect(sent()).toEqual(['rule:lights lamp 100', 'rule:lights lamp-2 100'])
  })

  it('leave a device alone that went to another room or was taken away', () => {
    building.devices(actuator('light', { roomId: 'r2' }))
    building.send(topics.devices, 'blinds', null)
    building.reading('luminance', 5)
    building.reading('humidity', 60)
    expect(sent()).toEqual([])
    building.reading('luminance', 5, { roomId: 'r2', deviceId: 's2' })
    expect(building.commands()).toMatchObject([{ deviceId: 'lamp', roomId: 'r2' }])
  })

  it('send nothing to a device that is there already', () => {
    building.level('radiator', 'valve', 90.2)
    building.level('light', 'lamp', 0)
    building.reading('luminance', 300)
    building.reading('motion', 1)
    expect(sent()).toEqual([])
    expect(told('radiator-up').at(-1)).toMatchObject({ result: 'unchanged', commandId: null, targetValue: 90 })
  })

  it('give a command that failed again when its life is over, once per life, while it is wanted', () => {
    building.reading('motion', 1)
    const [command] = building.commands()
    building.result(command as Command, 'timed_out')
    building.level('radiator', 'valve', 30)
    building.pass(MINUTE)
    building.reading('motion', 1)
    expect(building.commands()).toEqual([])
    building.pass(MINUTE)
    building.reading('motion', 1)
    building.reading('motion', 1)
    expect(sent()).toEqual(['rule:radiator-up valve 90'])
    building.pass(10 * MINUTE)
    expect(sent()).toEqual(['rule:radiator-down valve 10'])
  })

  it('know nothing of other rooms', () => {
    building.reading('motion', 1, { roomId: 'r9', deviceId: 's9' })
    expect(building.commands()).toEqual([])
    expect(building.occupancy('r9')).toMatchObject({ present: true })
    expect(building.occupancy('r1')).toBeUndefined()
  })
})

describe('the time of day', () => {
  it.each([
    ['an ordinary day', '2026-10-15T16:58:00Z', '2026-10-15T17:00:00Z'],
    ['the day the clock goes back', '2026-10-25T17:58:00Z', '2026-10-25T18:00:00Z'],
    ['the day the clock goes ahead', '2026-03-29T16:58:00Z', '2026-03-29T17:00:00Z'],
  ])('lights an occupied room at 19:00 by itself on %s', async (_, from, evening) => {
    await building.close()
    await start(Date.parse(from))
    building.reading('luminance', 300)
    building.reading('motion', 1)
    sent()
    building.pass(MINUTE + 59_000)
    expect(sent()).toEqual([])
    building.pass(1_000)
    const [command] = building.commands()
    expect(command).toMatchObject({ deviceId: 'lamp', value: 100, issuedAtMs: Date.parse(evening) })
    expect(command?.commandId).toBe(`lights:lamp:clock@${evening.slice(0, 10)}T19:00`)
    expect(command?.causes.map((c) => c.kind)).toEqual(['motion'])
  })

  it('ends the night at 7:00', async () => {
    await building.close()
    await start(Date.parse('2026-10-15T04:55:00Z'))
    building.reading('luminance', 300)
    building.reading('motion', 1)
    expect(sent()).toContain('rule:lights lamp 100')
    building.reading('luminance', 300)
    building.pass(5 * MINUTE)
    expect(sent()).toEqual(['rule:lights lamp 0'])
  })

  it('is that of the room', () => {
    building.rules(roomRules({ timeZone: 'Asia/Tokyo' }))
    building.reading('luminance', 300)
    building.reading('motion', 1)
    expect(sent()).toContain('rule:lights lamp 100')
  })
})

describe('an evaluation', () => {
  it('says why a rule did not fire, once for as long as nothing changes', () => {
    building.reading('luminance', 180)
    building.reading('motion', 1)
    building.evaluations()
    building.reading('luminance', 181)
    building.reading('motion', 1)
    building.reading('humidity', 30)
    building.reading('temperature', 30)
    expect(building.evaluations().map((e) => `${e.rule}: ${e.reason}`)).toEqual([
      'blinds-close: humidity 30 % is not above 50 %',
    ])
  })

  it.each([
    ['nobody is there', 'blinds-open', 'nobody is present', () => building.pass(10 * MINUTE)],
    ['it is light', 'blinds-open', 'luminance 180 lx is not below 100 lx', () => building.reading('luminance', 180)],
    [
      'nothing was measured',
      'blinds-close',
      'humidity has never been measured',
      () => building.devices(actuator('blinds', { deviceId: 'blinds-2' })),
    ],
  ] as const)('tells in plain words that %s', (_, rule, reason, happens) => {
    building.reading('luminance', 60)
    building.reading('motion', 1)
    sent()
    building.pass(5_000)
    happens()
    expect(told(rule).map((e) => e.reason)).toContain(reason)
  })

  it('points at the readings behind a command, and at the command', () => {
    building.reading('luminance', 60)
    building.reading('motion', 1, { deviceId: 's2' })
    const command = building.commands().find((c) => c.deviceId === 'blinds')
    expect(command?.causes).toEqual([
      {
        topic: 'building.readings',
        partition: 0,
        offset: 1,
        deviceId: 's2',
        kind: 'motion',
        value: 1,
        timeMs: NOON_MS,
      },
      {
        topic: 'building.readings',
        partition: 0,
        offset: 0,
        deviceId: 's1',
        kind: 'luminance',
        value: 60,
        timeMs: NOON_MS,
      },
    ])
    expect(command).toMatchObject({
      commandId: 'blinds-open:blinds:building.readings-0@1',
      expiresAtMs: NOON_MS + 2 * MINUTE,
      roomId: 'r1',
      kind: 'blinds',
    })
    expect(told('blinds-open').at(-1)).toMatchObject({
      result: 'fired',
      commandId: command?.commandId,
      causes: command?.causes,
      targetValue: 100,
      reason: 'it is before 19:00, and somebody is present, and luminance 60 lx is below 100 lx: blinds open',
    })
  })
})

describe('occupancy', () => {
  it('tells each change once, with its evidence', () => {
    building.reading('motion', 0)
    building.reading('motion', 1)
    building.reading('motion', 1, { eventTimeMs: NOON_MS + 1 })
    building.reading('motion', 0, { eventTimeMs: NOON_MS + 2 })
    building.pass(11 * MINUTE)
    expect(building.occupancies().map((o) => [o.present, o.since - NOON_MS])).toEqual([
      [false, 0],
      [true, 0],
      [false, 10 * MINUTE + 1],
    ])
    expect(building.occupancy()?.evidence.map((e) => e.value)).toEqual([0, 1])
  })

  it('ends by stream time as well, where the wall clock stands still', () => {
    building.reading('motion', 1)
    const laterMs = NOON_MS + 11 * MINUTE
    building.reading('temperature', 20, { eventTimeMs: laterMs, receivedAtMs: laterMs, roomId: 'r2', deviceId: 's2' })
    expect(building.occupancy()).toMatchObject({ present: false, since: NOON_MS + 10 * MINUTE })
  })

  it('does not count motion that the bus replays', () => {
    building.reading('motion', 1, { retained: true })
    expect(building.occupancy()).toBeUndefined()
    expect(building.commands()).toEqual([])
  })
})

describe('room averages', () => {
  const window = NOON_MS

  it('are one record per window with all kinds, forwarded at each reading', () => {
    building.reading('temperature', 20)
    building.reading('humidity', 40)
    building.reading('temperature', 23, { deviceId: 's2' })
    expect(building.averages()).toHaveLength(3)
    expect(building.window('r1', window)).toEqual({
      roomId: 'r1',
      windowStartMs: window,
      windowEndMs: window + 5 * MINUTE,
      temperature: { count: 2, mean: 21.5, min: 20, max: 23 },
      humidity: { count: 1, mean: 40, min: 40, max: 40 },
      luminance: null,
    })
  })

  it('take readings out of order within grace, and drop late ones', () => {
    const at = (eventTimeMs: number) => ({ eventTimeMs, receivedAtMs: eventTimeMs })
    building.reading('temperature', 20, at(window + 4 * MINUTE))
    building.reading('temperature', 30, at(window + 5 * MINUTE + 59_000))
    building.reading('temperature', 22, at(window + 3 * MINUTE))
    expect(building.window('r1', window)?.temperature).toMatchObject({ count: 2, mean: 21 })
    building.reading('temperature', 30, at(window + 6 * MINUTE))
    building.reading('temperature', 99, at(window + 2 * MINUTE))
    expect(building.window('r1', window)?.temperature).toMatchObject({ count: 2, mean: 21 })
    expect(building.driver.dropped.get('late')).toBe(1)
  })

  it('keep three hours of history', () => {
    building.reading('temperature', 20)
    const laterMs = NOON_MS + 3 * HOUR
    building.reading('temperature', 20, { eventTimeMs: laterMs, receivedAtMs: laterMs })
    expect(building.window('r1', window)).toBeDefined()
  })

  it('count a reading once that the bus repeats', () => {
    for (let i = 0; i < 3; i++) building.reading('temperature', 20, { sequence: 7 })
    building.reading('temperature', 20, { sequence: 8 })
    expect(building.window('r1', window)?.temperature).toMatchObject({ count: 2 })
  })

  it('count each reading once of a thousand that a broker sends again, since nobody told it that they arrived', () => {
    const send = () => {
      for (let sequence = 0; sequence < 1_000; sequence++)
        building.reading('temperature', 20, { sequence, eventTimeMs: NOON_MS + sequence })
    }
    send()
    send()
    expect(building.window('r1', window)?.temperature).toMatchObject({ count: 1_000 })
  })

  it('count a reading once that is numbered and has no time of its own, whenever it comes again', () => {
    for (const [second, sequence] of [7, 8, 7, 8, null, null].entries()) {
      const arrivedMs = NOON_MS + second * 1_000
      building.reading('temperature', 20, { sequence, eventTimeMs: arrivedMs, receivedAtMs: arrivedMs })
    }
    expect(building.window('r1', window)?.temperature).toMatchObject({ count: 4 })
  })

  it('count as two what two kinds or two devices measured alike', () => {
    building.reading('humidity', 20)
    building.reading('luminance', 20)
    building.reading('luminance', 20, { deviceId: 's2' })
    expect(building.window('r1', window)).toMatchObject({ humidity: { count: 1 }, luminance: { count: 2 } })
  })
})

describe('the state of a device', () => {
  it('has its last values, its last command and what became of it', () => {
    building.reading('motion', 1)
    const [command] = building.commands()
    building.obey([command as Command])
    building.level('radiator', 'valve', 12, { eventTimeMs: NOON_MS - 5 })
    expect(building.deviceState('valve')).toMatchObject({
      roomId: 'r1',
      values: [{ kind: 'radiator', value: 90, timeMs: NOON_MS }],
      lastCommand: { commandId: command?.commandId },
      lastResult: { status: 'confirmed' },
    })
  })
})

describe('the topology', () => {
  it('has two sub-topologies and one repartition topic between them', () => {
    const text = building.driver.producedTopicNames().join(' ')
    building.reading('motion', 1)
    const produced = building.driver.producedTopicNames()
    expect(text).not.toBe('')
    expect(produced.filter((t) => t.endsWith('-repartition'))).toEqual(['test-room-events-repartition'])
  })

  it('has the stores under the names that queries use', () => {
    for (const name of [stores.occupancy, stores.deviceStates, stores.devices, stores.rules, stores.roomStates])
      expect(building.driver.getKeyValueStore(name)).toBeDefined()
    for (const name of [stores.roomAverages, stores.readReadings])
      expect(building.driver.getWindowStore(name)).toBeDefined()
  })
})
