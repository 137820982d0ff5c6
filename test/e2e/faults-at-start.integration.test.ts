import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

const REGISTRY = process.env['BROOK_TEST_REGISTRY'] as string
const BROKERS = process.env['BROOK_TEST_BROKERS'] as string
const A_STACK = /^\s+at /m

const taken: Server[] = []
let kafka: KafkaCluster | undefined
afterEach(async () => {
  for (const server of taken.splice(0)) server.close()
  await kafka?.kill()
  kafka = undefined
  await cleanUp()
})

async function listenOn(port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  taken.push(server)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
}

describe('an invalid configuration', () => {
  test.each(['building', 'connectors'] as const)(
    'of %s ends it with code 2 and every problem at once',
    async (program) => {
      const given = BuildingProcess.spawn({
        program,
        args: program === 'building' ? ['--no-such-flag', '1'] : ['knx', '--no-such-flag', '1'],
        env: {
          BROOK_HTTP_PORT: 'eighty',
          BROOK_SIMULATE: 'palace',
          BROOK_KAFKA_BROKERS: 'localhost',
          BROOK_HTTP_HOST: '0.0.0.0',
          BROOK_TIME_ZONE: 'Mars/Olympus',
        },
      })
      expect(await given.exited).toMatchObject({ code: 2 })
      for (const name of ['HTTP_PORT', 'SIMULATE', 'KAFKA_BROKERS', 'HTTP_TOKEN', 'TIME_ZONE'])
        expect(given.stderr).toContain(`BROOK_${name}`)
      expect(given.stderr).toContain('--no-such-flag')
      expect(given.output).not.toMatch(A_STACK)
    },
  )

  test.each([
    [['lamp'], {}, /first argument must be one of mqtt, knx, zwave, s3, influxdb, got "lamp"/],
    [['mqtt'], {}, /BROOK_KAFKA_BROKERS is required/],
    [['knx'], { BROOK_SIMULATE: 'none' }, /BROOK_KNX_GATEWAY is required/],
    [['zwave'], { BROOK_SIMULATE: 'none' }, /BROOK_ZWAVE_PORT is required/],
  ])('of connectors %j with %j is told too', async (args, env, told) => {
    const connectors = BuildingProcess.spawn({ program: 'connectors', args, env })
    expect(await connectors.exited).toMatchObject({ code: 2 })
    expect(connectors.stderr).toMatch(told)
  })
})

describe('what is taken already ends it with one line that says what to do', () => {
  test.each([
    ['BROOK_HTTP_PORT', /BROOK_HTTP_PORT/],
    ['BROOK_MQTT_PORT', /BROOK_MQTT_PORT/],
  ])('%s', async (name, told) => {
    const env = await freshSettings()
    await listenOn(Number(env[name]))
    const building = BuildingProcess.spawn({ env })
    expect(await building.exited).toMatchObject({ code: 1 })
    const errors = building.logLines.filter(({ level }) => level >= 50)
    expect(errors).toEqual([expect.objectContaining({ msg: expect.stringMatching(told) })])
    expect(errors[0]).not.toHaveProperty('err')
    expect(building.output).not.toMatch(A_STACK)
  })

  test('the data directory, by another building on its embedded log', async () => {
    const env = { ...(await freshSettings()), BROOK_SIMULATE: 'none' }
    const first = await BuildingProcess.start({ env })
    const { BROOK_HTTP_PORT, BROOK_MQTT_PORT } = await freshSettings()
    const second = BuildingProcess.spawn({
      env: { ...env, BROOK_HTTP_PORT, BROOK_MQTT_PORT } as Record<string, string>,
    })
    expect(await second.exited).toMatchObject({ code: 1 })
    const errors = second.logLines.filter(({ level }) => level >= 50)
    expect(errors).toEqual([expect.objectContaining({ msg: expect.stringContaining('BROOK_KAFKA_BROKERS') })])
    expect(errors[0]).not.toHaveProperty('err')
    expect((await first.get('/readyz')).status).toBe(200)
  })
})

describe('a server that is not there', () => {
  const told = (building: BuildingProcess, what: RegExp) => building.logLines.filter(({ msg }) => what.test(msg))
  const tryOf = (port: number) => new RegExp(`127\\.0\\.0\\.1:${port}.*Trying again in \\d+ s$`)

  /** It lives, and says what it waits for. */
  const waitsFor = async (building: BuildingProcess, name: string, port: number) => {
    expect((await building.get('/livez')).status).toBe(200)
    const { status, body } = await building.get<{ checks: { name: string; reason?: string }[] }>('/readyz')
    expect(status).toBe(503)
    expect(body.checks.find((check) => check.name === name)?.reason).toMatch(new RegExp(`waiting for it: .*:${port}`))
    const command = { deviceId: 'any', kind: 'switch', value: 1 }
    expect((await building.post('/v1/commands', command)).status).toBeGreaterThanOrEqual(400)
  }

  test('Kafka: one line for each try, ready once it is there', async () => {
    const port = await freePort()
    const building = BuildingProcess.spawn({
      env: {
        ...(await freshSettings()),
        BROOK_KAFKA_BROKERS: `127.0.0.1:${port}`,
        BROOK_SCHEMA_REGISTRY: REGISTRY,
        BROOK_SIMULATE: 'none',
      },
    })
    await eventually('it has tried twice', () => (told(building, /^Kafka: /).length >= 2 ? true : undefined), 30_000)
    expect(building.output).not.toMatch(A_STACK)
    for (const line of told(building, /^Kafka: /)) expect(line.msg).toMatch(tryOf(port))
    await waitsFor(building, 'kafka', port)
    for (const line of building.complaints) expect(line).not.toHaveProperty('err')
    kafka = await KafkaCluster.start({ directory: freshDirectory(), port })
    await building.ready(45_000)
    expect(building.output).not.toMatch(A_STACK)
    expect((await building.interrupt()).code).toBe(0)
  }, 120_000)

  test('the registry: the same, and Ctrl-C while it waits stops it', async () => {
    const port = await freePort()
    const building = BuildingProcess.spawn({
      env: {
        ...(await freshSettings()),
        BROOK_KAFKA_BROKERS: BROKERS,
        BROOK_SCHEMA_REGISTRY: `http://127.0.0.1:${port}/apis/ccompat/v7`,
        BROOK_SIMULATE: 'none',
        BROOK_APPLICATION_ID: `e2e-${port}`,
      },
    })
    await eventually(
      'it has tried twice',
      () => (told(building, /^Schema registry: /).length >= 2 ? true : undefined),
      30_000,
    )
    for (const line of building.complaints) {
      expect(line.msg).toMatch(tryOf(port))
      expect(line).not.toHaveProperty('err')
    }
    expect(building.output).not.toMatch(A_STACK)
    await waitsFor(building, 'schema-registry', port)
    await sleep(100)
    const { code, afterMs } = await building.interrupt()
    expect(code).toBe(0)
    expect(afterMs).toBeLessThan(10_000)
  }, 60_000)
})
