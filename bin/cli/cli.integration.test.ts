import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { topics } from '../../schemas/topics.ts'
import { type KafkaStreams, TopologyChangedError } from '../../streams/index.ts'
import { brook, brookJson } from './testing/run-cli.ts'
import { send, startApplication, until } from './testing/running-application.ts'
import { COUNTS, WORDS, wordCount } from './testing/word-count.ts'

const BROKERS = process.env['BROOK_TEST_BROKERS'] as string
const REGISTRY = process.env['BROOK_TEST_REGISTRY'] as string
const APPLICATION = `cli-${process.pid}`
const REPARTITION = `${APPLICATION}-by-word-repartition`
const PARTITIONS = 3
const EARLY_MS = 1_700_000_000_000
const LATE_MS = EARLY_MS + 1_200_000
const moduleOf = (name: string): string => fileURLToPath(new URL(`./testing/${name}.ts`, import.meta.url))
const words = (count: number) => Array.from({ length: count }, (_, i) => `word-${i % 7}`)

interface Lag {
  readonly totalLag: number
  readonly inputs: readonly { topic: string; partition: number; committed: number | null; end: number; lag: number }[]
  readonly changelogs: readonly { topic: string; records: number; local: number | null; lag: number | null }[]
}

let kafka: KafkaProvider
let directory: string
let instance: Server
let endpoint: string
let streams: KafkaStreams | undefined
let args: string[]

/** Each test goes on where the one before ended: run, grow behind, change, reset, run again. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-cli-'))
  args = ['--kafka-brokers', BROKERS, '--application-id', APPLICATION, '--state-dir', directory]
  kafka = createKafkaProvider({ brokers: BROKERS.split(',') })
  await kafka.admin().createTopics([WORDS, COUNTS].map((name) => ({ name, partitions: PARTITIONS })))
  await send(kafka, WORDS, words(60), EARLY_MS)
  instance = createServer((_request, response) => {
    const tasks = streams?.tasks().map(({ taskId, state }) => ({ taskId, state })) ?? []
    response.end(JSON.stringify({ state: streams?.state, tasks }))
  })
  await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve))
  endpoint = `127.0.0.1:${(instance.address() as AddressInfo).port}`
})
afterAll(async () => {
  await streams?.close()
  instance?.close()
  const all = (await kafka.admin().listTopics()).filter((t) => [WORDS, COUNTS].includes(t) || t.startsWith(APPLICATION))
  await kafka.admin().deleteTopics(all)
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function start(): Promise<void> {
  streams = await startApplication(wordCount('word-counts', 60_000), {
    applicationId: APPLICATION,
    kafka,
    stateDir: directory,
    applicationServer: endpoint,
    sessionTimeout: '10s',
  })
}

async function stop(): Promise<void> {
  await streams?.close()
  streams = undefined
}

async function outputs(): Promise<number> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: COUNTS, partition }))
  return [...(await kafka.admin().endOffsets(partitions)).values()].reduce((sum, end) => sum + end, 0)
}

const lag = (...further: string[]) => brookJson<Lag>(['lag', ...args.slice(0, 4), '--state-dir', directory, ...further])
const withoutStateDir = () => args.slice(0, 4)

describe('an application that runs on Kafka', () => {
  test('tasks: who has what, and in which state', async () => {
    await start()
    await until('all is counted', async () => (await outputs()) === 60)
    const { groupState, tasks } = await brookJson<{
      groupState: string
      tasks: { taskId: string; role: string; state: string; endpoint: string }[]
    }>(['tasks', ...withoutStateDir()])
    expect(groupState).toBe('Stable')
    expect(tasks.map(({ taskId, role }) => [taskId, role])).toEqual(
      ['0_0', '0_1', '0_2', '1_0', '1_1', '1_2'].map((taskId) => [taskId, 'active']),
    )
    expect(new Set(tasks.map((task) => task.endpoint))).toEqual(new Set([endpoint]))
    expect(new Set(tasks.map(({ state }) => state))).toEqual(new Set(streams?.tasks().map((task) => task.state)))
    const text = await brook(['tasks', '--no-ask', ...withoutStateDir()])
    expect(text.out).toMatch(new RegExp(`1_2 +active +- .* ${REPARTITION}-2`))
  })

  test('lag: nothing behind, and local state stands at the end of the changelogs', async () => {
    await until('everything is committed', async () => (await lag()).totalLag === 0)
    const { inputs, changelogs } = await lag()
    expect(inputs.map(({ topic }) => topic)).toEqual([...Array(3).fill(WORDS), ...Array(3).fill(REPARTITION)])
    expect(changelogs).toHaveLength(6)
    await until('local state is written', async () =>
      (await lag()).changelogs.every(({ records, lag: left }) => records === 0 || left === 0),
    )
  })

  test('stores: rows of every task, while the application has them open', async () => {
    const { stores } = await brookJson<{ stores: { store: string; rows: number; changelogRecords: number }[] }>([
      'stores',
      ...args,
    ])
    expect(stores).toEqual([
      expect.objectContaining({
        store: 'word-counts',
        type: 'key-value',
        rows: 7,
        changelogRecords: expect.any(Number),
      }),
      expect.objectContaining({ store: 'word-windows', type: 'window', rows: 7, retentionMs: 3_600_000 }),
    ])
    expect(stores[0]?.changelogRecords).toBeGreaterThanOrEqual(7)
  })

  test('reset: refuses, and names who is in the way', async () => {
    const { code, err } = await brook(['reset', '--all', '--execute', ...args])
    expect(code).toBe(1)
    expect(err).toMatch(
      new RegExp(`application ${APPLICATION} runs: 1 member \\(.*${APPLICATION}.*Stop it everywhere first`),
    )
    expect((await lag()).totalLag).toBe(0)
  })
})

describe('an application that is stopped', () => {
  test('lag: what has come since', async () => {
    await stop()
    await send(kafka, WORDS, words(12), LATE_MS)
    const { totalLag, inputs } = await lag()
    expect(totalLag).toBe(12)
    expect(inputs.every(({ committed, end, lag: behind }) => end - (committed ?? 0) === behind)).toBe(true)
    expect((await brook(['lag', '--max-lag', '0', ...args])).code).toBe(1)
    expect((await brook(['lag', '--max-lag', '12', ...args])).code).toBe(0)
    expect((await brook(['tasks', ...withoutStateDir()])).out).toContain('Empty, 0 members')
  })

  test.each([
    ['word-count', 0, 'compatible', []],
    ['word-count-renamed', 1, 'rename', ['word-totals']],
    ['word-count-rebuilt', 1, 'rebuild', ['word-windows']],
  ])('plan: %s', async (name, code, verdict, expected) => {
    const line = ['plan', '--topology', moduleOf(name), ...withoutStateDir()]
    expect((await brook(line)).code).toBe(code)
    const plan = await brookJson<{ verdict: string; items: { verdict: string; name: string }[] }>(line)
    expect(plan.verdict).toBe(verdict)
    expect(plan.items.filter((item) => item.verdict !== 'compatible').map((item) => item.name)).toEqual(expected)
  })

  test('a client that is told to refuse does not start with what the plan calls a rebuild', async () => {
    const refused = startApplication(wordCount('word-counts', 120_000), {
      applicationId: APPLICATION,
      kafka,
      stateDir: directory,
      topologyCheck: 'refuse',
    })
    await expect(refused).rejects.toBeInstanceOf(TopologyChangedError)
    expect((await brook(['tasks', ...withoutStateDir()])).out).toContain('Empty, 0 members')
  })

  test('reset: offsets to a time, by a shift, to the end', async () => {
    const committed = async () =>
      (await lag()).inputs.filter(({ topic }) => topic === WORDS).map((row) => row.committed)
    const reset = (...target: string[]) => brook(['reset', '--execute', ...target, ...args])
    const before = await committed()
    expect((await reset('--to-datetime', new Date(LATE_MS).toISOString())).code).toBe(0)
    expect(await committed()).toEqual(before)
    await reset('--shift-by=-2')
    expect(await committed()).toEqual(before.map((offset) => (offset ?? 0) - 2))
    await reset('--to-latest')
    expect((await lag()).inputs.filter(({ topic }) => topic === WORDS).map((row) => row.lag)).toEqual([0, 0, 0])
    const dry = await brook(['reset', '--to-earliest', ...args])
    expect(dry.out).toContain('Nothing was changed')
    expect((await lag()).inputs.filter(({ topic }) => topic === WORDS).map((row) => row.lag)).toEqual([0, 0, 0])
  })

  test('plan: without a description, topics are compared by their names', async () => {
    await kafka.admin().deleteTopics([`${APPLICATION}-brook-topology`])
    const planOf = (name: string) =>
      brookJson<{ basis: string; verdict: string; items: { verdict: string; name: string }[] }>([
        'plan',
        '--topology',
        moduleOf(name),
        ...withoutStateDir(),
      ])
    expect(await planOf('word-count')).toMatchObject({ basis: 'topics', verdict: 'compatible' })
    const renamed = await planOf('word-count-renamed')
    expect(renamed).toMatchObject({ basis: 'topics', verdict: 'rename' })
    expect(renamed.items.filter((item) => item.verdict !== 'compatible').map(({ name }) => name)).toEqual([
      `${APPLICATION}-word-totals-changelog`,
    ])
    await start()
    await stop()
    expect(
      (await brookJson<{ basis: string }>(['plan', '--topology', moduleOf('word-count'), ...withoutStateDir()])).basis,
    ).toBe('description')
  })

  test('plan: inputs with more partitions no longer fit what was made for fewer', async () => {
    await kafka.admin().deleteTopics([REPARTITION])
    await kafka.admin().createTopics([{ name: REPARTITION, partitions: PARTITIONS + 1 }])
    const { items } = await brookJson<{ items: { verdict: string; name: string; reasons: string[] }[] }>([
      'plan',
      '--topology',
      moduleOf('word-count'),
      ...withoutStateDir(),
    ])
    const [misfit] = items.filter((item) => item.verdict === 'rebuild')
    expect(misfit).toMatchObject({ name: REPARTITION })
    expect(misfit?.reasons.join()).toContain('has 4 partitions and needs 3')
  })

  test('reset --all: shows what it would delete, deletes it, and the application counts from the beginning', async () => {
    const before = await outputs()
    const internal = [
      REPARTITION,
      `${APPLICATION}-word-counts-changelog`,
      `${APPLICATION}-word-windows-changelog`,
      `${APPLICATION}-brook-topology`,
    ]
    const dry = await brook(['reset', '--all', ...args])
    for (const topic of internal) expect(dry.out).toContain(`would delete topic ${topic}`)
    expect(dry.out).toContain(`would delete ${join(directory, APPLICATION, '1_0')}`)
    expect(await kafka.admin().listTopics()).toEqual(expect.arrayContaining(internal))
    const done = await brookJson<{ executed: boolean; offsets: { to: number }[] }>([
      'reset',
      '--all',
      '--execute',
      ...args,
    ])
    expect(done).toMatchObject({ executed: true })
    expect(done.offsets.map(({ to }) => to)).toEqual([0, 0, 0])
    expect((await kafka.admin().listTopics()).filter((topic) => internal.includes(topic))).toEqual([])
    expect(existsSync(join(directory, APPLICATION, '1_0'))).toBe(false)
    await start()
    await until('all is counted anew', async () => (await outputs()) === before + 72)
    await stop()
    const { stores } = await brookJson<{ stores: { store: string; rows: number }[] }>(['stores', '--local', ...args])
    expect(stores.map(({ store, rows }) => [store, rows])).toEqual([
      ['word-counts', 7],
      ['word-windows', 14],
    ])
  })
})

test('as a program of its own it says the same, and ends by itself', async () => {
  const program = fileURLToPath(new URL('../brook.mjs', import.meta.url))
  const run = (...line: string[]) => promisify(execFile)(process.execPath, [program, ...line], { timeout: 20_000 })
  const { stdout, stderr } = await run('lag', '--json', ...args)
  expect(JSON.parse(stdout)).toMatchObject({ applicationId: APPLICATION, totalLag: 0 })
  expect(stderr).toBe('')
  await expect(run('lag', '--nope')).rejects.toMatchObject({ code: 2, stdout: '' })
}, 60_000)

describe('schemas check', () => {
  const subject = `${topics.roomAverages.name}-value`
  const line = ['schemas', 'check', '--schema-registry', REGISTRY, '--application-id', APPLICATION]
  const check = async () =>
    (await brookJson<{ schemas: { subject: string; status: string; reasons: string[] }[] }>(line)).schemas

  test('tells what the registry has, would take, and refuses, with the reasons', async () => {
    const changelog = `${APPLICATION}-room-states-changelog-value`
    const client = new RegistryClient({ url: REGISTRY })
    try {
      expect((await check()).find((one) => one.subject === changelog)).toMatchObject({ status: 'new' })
      const other = {
        type: 'record',
        name: 'RoomState',
        namespace: 'building',
        fields: [{ name: 'roomId', type: 'int' }],
      }
      await client.register(changelog, other)
      const { code, out } = await brook(line)
      expect(code).toBe(1)
      expect(out).toContain(`${changelog} is incompatible:`)
      expect(out).toMatch(/- field \w+: .*version 1/)
      const subjects = (await check()).map((one) => one.subject)
      expect(subjects).toContain(subject)
      expect(subjects).toEqual([...subjects].sort())
    } finally {
      client.close()
    }
  })

  test('names the registry that does not answer', async () => {
    const { code, err } = await brook(['schemas', 'check', '--schema-registry', 'http://127.0.0.1:9'])
    expect(code).toBe(1)
    expect(err).toContain('http://127.0.0.1:9')
  }, 60_000)
})

test('a Kafka that is not there is named', async () => {
  const { code, err } = await brook(['lag', '--kafka-brokers', '127.0.0.1:9'])
  expect(code).toBe(1)
  expect(err).toContain('127.0.0.1:9')
})
