import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { StateDirectory } from '../../streams/runtime/client/state-directory.ts'
import { COMMANDS } from './cli.ts'
import { brook, brookJson } from './testing/run-cli.ts'
import { send, startApplication, until } from './testing/running-application.ts'
import { COUNTS, WORDS, wordCount } from './testing/word-count.ts'

const moduleOf = (name: string): string => fileURLToPath(new URL(`./testing/${name}.ts`, import.meta.url))
const APPLICATION = 'cli-app'
const VALUES = ['a', 'b', 'a', 'c', 'a', 'b']
let directory: string
let args: string[]

/** An application that ran on an embedded log, and is stopped. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-cli-'))
  args = ['--data-dir', directory, '--application-id', APPLICATION]
  const kafka = createEmbeddedProvider({ directory: join(directory, 'log'), cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([WORDS, COUNTS].map((name) => ({ name, partitions: 2 })))
  await send(kafka, WORDS, VALUES, 1_700_000_000_000)
  const stateDir = join(directory, 'instance-1', 'state')
  const streams = await startApplication(wordCount('word-counts', 60_000), {
    applicationId: APPLICATION,
    kafka,
    stateDir,
  })
  await until('all is counted', async () => {
    const ends = await kafka.admin().endOffsets([0, 1].map((partition) => ({ topic: COUNTS, partition })))
    return [...ends.values()].reduce((sum, end) => sum + end, 0) === VALUES.length
  })
  await streams.close()
  await kafka.close()
}, 30_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('the command line', () => {
  test('lists its commands, and each has a help that tells its options', async () => {
    const { code, out } = await brook(['--help'])
    expect(code).toBe(0)
    for (const { name, summary, options } of COMMANDS) {
      expect(out).toContain(`${name} `)
      expect(out).toContain(summary)
      const help = await brook([...name.split(' '), '--help'])
      expect(help.code).toBe(0)
      for (const option of Object.keys(options)) expect(help.out).toContain(`--${option}`)
      expect(help.out).toContain('BROOK_KAFKA_BROKERS')
    }
  })

  test.each([
    [[], 2, ''],
    [['zwave', 'nods'], 2, 'there is no command "zwave nods"; there is zwave nodes, zwave include'],
    [['lagg'], 2, 'there is no command "lagg"; there is describe, plan'],
    [['lag', '--foo'], 2, "Unknown option '--foo'\nbrook lag --help"],
    [['lag', 'extra'], 2, "Unexpected argument 'extra'"],
    [['lag', '--max-lag', 'many'], 2, '--max-lag must be a number of records'],
    [['lag', '--kafka-brokers', 'nowhere'], 2, '--kafka-brokers must be host:port'],
    [['lag', '--data-dir', '/nowhere'], 1, 'there is no embedded log in /nowhere/log: name its data directory'],
    [['schemas', 'check', '--data-dir', '/nowhere'], 1, 'there are no schemas in /nowhere/schemas'],
    [['describe', '--topology', '/nowhere.ts'], 1, 'the module /nowhere.ts cannot be loaded'],
    [['describe', '--topology', moduleOf('no-topology')], 1, 'must be a Topology, a StreamsBuilder, or a function'],
    [['reset', '--data-dir', '/nowhere'], 2, 'say what is to be reset: --all'],
    [['reset', '--all', '--execute', '--dry-run'], 2, 'give one of them'],
    [['reset', '--to-latest', '--shift-by=1'], 2, '--to-latest and --shift-by: give one of them'],
    [['reset', '--to-datetime', '8 o’clock'], 2, 'must be a time with its zone'],
    [['reset', '--local-state', '--input-topics', 'a'], 2, '--input-topics needs a target'],
  ])('%j is answered with %i and what is wrong', async (line, code, message) => {
    const run = await brook(line)
    expect(run.err).toContain(message)
    expect(run.code).toBe(code)
  })
})

describe('describe', () => {
  test('prints Kafka Streams’ text, topics and stores, without asking anybody', async () => {
    const { code, out } = await brook(['describe', '--topology', moduleOf('word-count'), '--application-id', 'x'])
    expect(code).toBe(0)
    expect(out).toMatch(/^Topologies:\n +Sub-topology: 0\n/)
    expect(out).toMatch(/x-by-word-repartition +repartition +1/)
    expect(out).toMatch(/word-windows +window +1 +string +long +1 min +1 h +x-word-windows-changelog/)
  })

  test('knows the building', async () => {
    const { topics } = await brookJson<{ topics: { topic: string; use: string }[] }>(['describe'])
    expect(topics).toContainEqual({ topic: 'building.readings', use: 'source', subtopologies: [0] })
  })

  test('tells what is deployed', async () => {
    const deployed = await brookJson<{ stores: { name: string }[] }>(['describe', '--deployed', ...args])
    expect(deployed.stores.map(({ name }) => name).sort()).toEqual(['word-counts', 'word-windows'])
    const never = await brook(['describe', '--deployed', '--data-dir', directory, '--application-id', 'never'])
    expect(never.err).toContain('application never has left no description')
  })
})

describe('on an embedded log', () => {
  test('lag: nothing is left to read, nothing to restore', async () => {
    const { code, out } = await brook(['lag', ...args])
    expect(out).toMatch(/\n0 in all\n/)
    expect(code).toBe(0)
    const lag = await brookJson<{ inputs: { topic: string }[]; changelogs: { records: number; lag: number }[] }>([
      'lag',
      ...args,
    ])
    expect(new Set(lag.inputs.map(({ topic }) => topic))).toEqual(
      new Set([WORDS, `${APPLICATION}-by-word-repartition`]),
    )
    expect(lag.changelogs.reduce((sum, { records }) => sum + records, 0)).toBeGreaterThanOrEqual(6)
    expect(lag.changelogs.filter(({ records }) => records > 0).map((row) => row.lag)).not.toContain(null)
  })

  test('stores: rows, sizes, retention', async () => {
    const { stores } = await brookJson<{ stores: readonly object[] }>(['stores', ...args])
    expect(stores).toEqual([
      expect.objectContaining({ store: 'word-counts', type: 'key-value', rows: 3, isEstimate: false }),
      expect.objectContaining({ store: 'word-windows', type: 'window', rows: 3, retentionMs: 3_600_000 }),
    ])
    const local = await brookJson<{ stores: readonly object[] }>(['stores', '--local', ...args])
    expect(local.stores).toEqual([
      expect.objectContaining({ store: 'word-counts', type: null, rows: 3 }),
      expect.objectContaining({ store: 'word-windows', rows: 3 }),
    ])
    const nothing = await brook(['stores', '--local', '--data-dir', directory, '--application-id', 'never'])
    expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining('--state-dir names one') })
  })

  test('stores: says what is left out while another process has the log', async () => {
    const other = createEmbeddedProvider({ directory: join(directory, 'log') })
    await other.connect()
    const run = await brook(['stores', ...args])
    await other.close()
    expect(run.err).toContain('are left out: the embedded log in')
    expect(run.code).toBe(0)
    expect(run.out).toMatch(/word-counts +- +\d +3/)
  })

  test('tasks: nobody has any', async () => {
    expect((await brook(['tasks', ...args])).out).toContain(`group ${APPLICATION}: Empty, 0 members`)
    const never = await brook(['tasks', '--data-dir', directory, '--application-id', 'never'])
    expect(never).toMatchObject({ code: 1, err: expect.stringContaining('there is no group never') })
  })

  test('tasks: asks the process that has the log, or says where it was not found', async () => {
    const other = createEmbeddedProvider({ directory: join(directory, 'log') })
    await other.connect()
    const tasks = [{ taskId: '0_0', state: 'running', inputs: ['cli-words-0'] }]
    const server = createServer((_request, response) => response.end(JSON.stringify({ tasks })))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = String((server.address() as AddressInfo).port)
    const run = await brook(['tasks', '--http-port', port, ...args])
    const waited = brook(['tasks', '--wait', '--http-port', port, ...args])
    Object.assign(tasks[0] as object, { offsets: [{ lag: 0 }] })
    expect(await waited).toMatchObject({ code: 0, out: expect.stringMatching(/0_0 +running +lag 0 +cli-words-0/) })
    expect(await brook(['tasks', '--wait', '--no-ask', ...args])).toMatchObject({ code: 2 })
    await new Promise((resolve) => server.close(resolve))
    const gone = await brook(['tasks', '--http-port', port, ...args])
    await other.close()
    expect(run.out).toMatch(/0_0 +running +- +cli-words-0/)
    expect(gone.err).toMatch(new RegExp(`is open already.*asked at http://127.0.0.1:${port}, .*--http-port`))
    expect(gone.code).toBe(1)
  })

  test.each([
    ['word-count', 0, 'compatible', []],
    ['word-count-renamed', 1, 'rename', [['rename', 'word-totals']]],
    ['word-count-rebuilt', 1, 'rebuild', [['rebuild', 'word-windows']]],
  ])('plan: %s', async (name, code, verdict, expected) => {
    const line = ['plan', '--topology', moduleOf(name), ...args]
    const run = await brook(line)
    expect(run.code).toBe(code)
    const plan = await brookJson<{ verdict: string; basis: string; items: { verdict: string; name: string }[] }>(line)
    expect(plan).toMatchObject({ verdict, basis: 'description' })
    expect(plan.items.filter((i) => i.verdict !== 'compatible').map((i) => [i.verdict, i.name])).toEqual(expected)
  })

  test('plan: of an application that never ran, everything is new; without its inputs it does not start', async () => {
    const there = ['--data-dir', directory, '--application-id', 'never']
    const run = await brook(['plan', '--topology', moduleOf('word-count'), ...there])
    expect(run.out).toContain('nothing of never is deployed')
    expect(run.code).toBe(0)
    const building = await brook(['plan', ...there])
    expect(building.out).toContain('source topic building.readings does not exist')
    expect(building.code).toBe(1)
  })

  test('reset: local state that a process has is not touched', async () => {
    const held = new StateDirectory(join(directory, 'instance-1', 'state', APPLICATION))
    await held.lock()
    const run = await brook(['reset', '--local-state', '--execute', ...args])
    await held.unlock()
    expect(run.code).toBe(1)
    expect(run.err).toContain(`process ${process.pid}`)
    const { stores } = await brookJson<{ stores: { rows: number }[] }>(['stores', '--local', ...args])
    expect(stores.map(({ rows }) => rows)).toEqual([3, 3])
  })

  test('reset: a dry run changes nothing, and says so', async () => {
    const { code, out, err } = await brook(['reset', '--to-earliest', ...args])
    expect(code).toBe(0)
    expect(out).toContain('Nothing was changed. Run it again with --execute')
    expect(err).toContain('records that are read again are counted again')
    expect((await brook(['lag', ...args])).out).toMatch(/\n0 in all\n/)
    const wrong = await brook(['reset', '--to-earliest', '--input-topics', 'nope', ...args])
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining(`its inputs are ${WORDS}`) })
  })
})
