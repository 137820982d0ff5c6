import { expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { type AsyncOptions, StreamsBuilder, serdes, TopologyTestDriver } from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

/** Per record: its key, how long its call takes (0: it has its result at once), how often the call fails before. */
const records = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c', null),
    delay: fc.integer({ min: 0, max: 3 }),
    failures: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 40 },
)
const input = fc.record({
  records,
  concurrency: fc.integer({ min: 1, max: 6 }),
  more: fc.integer({ min: 0, max: 10 }),
  order: fc.constantFrom('partition' as const, 'key' as const, 'none' as const),
  settleEvery: fc.integer({ min: 1, max: 15 }),
})

type Case = typeof input extends fc.Arbitrary<infer T> ? T : never

async function run({ records, concurrency, more, order, settleEvery }: Case) {
  const calls = records.map(() => 0)
  const running = { now: 0, most: 0, ofKey: new Map<string, number>(), mostOfKey: 0 }
  const call = (value: string, key: string): string | Promise<string> => {
    const { delay, failures } = records[Number(value)] as Case['records'][number]
    const failing = (calls[Number(value)] as number) < failures
    calls[Number(value)] = (calls[Number(value)] as number) + 1
    if (delay === 0 && !failing) return value
    enter(key, 1)
    return after(delay).then(() => {
      enter(key, -1)
      if (failing) throw new Error('not yet')
      return value
    })
  }
  const enter = (key: string, by: number): void => {
    running.now += by
    running.most = Math.max(running.most, running.now)
    if (key === null) return
    const ofKey = (running.ofKey.get(key) ?? 0) + by
    running.ofKey.set(key, ofKey)
    running.mostOfKey = Math.max(running.mostOfKey, ofKey)
  }
  const options: AsyncOptions<string, string, string> = {
    concurrency,
    capacity: concurrency + more,
    order,
    retry: { attempts: 3, backoff: 5, jitter: 0 },
  }
  const builder = new StreamsBuilder()
  builder.stream('in', TEXT).mapValuesAsync(call, options).to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  const topic = driver.createInputTopic('in', TEXT)
  const settle = async (): Promise<void> => {
    for (let waits = 0; waits < 200; waits++) {
      await driver.settle()
      driver.advanceWallClockTime(5)
    }
  }
  for (const [n, { key }] of records.entries()) {
    topic.pipeInput(key, String(n))
    if (n % settleEvery === 0) await driver.settle()
  }
  await settle()
  const output = driver.createOutputTopic('out', TEXT).readKeyValues()
  await driver.close()
  return { output, calls, running }
}

/** Some turns of the event loop. */
async function after(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}

it('calls with random durations and failures give what a synchronous operator gives, in the order that is asked for', async () => {
  await fc.assert(
    fc.asyncProperty(input, async (example) => {
      const { output, calls, running } = await run(example)
      const expected = example.records.map(({ key }, n) => [key, String(n)] as const)
      const ofKey = (all: readonly (readonly [string | null, string | null])[], key: string) =>
        all.filter(([k]) => k === key)
      if (example.order === 'partition') expect(output).toEqual(expected)
      if (example.order === 'key') {
        for (const key of ['a', 'b', 'c']) expect(ofKey(output, key)).toEqual(ofKey(expected, key))
        expect(running.mostOfKey).toBeLessThanOrEqual(1)
      }
      expect([...output].sort(byValue)).toEqual(expected)
      expect(calls).toEqual(example.records.map(({ failures }) => failures + 1))
      expect(running.most).toBeLessThanOrEqual(example.concurrency)
    }),
    { numRuns: 400 },
  )
})

function byValue(a: readonly [unknown, string | null], b: readonly [unknown, string | null]): number {
  return Number(a[1]) - Number(b[1])
}
