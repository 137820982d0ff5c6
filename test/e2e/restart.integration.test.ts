import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { topics } from '../../schemas/topics.ts'
import { withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'
import { zoneWhereItIs } from './local-hour.ts'
import { Outside } from './outside.ts'
import { smallHouse } from './small-house.ts'

const KILLS = 5
const ROOMS = ['hall', 'attic', 'cellar']

let outside: Outside | undefined
afterEach(async () => {
  await cleanUp()
  await outside?.stop()
})

interface RoomStateDocument {
  readonly value: { readonly actuators: readonly { readonly deviceId: string; readonly override: unknown }[] }
}

/** Averages, occupancy and overrides of all rooms, as HTTP tells them. */
async function remembered(building: BuildingProcess) {
  return Promise.all(
    ROOMS.map(async (room) => ({
      room,
      averages: await building.get(`/v1/stores/room-averages/windows/${room}`),
      occupancy: await building.get(`/v1/stores/occupancy/keys/${room}`),
      overrides: (
        await building.get<RoomStateDocument>(`/v1/stores/room-states/keys/${room}`)
      ).body.value.actuators.map(({ deviceId, override }) => ({ deviceId, override })),
    })),
  )
}

test(`after ${KILLS} kills at any moment everything is as before, and no start has sent a command`, async () => {
  const house = smallHouse(ROOMS, zoneWhereItIs(12))
  outside = new Outside(house)
  await outside.start()
  const { effects } = outside
  const env = { ...(await freshSettings()), ...outside.env }
  await withLog(env, (log) => log.publish(house))

  let building = await BuildingProcess.start({ env })
  const publisher = await openPublisher({ url: building.mqttUrl, clientId: 'sensors' })
  const measure = (room: string, kind: string, value: number) =>
    publisher.publish(`building/${room}/sensor-${room}/${kind}`, JSON.stringify({ value }))
  // Somebody in the dark hall; humid air in the attic, and its lamp set by hand; nobody and nothing to do in the cellar.
  await measure('hall', 'luminance', 5)
  await measure('hall', 'motion', 1)
  await measure('attic', 'humidity', 70)
  await measure('attic', 'luminance', 300)
  await measure('attic', 'motion', 0)
  await measure('cellar', 'humidity', 40)
  await measure('cellar', 'motion', 0)
  for (let i = 0; i < 20; i++) await measure(ROOMS[i % 3] as string, 'temperature', 18 + i / 10)
  await eventually('the attic lamp is known', async () => {
    const { status } = await building.post('/v1/commands', { deviceId: 'light-attic', kind: 'light', value: 40 })
    return status === 202 ? true : undefined
  })
  const settled = async () => {
    for (const deviceId of ['light-hall', 'radiator-hall', 'blinds-attic', 'light-attic']) {
      const path = `/v1/stores/device-states/keys/${deviceId}`
      const { body } = await building.get<{ value: { lastResult: { status: string } | null } }>(path)
      if (body.value.lastResult?.status !== 'confirmed') throw new Error(`${deviceId} is not set yet`)
    }
    return true
  }
  await eventually('every command is confirmed', settled, 20_000)
  expect(outside.effectsOf('light-hall')).toEqual([100])
  expect(outside.effectsOf('blinds-attic')).toEqual([0])
  expect(outside.effectsOf('light-attic')).toEqual([40])
  await publisher.close()
  // Commands that follow from the devices' own reports come within seconds.
  await sleep(3_000)
  const before = await remembered(building)
  expect(before.find(({ room }) => room === 'attic')?.overrides).toContainEqual({
    deviceId: 'light-attic',
    override: expect.objectContaining({ by: 'user:local', value: 40 }),
  })
  await building.kill()
  const commands = () =>
    withLog(env, async (log) => (await log.read(topics.commands)).map(({ value }) => value.commandId))
  const commandsBefore = new Set(await commands())
  expect(commandsBefore.size).toBeGreaterThanOrEqual(4)
  const effectsBefore = [...effects]

  for (let kill = 1; kill <= KILLS; kill++) {
    building = BuildingProcess.spawn({ env })
    if (kill % 2 === 0) {
      await building.ready()
      expect(await remembered(building)).toEqual(before)
    }
    await sleep(Math.random() * 2_500)
    await building.kill()
    expect(
      (await commands()).filter((id) => !commandsBefore.has(id)),
      `after kill ${kill}`,
    ).toEqual([])
  }

  building = await BuildingProcess.start({ env })
  expect(await remembered(building)).toEqual(before)
  await sleep(4_000)
  expect(await remembered(building)).toEqual(before)
  expect(effects).toEqual(effectsBefore)

  // It is not merely deaf: what happens now has its effect, and the hand's setting still holds.
  const again = await openPublisher({ url: building.mqttUrl, clientId: 'sensors' })
  await again.publish('building/cellar/sensor-cellar/luminance', '{"value": 3}')
  await again.publish('building/attic/sensor-attic/luminance', '{"value": 3}')
  await eventually('the cellar lamp goes on', () =>
    outside?.effectsOf('light-cellar').includes(100) ? true : undefined,
  )
  await sleep(1_000)
  expect(outside.effectsOf('light-attic')).toEqual([40])
  await again.close()
  expect((await building.interrupt()).code).toBe(0)
  expect((await commands()).filter((id) => !commandsBefore.has(id))).toEqual([
    expect.stringMatching(/^lights:light-cellar:building\.readings-/),
  ])
}, 120_000)
