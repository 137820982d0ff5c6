import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ensureParts, findProgram } from './apt.ts'
import { ServerStartError } from './errors.ts'
import { parseJavaVersion } from './java.ts'
import { askForBrokers } from './kafka-probe.ts'
import { kafkaProperties } from './kafka-properties.ts'
import { freePorts, isFree } from './ports.ts'
import { ServerProcess } from './server-process.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "26-ea" 2026-03-17', 26],
  ['The program java can be found in these packages', undefined],
])('the version of %s', (output, version) => {
  expect(parseJavaVersion(output)).toBe(version)
})

describe('programs of the machine', () => {
  test('one that is there is found, one that is not is not', async () => {
    expect(await findProgram('sh')).toMatch(/\/sh$/)
    expect(await findProgram('no-such-program-here')).toBeUndefined()
  })

  test('missing ones are named in one line with the command that installs them', async () => {
    vi.stubEnv('PATH', '/nonexistent')
    const error: unknown = await ensureParts(['kcat', 'chromium']).catch((reason: unknown) => reason)
    expect(String(error)).toMatch(
      /not on this machine: kcat \(.+\), chromium \(.+\)\. Install with: sudo apt-get install kcat chromium$/,
    )
  })
})

describe('ports', () => {
  test('are free, different, and out of the way of outgoing connections', async () => {
    const ports = await freePorts(20)
    expect(new Set(ports).size).toBe(20)
    expect(Math.max(...ports)).toBeLessThan(32_768)
  })

  test('one that is listened on is not free', async () => {
    const server = createServer((socket) => socket.resume())
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address ? address.port : 0)
      })
    })
    expect(await isFree(port)).toBe(false)
    expect(await askForBrokers(port, 100)).toBeUndefined()
    await new Promise((resolve) => server.close(resolve))
    expect(await isFree(port)).toBe(true)
  })
})

describe('the settings of a Kafka node', () => {
  const ports = (base: number) => ({ plaintext: base, controller: base + 1, saslPlaintext: base + 2 })
  const lines = (count: 1 | 3) =>
    kafkaProperties({
      index: count - 1,
      nodes: [9000, 9010, 9020].slice(0, count).map(ports),
      dataDirectory: '/d',
      extra: { 'num.partitions': '7' },
    }).split('\n')

  test('one node replicates nothing', () => {
    expect(lines(1)).toContain('controller.quorum.voters=1@127.0.0.1:9001')
    expect(lines(1)).toContain('default.replication.factor=1')
    expect(lines(1)).toContain('min.insync.replicas=1')
  })

  test('three nodes replicate everything, and know each other', () => {
    expect(lines(3)).toContain('node.id=3')
    expect(lines(3)).toContain('controller.quorum.voters=1@127.0.0.1:9001,2@127.0.0.1:9011,3@127.0.0.1:9021')
    expect(lines(3)).toContain('offsets.topic.replication.factor=3')
    expect(lines(3)).toContain('min.insync.replicas=2')
    expect(lines(3)).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:9020,SASL_PLAINTEXT://127.0.0.1:9022')
  })

  test('given properties win', () => {
    expect(lines(1).filter((line) => line.startsWith('num.partitions='))).toEqual(['num.partitions=7'])
  })
})

describe('a server process', () => {
  const withFolder = async (body: (logFile: string) => Promise<void>) => {
    const folder = await mkdtemp(join(tmpdir(), 'brook-process-'))
    try {
      await body(join(folder, 'log'))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const shell = (script: string, logFile: string) =>
    ServerProcess.spawn({ name: 'it', command: 'sh', args: ['-c', script], logFile })

  test('that dies while it starts is told with the end of its log', () =>
    withFolder(async (logFile) => {
      const server = await shell('echo no configuration; exit 3', logFile)
      const waiting = server.waitUntil(async () => false, 5_000)
      await expect(waiting).rejects.toThrow(/it ended while it was starting:\nno configuration/)
    }))

  test('that is never ready is told, and can be killed although it ignores SIGTERM', () =>
    withFolder(async (logFile) => {
      const server = await shell('trap "" TERM; echo up; while true; do sleep 0.1; done', logFile)
      await expect(server.waitUntil(async () => false, 200)).rejects.toThrow(/not ready within 200 ms/)
      await server.stop(100)
      expect(server.alive).toBe(false)
    }))

  test('that cannot be started at all is told', () =>
    withFolder(async (logFile) => {
      const starting = ServerProcess.spawn({ name: 'it', command: '/no/such/program', args: [], logFile })
      await expect(starting).rejects.toThrow(ServerStartError)
    }))
})
