import { describe, expect, it } from 'vitest'
import * as fc from '../../../test/support/property.ts'
import {
  EmitStrategy,
  type KTable,
  SessionWindows,
  StreamsBuilder,
  serdes,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  type Windowed,
} from '../../index.ts'

const NUMBERS = { key: serdes.string, value: serdes.integer }
const SUMS = { key: serdes.string, value: serdes.json<number[]>() }
type Input = readonly [key: string, value: number, timestampMs: number]

const key = fc.constantFrom('a', 'b', 'c')
const records = (untilMs: number): fc.Arbitrary<Input[]> =>
  fc.array(fc.tuple(key, fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: untilMs })), { maxLength: 60 })
const windows = fc.record({
  gapMs: fc.integer({ min: 0, max: 12 }),
  graceMs: fc.integer({ min: 0, max: 15 }),
  caching: fc.boolean(),
})

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>, numRuns = 150): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, property), { numRuns })
}

interface Session {
  readonly startMs: number
  readonly endMs: number
  readonly sum: readonly [count: number, sum: number]
}

/** Sessions of one record after the other, by the rules and nothing else. */
class SessionModel {
  readonly sessions = new Map<string, Session[]>()
  /** Sessions that have closed, in the order they did. */
  readonly closed: string[] = []
  late = 0
  #streamTimeMs = -1
  #closedMs = 0
  readonly #gapMs: number
  readonly #graceMs: number

  constructor(gapMs: number, graceMs: number) {
    this.#gapMs = gapMs
    this.#graceMs = graceMs
  }

  add([k, value, timestampMs]: Input): void {
    this.#streamTimeMs = Math.max(this.#streamTimeMs, timestampMs)
    const closeMs = this.#streamTimeMs - this.#graceMs - this.#gapMs
    const all = this.sessions.get(k) ?? []
    const touches = (s: Session): boolean =>
      s.endMs >= closeMs && s.endMs >= timestampMs - this.#gapMs && s.startMs <= timestampMs + this.#gapMs
    const merged = all.filter(touches)
    const session: Session = {
      startMs: Math.min(timestampMs, ...merged.map((s) => s.startMs)),
      endMs: Math.max(timestampMs, ...merged.map((s) => s.endMs)),
      sum: [1 + merged.reduce((n, s) => n + s.sum[0], 0), value + merged.reduce((n, s) => n + s.sum[1], 0)],
    }
    if (session.endMs < closeMs) this.late++
    else this.sessions.set(k, [...all.filter((s) => !merged.includes(s)), session])
    this.#close(closeMs)
  }

  get final(): ReadonlyMap<string, Session['sum']> {
    const all = [...this.sessions].flatMap(([k, list]) => list.map((s) => [nameOf(k, s), s.sum] as const))
    return new Map(all)
  }

  #close(closeMs: number): void {
    const due = [...this.sessions]
      .flatMap(([k, list]) => list.map((s) => ({ ...s, name: nameOf(k, s) })))
      .filter((s) => s.endMs >= this.#closedMs && s.endMs < closeMs)
      .sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs || (a.name < b.name ? -1 : 1))
    this.#closedMs = Math.max(this.#closedMs, closeMs)
    this.closed.push(...due.map(({ name, sum }) => `${name}=${sum}`))
  }
}

function nameOf(k: string, { startMs, endMs }: { startMs: number; endMs: number }): string {
  return `${k}@${startMs}-${endMs}`
}

interface Sums {
  readonly gapMs: number
  readonly graceMs: number
  readonly caching?: boolean
  readonly emit?: EmitStrategy
}

function sums(
  builder: StreamsBuilder,
  { gapMs, graceMs, caching = false, emit }: Sums,
): KTable<Windowed<string>, number[]> {
  const sessions = builder
    .stream('in', NUMBERS)
    .groupByKey()
    .windowedBy(SessionWindows.ofInactivityGapAndGrace(gapMs, graceMs))
  return (emit === undefined ? sessions : sessions.emitStrategy(emit)).aggregate<number[]>(
    () => [0, 0],
    (sum, value) => plus(sum, [1, value]),
    // In place, and of either side: nobody else may notice.
    (one, other) => (other[0] === 1 ? plus(one, other) : plus(other, one)),
    { store: 'sums', value: serdes.json<number[]>(), caching },
  )
}

function plus(sum: number[], by: readonly number[]): number[] {
  sum[0] = (sum[0] ?? 0) + (by[0] ?? 0)
  sum[1] = (sum[1] ?? 0) + (by[1] ?? 0)
  return sum
}

async function driverOf(build: (builder: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  return TopologyTestDriver.create(builder.build(), options)
}

const toOut = (table: KTable<Windowed<string>, number[]>): void =>
  table.toStream((_sum, windowed) => nameOf(windowed.key, windowed)).to('out', { key: serdes.string })

async function finalSums(list: readonly Input[], plan: Sums) {
  const driver = await driverOf((b) => toOut(sums(b, plan)))
  const topic = driver.createInputTopic('in', NUMBERS)
  for (const record of list) topic.pipeInput(...record)
  const map = driver.createOutputTopic('out', SUMS).readToMap()
  const late = driver.dropped.get('late') ?? 0
  await driver.close()
  return { map, late }
}

describe('sessions', () => {
  it('are what a list gives that is gone through by the rules, and every late record is counted', async () => {
    await check(fc.record({ plan: windows, list: records(60) }), async ({ plan, list }) => {
      const model = new SessionModel(plan.gapMs, plan.graceMs)
      for (const record of list) model.add(record)
      const { map, late } = await finalSums(list, plan)
      expect(map).toEqual(model.final)
      expect(late).toBe(model.late)
    })
  })

  it('are what their sorted times give when no record is late, whatever the order they come in', async () => {
    const shuffled = records(40).chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }), windows),
    )
    await check(shuffled, async ([list, otherOrder, { gapMs, caching }]) => {
      const expected = new Map<string, number[]>()
      for (const k of ['a', 'b', 'c']) {
        const sorted = list.filter((r) => r[0] === k).sort((x, y) => x[2] - y[2])
        let at = 0
        while (at < sorted.length) {
          const first = at
          const timeOf = (i: number): number => (sorted[i] as Input)[2]
          while (at + 1 < sorted.length && timeOf(at + 1) - timeOf(at) <= gapMs) at++
          const inside = sorted.slice(first, at + 1)
          const session = { startMs: timeOf(first), endMs: timeOf(at) }
          expected.set(nameOf(k, session), [inside.length, inside.reduce((sum, r) => sum + r[1], 0)])
          at++
        }
      }
      const plan = { gapMs, graceMs: 40, caching }
      expect((await finalSums(list, plan)).map).toEqual(expected)
      expect((await finalSums(otherOrder, plan)).map).toEqual(expected)
    })
  })

  it('are counted once by an aggregation of the table, however often they merge', async () => {
    await check(fc.record({ plan: windows, list: records(60) }), async ({ plan, list }) => {
      const model = new SessionModel(plan.gapMs, plan.graceMs)
      for (const record of list) model.add(record)
      const expected = new Map<string, number[]>()
      for (const [k, sessions] of model.sessions)
        for (const { sum } of sessions) expected.set(k, plus(expected.get(k) ?? [0, 0], sum))
      const driver = await driverOf((b) =>
        sums(b, plan)
          .groupBy((sum, windowed) => [windowed.key, sum], SUMS)
          .reduce(
            (a, v) => plus(a.slice(), v),
            (a, v) =>
              plus(
                a.slice(),
                v.map((n) => -n),
              ),
          )
          .toStream()
          .to('out', SUMS),
      )
      const topic = driver.createInputTopic('in', NUMBERS)
      for (const record of list) topic.pipeInput(...record)
      expect(driver.createOutputTopic('out', SUMS).readToMap()).toEqual(expected)
      await driver.close()
    })
  })

  it('come out once each when they close, in their order, with commits and restarts at any place', async () => {
    const pauses = fc.array(fc.constantFrom('none', 'none', 'commit', 'kept', 'lost', 'wait'), {
      minLength: 60,
      maxLength: 60,
    })
    // In minutes, sessions leave the store's segments; looked for now and then, they have to stay until they are sent.
    const scale = fc.constantFrom({ ms: 1, emitIntervalMs: 0 }, { ms: 60_000, emitIntervalMs: 1_000 })
    const input = fc.record({ plan: windows, list: records(90), pauses, scale })
    await check(input, async ({ plan, list, pauses: at, scale: { ms, emitIntervalMs } }) => {
      const scaled = { gapMs: plan.gapMs * ms, graceMs: plan.graceMs * ms, emit: EmitStrategy.onWindowClose() }
      const model = new SessionModel(scaled.gapMs, scaled.graceMs)
      const driver = await driverOf((b) => toOut(sums(b, scaled)), {
        commitEveryRecord: false,
        restartable: true,
        emitIntervalMs,
      })
      const put = (record: Input): void => {
        model.add(record)
        driver.createInputTopic('in', NUMBERS).pipeInput(...record)
      }
      for (const [i, [k, value, timestampMs]] of list.entries()) {
        put([k, value, timestampMs * ms])
        const pause = at[i]
        if (pause === 'wait') driver.advanceWallClockTime(600)
        else if (pause !== 'none') driver.commit()
        if (pause === 'kept' || pause === 'lost') await driver.restart({ state: pause })
      }
      driver.advanceWallClockTime(1_000)
      put(['end', 0, 200 * ms])
      driver.commit()
      const closed = driver.createOutputTopic('out', SUMS).readRecords()
      expect(closed.map((r) => `${r.key}=${r.value}`)).toEqual(model.closed)
      expect(driver.dropped.get('late') ?? 0).toBe(model.late)
      await driver.close()
    })
  })

  it('end as the same table with commits and restarts at any place, with the record cache and without', async () => {
    const pauses = fc.array(fc.constantFrom('none', 'none', 'commit', 'kept', 'lost'), { minLength: 60, maxLength: 60 })
    await check(fc.record({ plan: windows, list: records(90), pauses }), async ({ plan, list, pauses: at }) => {
      const driver = await driverOf((b) => toOut(sums(b, plan)), {
        commitEveryRecord: false,
        restartable: true,
        storeCacheEntries: 2,
      })
      for (const [i, record] of list.entries()) {
        driver.createInputTopic('in', NUMBERS).pipeInput(...record)
        if (at[i] !== 'none') driver.commit()
        if (at[i] === 'kept' || at[i] === 'lost') await driver.restart({ state: at[i] })
      }
      driver.commit()
      const model = new SessionModel(plan.gapMs, plan.graceMs)
      for (const record of list) model.add(record)
      expect(driver.createOutputTopic('out', SUMS).readToMap()).toEqual(model.final)
      await driver.close()
    })
  })
})
