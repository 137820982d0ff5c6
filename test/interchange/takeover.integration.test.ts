import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GroupProtocolError } from '../../kafka/errors.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { Application, type ApplicationOptions } from './application.ts'
import type { BrookProcessOptions } from './brook-process.ts'
import { everyRecord } from './comparison.ts'
import { differences } from './differences.ts'
import { createInputs, InputParts, produce } from './input.ts'
import { compileProgram, Jvm, type JvmProgram } from './jvm.ts'
import { deleteTopics, internalTopics, partitionsOf } from './log-contents.ts'

const RUN = randomUUID().slice(0, 8)
const BROKERS = process.env['BROOK_TEST_BROKERS'] as string
const TIMEOUT_MS = 300_000
const PROCESS = join(import.meta.dirname, 'brook-process.ts')
/** What nobody ends, the broker ends after this. */
const TRANSACTION_TIMEOUT_MS = 10_000
/** Results that the process of Kafka Streams gives before it stands still. */
const RESULTS = 50

let kafka: KafkaProvider
let directory: string
let program: JvmProgram
let jvm: Jvm

beforeAll(async () => {
  kafka = createKafkaProvider({ brokers: BROKERS.split(',') })
  directory = await mkdtemp(join(tmpdir(), 'brook-takeover-'))
  program = await compileProgram()
  jvm = await Jvm.start(program)
})

afterAll(async () => {
  await jvm?.kill()
  await program?.remove()
  if (kafka) await deleteTopics(kafka, RUN)
  await kafka?.close()
  if (directory) await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

type Given = Partial<ApplicationOptions> & Pick<ApplicationOptions, 'id' | 'in'>

function application(given: Given): Application {
  const place = { brokers: BROKERS, kafka, directory }
  const names = { named: true, optimised: false, cached: false, membership: 'leave' } as const
  return new Application({ what: 'all', guarantee: 'exactly_once', ...names, ...given }, place)
}

describe('an application whose process dies in the middle of a transaction', () => {
  const input = `calm.${RUN}.`
  const parts = new InputParts({ seed: 2, latenessMs: 0 })
  const dying = { in: input, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }

  test('goes on with the other side, exactly once', { timeout: TIMEOUT_MS }, async () => {
    const alone = application({ id: `da-${RUN}`, in: input, guarantee: 'at_least_once' })
    const all = [application({ id: `dj-${RUN}`, ...dying }), application({ id: `db-${RUN}`, ...dying })] as const
    await createInputs(kafka, input)
    await Promise.all([...all, alone].map((app) => app.createOutputs()))
    await produce(kafka, input, parts.next())
    await Promise.all([all[0].runToTheEnd('jvm', jvm), all[1].runToTheEnd('brook', jvm)])
    await produce(kafka, input, parts.next())
    await Promise.all([brookTakesOver(all[0]), jvmTakesOver(all[1]), alone.runToTheEnd('jvm', jvm)])
    const expected = everyRecord(await alone.output(), 0)
    for (const app of all) expect.soft(differences(everyRecord(await app.output(), 0), expected)).toEqual({})
  })

  /** The process of Kafka Streams is stopped, and when everything is over it comes to again. */
  async function brookTakesOver(app: Application): Promise<void> {
    const zombie = await Jvm.start(program)
    try {
      const hangs = zombie.hangAfter(RESULTS)
      zombie.start(app.options.id, app.jvmConfig())
      await hangs
      await untilTransactionsAreOpen(app)
      zombie.signal('SIGSTOP')
      const stoppedMs = performance.now()
      await app.startBrook()
      await app.untilDone()
      console.log(`Brook has taken over after ${seconds(stoppedMs)} s`)
      const before = await app.output()
      zombie.signal('SIGCONT')
      zombie.go()
      expect(await zombie.failure(app.options.id)).toMatch(
        /InvalidTxnState|InvalidProducerEpoch|ProducerFenced|InconsistentGroupProtocol/,
      )
      expect(differences(await app.output(), before)).toEqual({})
    } finally {
      await app.closeBrook()
      await zombie.kill()
    }
  }

  async function jvmTakesOver(app: Application): Promise<void> {
    const options: BrookProcessOptions = { application: app.options, brokers: BROKERS, directory }
    const dying = spawn(process.execPath, [PROCESS, JSON.stringify(options)], { stdio: 'inherit' })
    const [, signal] = await once(dying, 'close')
    expect(signal).toBe('SIGKILL')
    await untilTransactionsAreOpen(app)
    const killedMs = performance.now()
    // Kafka Streams dies of members that speak another protocol: it has to wait until their session is over.
    const { id } = app.options
    await until('the end of the session', async () => (await kafka.admin().describeGroup(id)).state === 'Empty')
    await app.runToTheEnd('jvm', jvm)
    console.log(`Kafka Streams has taken over after ${seconds(killedMs)} s`)
  }
})

describe('both sides at once', () => {
  test('Kafka Streams, coming second, fails, and Brook goes on', { timeout: TIMEOUT_MS }, async () => {
    const app = await counting('second-jvm')
    const streams = await app.startBrook()
    try {
      jvm.start(app.options.id, app.jvmConfig())
      expect(await jvm.failure(app.options.id)).toMatch(/InconsistentGroupProtocolException/)
      await goesOn(app)
      expect(streams.state).toBe('RUNNING')
      await jvm.close(app.options.id, 'leave').catch(() => {})
    } finally {
      await app.closeBrook()
    }
  })

  test('Brook, coming second, fails when those of Kafka Streams prove to be alive, and they go on', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const app = await counting('second-brook')
    await jvm.run(app.options.id, app.jvmConfig())
    const second = await app.startBrook().catch((thrown: unknown) => thrown)
    expect(second).toBeInstanceOf(GroupProtocolError)
    expect(String(second)).toMatch(/stop those members first/)
    await goesOn(app)
    expect(jvm.stateOf(app.options.id)).toBe('RUNNING')
    await jvm.close(app.options.id, 'leave')
  })

  async function counting(id: string): Promise<Application> {
    const input = `${id}.${RUN}.`
    const app = application({ id: `${id}-${RUN}`, in: input, what: 'count', guarantee: 'at_least_once' })
    await createInputs(kafka, input)
    await app.createOutputs()
    await send(input, 1)
    return app
  }

  async function goesOn(app: Application): Promise<void> {
    await send(app.options.in, 2)
    await until('the next count', async () => (await app.output())['count A']?.at(-1)?.value === '2')
  }

  function send(input: string, timestampMs: number): Promise<void> {
    return produce(kafka, input, [{ topic: 'events', key: 'k', value: 'A', timestampMs }])
  }
})

/** The application has written something that is not committed. */
function untilTransactionsAreOpen(app: Application): Promise<void> {
  const admin = kafka.admin()
  return until('an open transaction', async () => {
    const topics = [...app.outputs, ...(await internalTopics(kafka, app.options.id))]
    const partitions = await partitionsOf(kafka, topics)
    const stable = await admin.endOffsets(partitions, 'read_committed')
    const ends = await admin.endOffsets(partitions)
    return [...ends].some(([name, end]) => end > (stable.get(name) as number))
  })
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what} took more than 60 s`)
    await sleep(100)
  }
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1)
}
