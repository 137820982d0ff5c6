import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { lastHeader, partitionName } from '../../common/record.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import {
  deadLetterAndContinue,
  KafkaStreams,
  type ProcessingGuarantee,
  StreamsBuilder,
  serdes,
  type Topology,
} from '../../streams/index.ts'
import { randomOf, readCommitted, untilConsumed } from './committed.ts'

const PARTITIONS = 2
const MEBIBYTE = 1024 * 1024
/** What may be written to the copies and to the dead letters. */
const MOST_BYTES = MEBIBYTE
/** Processing is told to fail at these of the records that it cannot use, the first time that it meets them. */
const FAILS_AT = [3, 40, 90]

interface Reading {
  readonly n: number
  readonly pad?: string
}

export interface BadRecordsOptions {
  readonly guarantee: ProcessingGuarantee
  readonly records: number
  /** Size of the records that are too large for the copies; 0: there are none. */
  readonly largeBytes: number
  readonly seed: number
}

interface Input {
  readonly key: string
  readonly value: Buffer
  readonly partition: number
}

/** Good readings, bytes at random, JSON that is no reading, and readings that are too large. */
function inputsOf({ records, largeBytes, seed }: BadRecordsOptions): readonly Input[] {
  const random = randomOf(seed)
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
  const reading = (more: Partial<Reading>): Buffer =>
    Buffer.from(JSON.stringify({ n: Math.floor(random() * 100), ...more }))
  return Array.from({ length: records }, (_, i): Input => {
    const partition = Math.floor(random() * PARTITIONS)
    const key = `device-${partition}-${Math.floor(random() * 5)}`
    const kind = random()
    if (largeBytes > 0 && (i === 20 || i === records - 20))
      return { key, partition, value: reading({ pad: 'x'.repeat(largeBytes) }) }
    if (kind < 0.2) return { key, partition, value: bytes(1 + Math.floor(random() * 200)) }
    if (kind < 0.3) return { key, partition, value: Buffer.from(random() < 0.5 ? '{"n":"many"}' : '[1]') }
    return { key, partition, value: reading({}) }
  })
}

function isReading(value: unknown): value is Reading {
  return typeof value === 'object' && value !== null && typeof (value as Reading).n === 'number'
}

function readingOf(bytes: Buffer): Reading | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isReading(value) ? value : undefined
  } catch {
    return undefined
  }
}

function topology(name: string): Topology {
  const builder = new StreamsBuilder()
  const readings = builder
    .stream(`${name}-in`, { key: serdes.string, value: serdes.json<Reading>() })
    .mapValues((value) => {
      if (!isReading(value)) throw new TypeError('this is no reading')
      return value
    })
  readings
    .groupByKey({ key: serdes.string, value: serdes.json<Reading>() })
    .aggregate(
      () => 0,
      (sum, { n }) => sum + n,
      { store: 'sums', value: serdes.json<number>() },
    )
    .toStream()
    .to(`${name}-sums`, { value: serdes.json<number>() })
  readings.to(`${name}-copies`, { key: serdes.string, value: serdes.json<Reading>() })
  return builder.build()
}

/** Runs bad and good records through an application that fails and is started anew in between, and compares all that is committed with the model. */
export async function survivesBadRecords(
  kafka: KafkaProvider,
  name: string,
  options: BadRecordsOptions,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-bad-records-'))
  const inputs = inputsOf(options)
  await kafka.admin().createTopics([
    { name: `${name}-in`, partitions: PARTITIONS, configs: { 'max.message.bytes': String(12 * MEBIBYTE) } },
    ...['sums', 'copies', 'dead'].map((topic) => ({
      name: `${name}-${topic}`,
      partitions: PARTITIONS,
      configs: { 'max.message.bytes': String(MOST_BYTES) },
    })),
  ])
  const producer = kafka.createProducer({ maxBatchBytes: 12 * MEBIBYTE })
  for (const [i, { key, value, partition }] of inputs.entries())
    producer.send(`${name}-in`, partition, { key: Buffer.from(key), value, timestampMs: i })
  await producer.flush()
  await producer.close()
  let unusable = 0
  let failures = 0
  const streams = new KafkaStreams(topology(name), {
    applicationId: name,
    kafka,
    stateDir: directory,
    processingGuarantee: options.guarantee,
    commitInterval: 20,
    cacheMaxBytes: 0,
    bufferedRecordsPerPartition: 50,
    sessionTimeout: '6s',
    heartbeatInterval: '500ms',
    deadLetterTopic: `${name}-dead`,
    onDeserializationError: deadLetterAndContinue,
    onProcessingError: (failure) => {
      if (!FAILS_AT.includes(unusable++)) return deadLetterAndContinue(failure)
      failures++
      return { result: 'fail', deadLetters: failure.deadLetters() }
    },
    onProductionError: deadLetterAndContinue,
    uncaughtExceptionHandler: 'replace-thread',
  })
  try {
    await streams.start()
    await untilConsumed(kafka, name, [`${name}-in`], 60_000)
    expect(failures).toBeGreaterThan(0)
  } finally {
    await streams.close()
    await rm(directory, { recursive: true, force: true })
  }
  await compareSums(kafka, name, inputs, options)
  await compareDeadLetters(kafka, name, inputs, options)
}

async function compareSums(
  kafka: KafkaProvider,
  name: string,
  inputs: readonly Input[],
  { guarantee }: BadRecordsOptions,
): Promise<void> {
  const expected = new Map<string, number[]>()
  for (const { key, value } of inputs) {
    const reading = readingOf(value)
    if (reading === undefined) continue
    const sums = expected.get(key) ?? []
    sums.push((sums.at(-1) ?? 0) + reading.n)
    expected.set(key, sums)
  }
  const found = new Map<string, number[]>()
  for (const { key, value } of (await readCommitted(kafka, `${name}-sums`)).flat()) {
    const sums = found.get(String(key)) ?? []
    sums.push(Number(value))
    found.set(String(key), sums)
  }
  if (guarantee === 'exactly_once') expect(sorted(found)).toEqual(sorted(expected))
  else for (const [key, sums] of expected) expect(found.get(key)?.at(-1)).toBeGreaterThanOrEqual(sums.at(-1) ?? 0)
}

/** One letter for each record that could not be used, with the bytes of the input. */
async function compareDeadLetters(
  kafka: KafkaProvider,
  name: string,
  inputs: readonly Input[],
  { guarantee, largeBytes }: BadRecordsOptions,
): Promise<void> {
  const next = Array.from({ length: PARTITIONS }, () => 0)
  const expected = new Map<string, string>()
  for (const { value, partition } of inputs) {
    const offset = next[partition] ?? 0
    next[partition] = offset + 1
    const reading = readingOf(value)
    if (reading === undefined)
      expected.set(`${partitionName(`${name}-in`, partition)}@${offset}`, value.toString('hex'))
    else if ((reading.pad?.length ?? 0) > MOST_BYTES)
      expected.set(`${partitionName(`${name}-in`, partition)}@${offset}`, 'left out')
  }
  const found = new Map<string, string>()
  let letters = 0
  for (const { value, headers } of (await readCommitted(kafka, `${name}-dead`)).flat()) {
    const header = (what: string): string => String(lastHeader(headers, `__streams.errors.${what}`))
    found.set(`${header('topic')}-${header('partition')}@${header('offset')}`, value?.toString('hex') ?? 'left out')
    letters++
  }
  expect(sorted(found)).toEqual(sorted(expected))
  if (largeBytes > 0) expect([...found.values()].filter((value) => value === 'left out')).toHaveLength(2)
  if (guarantee === 'exactly_once') expect(letters).toBe(expected.size)
  const copies = (await readCommitted(kafka, `${name}-copies`)).flat().length
  const good = inputs.length - expected.size
  if (guarantee === 'exactly_once') expect(copies).toBe(good)
  else expect(copies).toBeGreaterThanOrEqual(good)
}

function sorted<V>(map: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
