import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { StreamsBuilder, serdes, type Topology, TopologyTestDriver } from '../../streams/index.ts'
import { type Recorded, type Recording, recordingFile, type Step, WALL_CLOCK } from './recording.ts'
import type { Scenario, Scenarios } from './scenarios/shared.ts'

export type Raw = readonly [key: string | null, value: string | null, timestampMs: number | null, headers: string]

/** Replays what Kafka Streams did with the scenarios of one area, on our test driver. */
export function replayArea(area: string, scenarios: Scenarios): void {
  const golden = readRecording(area)
  const recorded = Object.entries(golden.scenarios)
  const differs = (name: string, what: 'withCache' | 'withoutCache' | 'describe'): boolean =>
    scenarioOf(scenarios, name).deviation?.[what] === true

  describe(`${area}, as recorded on Kafka Streams ${golden.version}`, () => {
    it('every scenario is in both languages', () => {
      expect(Object.keys(scenarios).sort()).toEqual(Object.keys(golden.scenarios).sort())
    })

    it.each(recorded.filter(([name]) => !differs(name, 'describe')))(
      '%s: the topology is described with the same text',
      (name, { describe: text }) => {
        expect(topologyOf(scenarioOf(scenarios, name)).describe().toString()).toBe(text)
      },
    )

    it.each(recorded.filter(([name, { steps }]) => steps !== undefined && !differs(name, 'withCache')))(
      '%s: the same records go to the same topics',
      (name, { steps = [], dropped }) => replay(scenarioOf(scenarios, name), steps, undefined, dropped),
    )

    it.each(recorded.filter(([name, r]) => r.withoutCache !== undefined && !differs(name, 'withoutCache')))(
      '%s: the same without the record cache',
      (name, { withoutCache = [], droppedWithoutCache }) =>
        replay(scenarioOf(scenarios, name), withoutCache, 0, droppedWithoutCache),
    )
  })
}

export function readRecording(area: string): Recording {
  const file = recordingFile(area)
  if (!existsSync(file)) throw new Error(`there is no recording of ${area}: npm run oracle -- ${area}`)
  return JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Recording
}

export function scenarioOf(scenarios: Scenarios, name: string): Scenario {
  const scenario = scenarios[name]
  if (scenario === undefined) throw new Error(`scenario ${name} is recorded but not written in TypeScript`)
  return typeof scenario === 'function' ? { build: scenario } : scenario
}

export function topologyOf(scenario: Scenario): Topology {
  if (scenario.topology !== undefined) return scenario.topology()
  const builder = new StreamsBuilder()
  scenario.build?.(builder)
  return builder.build()
}

async function replay(
  scenario: Scenario,
  steps: readonly Step[],
  cacheMaxBytes: number | undefined,
  dropped: Recorded['dropped'],
): Promise<void> {
  const driver = await TopologyTestDriver.create(topologyOf(scenario), {
    applicationId: 'app',
    ...(cacheMaxBytes === undefined ? {} : { cacheMaxBytes }),
    ...scenario.driver,
  })
  let failed = false
  for (const [i, step] of numbered(steps)) {
    const [topic, key, value, timestampMs, produced] = step
    const where = `after record ${i} (${topic} ${key}=${value}@${timestampMs})`
    if (produced['@error'] === undefined) feed(driver, step, i)
    else expect(() => feed(driver, step, i), `${produced['@error']} ${where}`).toThrow()
    failed = produced['@error'] !== undefined
    for (const out of new Set([...driver.producedTopicNames(), ...Object.keys(produced)]))
      if (!out.startsWith('@') && !(out.endsWith('-changelog') && hasOtherChangelogs(scenario, cacheMaxBytes)))
        compare(out, `${out} ${where}`, readRaw(driver, out), (produced[out] ?? []) as Raw[])
  }
  if (dropped !== undefined && !failed && scenario.deviation?.drops !== true)
    expect(
      [...driver.dropped.values()].reduce((sum, n) => sum + n, 0),
      'dropped records',
    ).toBe(dropped)
  await driver.close()
}

function hasOtherChangelogs({ deviation }: Scenario, cacheMaxBytes: number | undefined): boolean {
  return deviation?.changelogs === true || (deviation?.changelogs === 'withoutCache' && cacheMaxBytes === 0)
}

/** Records are numbered in a header; advances of the wall clock are not counted. */
export function* numbered(steps: readonly Step[]): Iterable<readonly [number, Step]> {
  let i = 0
  for (const step of steps) yield [step[0] === WALL_CLOCK ? i : i++, step]
}

export function feed(driver: TopologyTestDriver, [topic, key, value, timestampMs]: Step, number: number): void {
  if (topic === WALL_CLOCK) {
    driver.advanceWallClockTime(timestampMs)
    return
  }
  const input = driver.createInputTopic(topic, { key: serdes.string, value: serdes.string })
  input.pipeInput(key as never, value as never, { timestampMs, headers: numberHeader(number) })
}

/** {@link feed} of a record to a driver whose state answers later. */
export async function feedSlowly(driver: TopologyTestDriver, step: Step, number: number): Promise<void> {
  const [topic, key, value, timestampMs] = step
  const input = driver.createInputTopic(topic, { key: serdes.string, value: serdes.string })
  await input.pipeInputAsync(key as never, value as never, { timestampMs, headers: numberHeader(number) })
}

function numberHeader(number: number) {
  return [{ key: 'n', value: Buffer.from(String(number)) }]
}

export function readRaw(driver: TopologyTestDriver, topic: string): readonly Raw[] {
  const records = driver.createOutputTopic(topic, { key: serdes.bytes, value: serdes.bytes }).readRecords()
  return records.map((r) => [
    hex(r.key),
    hex(r.value),
    r.timestampMs,
    trimmed(r.headers.map((h) => `${h.key}=${h.value}`).join(' ')),
  ])
}

/** As Java trims: control characters at the end go too. */
function trimmed(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) <= 0x20) end--
  return text.slice(0, end)
}

function hex(data: Buffer | null): string | null {
  return data === null ? null : data.toString('hex')
}

function compare(topic: string, where: string, ours: readonly Raw[], theirs: readonly Raw[]): void {
  if (!topic.endsWith('-changelog')) expect(ours, where).toEqual(theirs)
  else if (isJoinStore(topic))
    expect(theirs.map(withoutSequence), where).toEqual(expect.arrayContaining(ours.map(withoutSequence)))
  else if (isForgetfulTable(topic)) compareForgetful(where, ours, theirs)
  else if (isVersionedStore(topic)) expect(theirs, where).toEqual(expect.arrayContaining([...ours]))
  else {
    const left = topic.endsWith('-Buffer-changelog') ? withoutPassing(theirs) : theirs
    expect(lastOfEach(isTimeless(theirs) ? ours.map(withoutTime) : ours), where).toEqual(lastOfEach(left))
  }
}

/** Buffers leave the time of their changelog's records to the broker: in the recording they have none. */
function isTimeless(theirs: readonly Raw[]): boolean {
  return theirs.length > 0 && theirs.every(([, , timestampMs]) => timestampMs === null)
}

function withoutTime([key, value, , headers]: Raw): Raw {
  return [key, value, null, headers]
}

/** Kafka Streams may write a row more than once a commit. */
function lastOfEach(records: readonly Raw[]): unknown {
  return Object.fromEntries(records.map(([key, ...rest]) => [key, rest]))
}

/** Kafka Streams writes to these changelogs what the store itself refuses: tombstones and expired records, which count in the sequence. */
function isJoinStore(topic: string): boolean {
  return /(JOINTHIS|JOINOTHER|OUTERTHIS|OUTEROTHER)-\d+-store-|-(this|other)-join-store-/.test(topic)
}

/** Kafka Streams writes to these changelogs what the store refuses as older than its history; that is counted as dropped. */
function isVersionedStore(topic: string): boolean {
  return topic.endsWith('-versions-changelog')
}

/** Kafka Streams does not tell these changelogs which rows have left the store, though it does where processors use it. */
function isForgetfulTable(topic: string): boolean {
  return topic.endsWith('-recent-changelog')
}

/** The same, but for tombstones of ours. */
function compareForgetful(where: string, ours: readonly Raw[], theirs: readonly Raw[]): void {
  const last = new Map(theirs.map((record) => [record[0], record]))
  const kept = ours.filter(([key, value]) => value !== null || last.get(key)?.[1] === null)
  expect(kept, where).toEqual(kept.map(([key]) => last.get(key)))
  expect(new Set(ours.map(([key]) => key)), where).toEqual(new Set([...ours, ...theirs].map(([key]) => key)))
}

/** Kafka Streams also writes what a buffer took and gave back within one commit. */
function withoutPassing(records: readonly Raw[]): readonly Raw[] {
  const came = new Set(records.filter(([, value]) => value !== null).map(([key]) => key))
  const went = new Set(records.filter(([, value]) => value === null).map(([key]) => key))
  return records.filter(([key]) => !(came.has(key) && went.has(key)))
}

function withoutSequence([key, value, timestampMs, headers]: Raw): readonly unknown[] {
  return [key?.slice(0, -8), value, timestampMs, headers]
}
