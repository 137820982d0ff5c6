import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MqttPublisher, openPublisher } from '../../connectors/mqtt/client.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { topics } from '../../schemas/topics.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { run } from '../../scripts/servers/run.ts'
import { demoHouse } from '../../topology/demo-house.ts'
import { roomIds } from '../../topology/rooms-config.ts'
import { withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'
import { needlessCommands } from './needless-commands.ts'

const ROOMS = roomIds(demoHouse())
const OWN_ROOM = 'vault'
const TAKE_OVER_MS = 30_000

interface Averages {
  readonly windows: readonly { readonly startMs: number; readonly value: { readonly temperature: { count: number } } }[]
}

/** Two processes from one data directory on a broker of their own; each test goes on where the one before ended. */
describe('the building on Apache Kafka', () => {
  let kafka: KafkaCluster
  let env: Record<string, string>
  let secondEnv: Record<string, string>
  let first: BuildingProcess
  let second: BuildingProcess
  let publisher: MqttPublisher
  let published = 0
  let sharedMs = 0

  beforeAll(async () => {
    kafka = await KafkaCluster.start({ directory: freshDirectory() })
    env = {
      ...(await freshSettings()),
      BROOK_KAFKA_BROKERS: kafka.brokers,
      BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
    }
    secondEnv = { ...env, BROOK_HTTP_PORT: String(await freePort()) }
    first = await BuildingProcess.start({ env })
  })
  afterAll(async () => {
    await publisher?.close()
    await kafka?.kill()
    await cleanUp()
  })

  const tasksOf = async (building: BuildingProcess) =>
    (await building.get<{ tasks: { taskId: string }[] }>('/v1/tasks')).body.tasks.map(({ taskId }) => taskId)
  const averages = async (building: BuildingProcess, room: string) => {
    const { status, body } = await building.get<Averages>(`/v1/stores/room-averages/windows/${room}`)
    if (status !== 200) throw new Error(`${room} answered ${status}: ${JSON.stringify(body)}`)
    return body.windows
  }
  const counted = async (building: BuildingProcess) =>
    (await averages(building, OWN_ROOM)).reduce((sum, { value }) => sum + value.temperature.count, 0)
  const publish = async (messages: number) => {
    for (let i = 0; i < messages; i++) {
      const payload = JSON.stringify({ value: 20 + i / 10, sequence: published++ })
      await publisher.publish(`building/${OWN_ROOM}/own/temperature`, payload)
    }
  }
  /** Each room's stores answer over this process, whichever process has them. */
  const answersForAllRooms = (building: BuildingProcess) =>
    eventually(
      `${building.url} answers for all rooms`,
      async () => {
        for (const room of ROOMS) {
          if ((await averages(building, room)).length === 0) return undefined
          const { status } = await building.get(`/v1/stores/occupancy/keys/${room}`)
          if (status !== 200) throw new Error(`the occupancy of ${room} answered ${status}`)
        }
        return true
      },
      TAKE_OVER_MS,
    )

  test('starts as on the embedded log', async () => {
    publisher = await openPublisher({ url: first.mqttUrl, clientId: 'sensors' })
    await publish(10)
    await answersForAllRooms(first)
    await eventually('every message is counted', async () => ((await counted(first)) === published ? true : undefined))
    expect(first.logLines.filter(({ level }) => level >= 50)).toEqual([])
  })

  test('keeps records that it cannot read as dead letters, and counts the others', async () => {
    const provider = createKafkaProvider({ brokers: kafka.brokers.split(',') })
    const producer = provider.createProducer()
    const odd = [0, 1, 2, 3].map((partition) => `no Avro in ${partition}`)
    for (const [partition, text] of odd.entries())
      producer.send(topics.commandResults.name, partition, {
        key: null,
        value: Buffer.from(text),
        timestampMs: Date.now(),
      })
    await producer.flush()
    await producer.close()
    await provider.close()
    await publish(3)
    await eventually('every message is counted', async () => ((await counted(first)) === published ? true : undefined))
    const unreadable = await eventually('all of them are dead letters', async () => {
      const letters = (await withLog(env, (log) => log.read(topics.deadLetters))).map(({ value }) => value)
      const found = letters.filter(({ code }) => code === 'UNREADABLE_RECORD')
      return found.length >= odd.length ? found : undefined
    })
    expect(unreadable.map(({ originalValue }) => String(originalValue)).sort()).toEqual(odd)
    for (const { origin } of unreadable) expect(origin).toMatch(/^kafka:building\.command-results-\d@\d+$/)
  })

  test('shares the tasks with a second process, and each answers for every room', async () => {
    sharedMs = Date.now()
    second = await BuildingProcess.start({ env: secondEnv })
    const [mine, theirs] = await eventually('both have tasks', async () => {
      const both = await Promise.all([tasksOf(first), tasksOf(second)])
      return both[0].length + both[1].length === 8 && both.every((tasks) => tasks.length > 0) ? both : undefined
    })
    expect([...mine, ...theirs].sort()).toEqual(['0_0', '0_1', '0_2', '0_3', '1_0', '1_1', '1_2', '1_3'])
    await answersForAllRooms(first)
    await answersForAllRooms(second)
    expect(await averages(second, OWN_ROOM)).toEqual(await averages(first, OWN_ROOM))
    const rooms = (await second.get<{ rooms: unknown[] }>('/v1/rooms')).body.rooms
    expect(rooms.length).toBeGreaterThanOrEqual(ROOMS.length)
  })

  test.each([
    ['the second', () => [second, first]],
    ['the first', () => [first, second]],
  ] as const)(
    'goes on with everything when %s is killed',
    async (which, pick) => {
      if (which === 'the first') {
        second = await BuildingProcess.start({ env: secondEnv })
        await eventually('both have tasks', async () => ((await tasksOf(second)).length === 4 ? true : undefined))
      }
      const [victim, survivor] = pick() as [BuildingProcess, BuildingProcess]
      await publish(5)
      await eventually('every message is counted', async () =>
        (await counted(survivor)) === published ? true : undefined,
      )
      const before = await averages(survivor, OWN_ROOM)
      const lastMotions = async () =>
        Promise.all(
          ROOMS.map(async (room) => {
            const { body } = await survivor.get<{ value: { lastMotionMs: number | null } }>(
              `/v1/stores/occupancy/keys/${room}`,
            )
            return body.value.lastMotionMs ?? 0
          }),
        )
      const motionsBefore = await lastMotions()

      const killedMs = performance.now()
      await victim.kill()
      await eventually(
        'it has all tasks',
        async () => ((await tasksOf(survivor)).length === 8 ? true : undefined),
        TAKE_OVER_MS,
      )
      await answersForAllRooms(survivor)
      expect(performance.now() - killedMs).toBeLessThan(TAKE_OVER_MS)
      expect(await averages(survivor, OWN_ROOM)).toEqual(before)
      const motionsAfter = await lastMotions()
      expect(motionsBefore.filter((atMs, i) => (motionsAfter[i] as number) < atMs)).toEqual([])
      if (which === 'the second') {
        await publish(5)
        await eventually('what comes now is counted', async () =>
          (await counted(survivor)) === published ? true : undefined,
        )
      }
    },
    90_000,
  )

  test('is read by kcat', async () => {
    const keys = await run('kcat', [
      ...['-C', '-b', kafka.brokers, '-t', 'building.readings', '-o', 'beginning', '-e', '-q'],
      ...['-f', '%k %S\\n'],
    ])
    expect(keys.exitCode).toBe(0)
    const own = keys.output.split('\n').filter((line) => line.includes('own '))
    expect(own.length).toBe(published)
    for (const line of own) expect(Number(/(\d+)$/.exec(line)?.[1])).toBeGreaterThan(20)
  })

  test('has written every command once, and none that was needless', async () => {
    await withLog(env, async (log) => {
      const commands = await log.read(topics.commands)
      const ids = commands.map(({ value }) => value.commandId)
      expect(ids.length).toBeGreaterThan(5)
      expect(ids).toEqual([...new Set(ids)])
      expect(needlessCommands(await log.read(topics.readings), commands, sharedMs)).toEqual([])
    })
  })

  test('with the whole building killed and started again, nothing is forgotten', async () => {
    const before = await averages(second, OWN_ROOM)
    await second.kill()
    first = await BuildingProcess.start({ env })
    await eventually('its averages are there', async () => (await averages(first, OWN_ROOM)).length > 0 || undefined)
    expect(await averages(first, OWN_ROOM)).toEqual(before)
    expect((await first.interrupt()).code).toBe(0)
  })
}, 120_000)
