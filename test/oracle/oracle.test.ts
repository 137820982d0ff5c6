import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { serdes, TopologyTestDriver } from '../../streams/index.ts'
import { SCENARIOS, topologyOf } from './scenarios.ts'

type Raw = readonly [key: string | null, value: string | null, timestampMs: number, headers: string]
type Step = readonly [
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number,
  produced: Record<string, Raw[]>,
]

interface Recorded {
  readonly describe: string
  /** With the default record cache. */
  readonly steps: Step[]
  /** The same records with `statestore.cache.max.bytes` 0. */
  readonly withoutCache: Step[]
}

/** What `Oracle.java` recorded on Kafka Streams itself. */
const golden = JSON.parse(
  gunzipSync(readFileSync(new URL('kafka-streams-4.3.1.json.gz', import.meta.url))).toString('utf8'),
) as { readonly version: string; readonly scenarios: Record<string, Recorded> }

/**
 * Without the record cache, a stream aggregation of Kafka Streams says that the initializer's value was there before the first
 * record of a key, which grouping the result then subtracts from a group it was never in. With the cache it does not; nor do we ever.
 */
const INITIALIZER_AS_OLD_VALUE: readonly string[] = ['aggregate-group', 'windowed-group-by']

describe(`as recorded on Kafka Streams ${golden.version}`, () => {
  it('every scenario is in both languages', () => {
    expect(Object.keys(SCENARIOS).sort()).toEqual(Object.keys(golden.scenarios).sort())
  })

  const scenarios = Object.entries(golden.scenarios)

  it.each(scenarios)('%s: the topology is described with the same text', (name, { describe: text }) => {
    expect(topologyOf(name).describe().toString()).toBe(text)
  })

  it.each(scenarios)('%s: the same records go to the same topics', async (name, { steps }) => {
    await replay(name, steps, undefined)
  })

  it.each(scenarios.filter(([name]) => !INITIALIZER_AS_OLD_VALUE.includes(name)))(
    '%s: the same without the record cache',
    async (name, { withoutCache }) => {
      await replay(name, withoutCache, 0)
    },
  )
})

async function replay(name: string, steps: readonly Step[], cacheMaxBytes: number | undefined): Promise<void> {
  const driver = await TopologyTestDriver.create(topologyOf(name), {
    applicationId: 'app',
    ...(cacheMaxBytes === undefined ? {} : { cacheMaxBytes }),
  })
  for (const [i, [topic, key, value, timestampMs, produced]] of steps.entries()) {
    const headers = [{ key: 'n', value: Buffer.from(String(i)) }]
    driver
      .createInputTopic(topic, { key: serdes.string, value: serdes.string })
      .pipeInput(key, value, { timestampMs, headers })
    for (const out of new Set([...driver.producedTopicNames(), ...Object.keys(produced)])) {
      const where = `${out} after record ${i} (${topic} ${key}=${value}@${timestampMs})`
      compare(out, where, readRaw(driver, out), produced[out] ?? [])
    }
  }
  await driver.close()
}

function readRaw(driver: TopologyTestDriver, topic: string): readonly Raw[] {
  const records = driver.createOutputTopic(topic, { key: serdes.bytes, value: serdes.bytes }).readRecords()
  return records.map((r) => [
    hex(r.key),
    hex(r.value),
    r.timestampMs,
    r.headers.map((h) => `${h.key}=${h.value}`).join(' '),
  ])
}

function hex(data: Buffer | null): string | null {
  return data === null ? null : data.toString('hex')
}

function compare(topic: string, where: string, ours: readonly Raw[], theirs: readonly Raw[]): void {
  if (!topic.endsWith('-changelog')) expect(ours, where).toEqual(theirs)
  else if (isJoinStore(topic))
    expect(theirs.map(withoutSequence), where).toEqual(expect.arrayContaining(ours.map(withoutSequence)))
  else expect(lastOfEach(ours), where).toEqual(lastOfEach(theirs))
}

/** Kafka Streams may write a row more than once a commit. */
function lastOfEach(records: readonly Raw[]): unknown {
  return Object.fromEntries(records.map(([key, value, timestampMs]) => [key, [value, timestampMs]]))
}

/** Kafka Streams writes to these changelogs what the store itself refuses: tombstones and expired records, which count in the sequence. */
function isJoinStore(topic: string): boolean {
  return /(JOINTHIS|JOINOTHER|OUTERTHIS|OUTEROTHER)-\d+-store-|-(this|other)-join-store-/.test(topic)
}

function withoutSequence([key, value, timestampMs]: Raw): readonly unknown[] {
  return [key?.slice(0, -8), value, timestampMs]
}
