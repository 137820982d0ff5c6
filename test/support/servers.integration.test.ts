import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askForBrokers } from '../../scripts/servers/kafka-probe.ts'
import { KnxdServer } from '../../scripts/servers/knxd.ts'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'

const execute = promisify(execFile)
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-support-'))
})

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('the servers of the integration tests', () => {
  test('Kafka answers at BROOK_TEST_BROKERS', async () => {
    const [first] = (process.env['BROOK_TEST_BROKERS'] ?? '').split(',')
    const answer = await askForBrokers(Number(first?.split(':')[1]))
    expect(answer?.brokerIds.length).toBeGreaterThan(0)
  })

  test('the registry at BROOK_TEST_REGISTRY refuses incompatible schemas by default', async () => {
    const answer = await fetch(`${process.env['BROOK_TEST_REGISTRY']}/config`)
    expect(await answer.json()).toEqual({ compatibilityLevel: 'BACKWARD' })
  })

  test('Mosquitto keeps a retained message over kill -9 and a restart', async () => {
    const server = await MosquittoServer.start({ directory: join(directory, 'mosquitto') })
    try {
      const address = ['-h', '127.0.0.1', '-p', String(server.port), '-t', 'kept']
      await execute('mosquitto_pub', [...address, '-r', '-q', '1', '-m', 'still here'])
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await server.kill()
      await server.restart()
      const { stdout } = await execute('mosquitto_sub', [...address, '-C', '1', '-W', '5'])
      expect(stdout.trim()).toBe('still here')
    } finally {
      await server.stop()
    }
  })

  test('knxd takes a group write', async () => {
    const server = await KnxdServer.start({ directory: join(directory, 'knxd') })
    try {
      await server.groupWrite('1/0/2', [0x80])
    } finally {
      await server.stop()
    }
  })
})
