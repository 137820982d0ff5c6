import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import type { Command, Reading, RoomAverage } from '../../schemas/types.ts'
import { type BuildingLog, type TopicRecord, withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { zoneWhereItIs } from './local-hour.ts'
import { needlessCommands } from './needless-commands.ts'

const KILLS = 3

/** The simulated house, with people and weather that go on changing, killed and started again and again. */
describe(`a lively house that is killed ${KILLS} times`, () => {
  let readings: readonly TopicRecord<Reading>[]
  let commands: readonly TopicRecord<Command>[]
  let averages: readonly TopicRecord<RoomAverage>[]
  let restartedMs: number | undefined

  beforeAll(async () => {
    const env = { ...(await freshSettings()), BROOK_TIME_ZONE: zoneWhereItIs(23) }
    for (let kill = 1; kill <= KILLS; kill++) {
      const building = await BuildingProcess.start({ env })
      await sleep(1_000 + Math.random() * 2_000)
      await building.kill()
      restartedMs ??= Date.now()
    }
    // A start without the house takes up what the kills have left behind, and nothing comes while it ends.
    const last = await BuildingProcess.start({ env: { ...env, BROOK_SIMULATE: 'none' } })
    await sleep(2_500)
    await last.interrupt()
    await withLog(env, async (log: BuildingLog) => {
      readings = await log.read(topics.readings)
      commands = await log.read(topics.commands)
      averages = await log.read(topics.roomAverages)
    })
  }, 120_000)
  afterAll(cleanUp)

  test('has gone on: there is something to judge', () => {
    expect(readings.length).toBeGreaterThan(100)
    expect(commands.length).toBeGreaterThan(5)
  })

  test('writes every command once', () => {
    const ids = commands.map(({ value }) => value.commandId)
    expect(ids).toEqual([...new Set(ids)])
  })

  test('sends a command only to a device that is not where it ought to be', () => {
    expect(needlessCommands(readings, commands, restartedMs as number)).toEqual([])
  })

  test('names a reading as the cause of every command', () => {
    const written = new Map(readings.map((record) => [`${record.partition}@${record.offset}`, record.value]))
    for (const { value } of commands) {
      expect(value.causes.length, value.commandId).toBeGreaterThan(0)
      for (const { topic, partition, offset, deviceId, kind } of value.causes) {
        expect(topic).toBe('building.readings')
        expect(written.get(`${partition}@${offset}`)).toMatchObject({ deviceId, kind })
      }
    }
  })

  test('counts every reading once in the averages', () => {
    const windowOf = (atMs: number) => Math.floor(atMs / 300_000) * 300_000
    const kinds = ['temperature', 'humidity', 'luminance'] as const
    const expected = new Map<string, Set<string>>()
    for (const { value: r } of readings) {
      if (!kinds.some((kind) => kind === r.kind) || r.quality !== 'good' || r.retained) continue
      const slot = `${r.roomId} ${windowOf(r.eventTimeMs)} ${r.kind}`
      const seen = expected.get(slot) ?? new Set()
      expected.set(slot, seen.add(`${r.deviceId} ${r.eventTimeMs} ${r.sequence} ${r.value}`))
    }
    const counted = new Map<string, number>()
    for (const { value } of averages)
      for (const kind of kinds)
        if (value[kind]) counted.set(`${value.roomId} ${value.windowStartMs} ${kind}`, value[kind].count)
    const slots = new Set([...expected.keys(), ...counted.keys()])
    const wrong = [...slots].filter((slot) => counted.get(slot) !== expected.get(slot)?.size)
    expect(
      wrong.map((slot) => ({ slot, counted: counted.get(slot), readings: [...(expected.get(slot) ?? [])] })),
    ).toEqual([])
  })
})
