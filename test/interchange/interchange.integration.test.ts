import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { Application, type ApplicationOptions, type Side } from './application.ts'
import { everyRecord, inTheEnd } from './comparison.ts'
import { differences } from './differences.ts'
import { createInputs, InputParts, produce } from './input.ts'
import { compileProgram, Jvm, type JvmProgram } from './jvm.ts'
import { deleteTopics } from './log-contents.ts'

const RUN = randomUUID().slice(0, 8)
const IN = `in.${RUN}.`
const PARTS = 3
const BROKERS = process.env['BROOK_TEST_BROKERS'] as string

interface Variant extends Pick<ApplicationOptions, 'guarantee' | 'named' | 'optimised' | 'cached'> {
  readonly sides: readonly [Side, Side, Side]
  readonly membership?: 'leave' | 'remain'
  readonly groupProtocol?: 'classic' | 'streams'
}

const VARIANTS: readonly Variant[] = [
  {
    sides: ['jvm', 'brook', 'jvm'],
    guarantee: 'at_least_once',
    named: false,
    optimised: false,
    cached: false,
    membership: 'remain',
  },
  { sides: ['jvm', 'brook', 'jvm'], guarantee: 'exactly_once', named: true, optimised: true, cached: true },
  { sides: ['brook', 'jvm', 'brook'], guarantee: 'exactly_once', named: false, optimised: false, cached: false },
  {
    sides: ['brook', 'jvm', 'brook'],
    guarantee: 'at_least_once',
    named: true,
    optimised: true,
    cached: true,
    groupProtocol: 'streams',
  },
]

let kafka: KafkaProvider
let directory: string
let program: JvmProgram
let jvm: Jvm

function application(id: string, options: Variant | Omit<Variant, 'sides'>): Application {
  const place = { brokers: BROKERS, kafka, directory }
  return new Application(
    { membership: 'leave', transactionTimeoutMs: 60_000, ...options, what: 'all', id: `${id}-${RUN}`, in: IN },
    place,
  )
}

beforeAll(async () => {
  kafka = createKafkaProvider({ brokers: BROKERS.split(',') })
  directory = await mkdtemp(join(tmpdir(), 'brook-interchange-'))
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

describe('an application that moves from Kafka Streams to Brook and back, or the other way', () => {
  const variants = VARIANTS.map((variant) => ({ variant, title: titleOf(variant) }))
  const applications = new Map<string, Application>()
  const references = new Map<boolean, Application>()
  let firstPartMs = 0

  test('runs to the end on each side', { timeout: 300_000 }, async () => {
    for (const [i, { variant, title }] of variants.entries()) applications.set(title, application(`v${i}`, variant))
    for (const named of [false, true])
      references.set(
        named,
        application(`r${Number(named)}`, { guarantee: 'at_least_once', named, optimised: named, cached: false }),
      )
    const all = [...applications.values(), ...references.values()]
    await createInputs(kafka, IN)
    await Promise.all(all.map((app) => app.createOutputs()))
    const parts = new InputParts({ seed: 1, latenessMs: 9_000 })
    for (let part = 0; part < PARTS; part++) {
      const startedMs = performance.now()
      const isLast = part === PARTS - 1
      await produce(kafka, IN, parts.next())
      if (part === 0) firstPartMs = parts.endMs
      const runs = variants.map(({ variant, title }) =>
        (applications.get(title) as Application).runToTheEnd(variant.sides[part] as Side, jvm),
      )
      const alone = isLast ? [...references.values()].map((app) => app.runToTheEnd('jvm', jvm)) : []
      const results = await Promise.allSettled([...runs, ...alone])
      console.log(`interchange, part ${part + 1}: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`)
      expect(results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []))).toEqual([])
    }
    expect(jvm.log).not.toMatch(/offset metadata/)
  })

  for (const { variant, title } of variants) {
    const { named, cached } = variant
    test(`${title}: output, changelogs and topics are those of the JVM alone`, async () => {
      const app = applications.get(title) as Application
      const reference = references.get(named) as Application
      const [ours, theirs] = await Promise.all([app.output(), reference.output()])
      // What Kafka Streams held back, Brook finds; what it holds back itself, Kafka Streams does not find after a restart.
      const heldBackUntilMs = variant.sides[0] === 'jvm' ? firstPartMs : 0
      expect(Object.keys(theirs).length).toBeGreaterThan(100)
      expect.soft(differences(await app.internalTopics(), await reference.internalTopics())).toEqual({})
      if (!cached) {
        const compared = everyRecord(ours, heldBackUntilMs)
        expect.soft(differences(compared, everyRecord(theirs, heldBackUntilMs))).toEqual({})
      }
      expect.soft(differences(inTheEnd(ours, cached), inTheEnd(theirs, cached))).toEqual({})
      expect.soft(differences(await app.changelogs(cached), await reference.changelogs(cached))).toEqual({})
    })
  }
})

function titleOf({ sides, guarantee, named, cached, groupProtocol = 'classic' }: Variant): string {
  const names = named ? 'named and optimised' : 'generated names'
  const how = [guarantee, names, cached ? 'record cache' : 'no record cache', `group protocol ${groupProtocol}`]
  return `${sides.join(', ')}; ${how.join(', ')}`
}
