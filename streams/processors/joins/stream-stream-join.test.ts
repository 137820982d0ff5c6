import { describe, expect, it } from 'vitest'
import { JoinWindows, StreamsBuilder, serdes, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function topology(kind: 'leftJoin' | 'outerJoin' = 'outerJoin') {
  const builder = new StreamsBuilder()
  const [left, right] = [builder.stream('left', TEXT), builder.stream('right', TEXT)]
  const windows = JoinWindows.ofTimeDifferenceWithNoGrace(10)
  const text = (a: string | undefined, b: string | undefined): string => `${a ?? '-'}|${b ?? '-'}`
  const joined = kind === 'leftJoin' ? left.leftJoin(right, text, windows) : left.outerJoin(right, text, windows)
  joined.to('out', TEXT)
  return builder.build()
}

async function open(options: { emitIntervalMs?: number; commitEveryRecord?: boolean } = {}, joined = topology()) {
  const driver = await TopologyTestDriver.create(joined, options)
  const output = driver.createOutputTopic('out', TEXT)
  return {
    driver,
    left: driver.createInputTopic('left', TEXT),
    right: driver.createInputTopic('right', TEXT),
    out: () => output.readRecords().map((r) => `${r.key}=${r.value}@${r.timestampMs}`),
  }
}

describe('records without a partner', () => {
  it('are sent when their window has closed, by time, then right before left, then key', async () => {
    const { driver, left, right, out } = await open()
    left.pipeInput('b', 'l', 5)
    right.pipeInput('b2', 'r', 5)
    left.pipeInput('a', 'l', 5)
    right.pipeInput('z', 'r', 4)
    left.pipeInput('now', 'l', 15)
    expect(out()).toEqual(['z=-|r@4'])
    left.pipeInput('now', 'l', 16)
    expect(out()).toEqual(['b2=-|r@5', 'a=l|-@5', 'b=l|-@5'])
    await driver.close()
  })

  it('are looked for at most once per interval of the wall clock', async () => {
    const { driver, left, out } = await open({ emitIntervalMs: 1_000 })
    left.pipeInput('a', 'l', 0)
    left.pipeInput('b', 'l', 20)
    expect(out(), 'looked for at the first record').toEqual([])
    driver.advanceWallClockTime(999)
    left.pipeInput('c', 'l', 40)
    expect(out()).toEqual([])
    driver.advanceWallClockTime(1)
    left.pipeInput('d', 'l', 60)
    expect(out()).toEqual(['a=l|-@0', 'b=l|-@20', 'c=l|-@40'])
    await driver.close()
  })

  it('are sent at once when they come after their window has closed', async () => {
    const { driver, left, out } = await open()
    left.pipeInput('a', 'l', 100)
    left.pipeInput('b', 'late', 80)
    expect(out()).toEqual(['b=late|-@80'])
    await driver.close()
  })

  it('wait in hundreds and come out once each', async () => {
    const { driver, left, out } = await open({ commitEveryRecord: false })
    const keys = Array.from({ length: 700 }, (_, i) => `k${String(i).padStart(3, '0')}`)
    for (const key of keys) left.pipeInput(key, 'l', 0)
    left.pipeInput('end', 'l', 20)
    expect(out()).toEqual(keys.map((key) => `${key}=l|-@0`))
    left.pipeInput('end', 'l', 21)
    expect(out()).toEqual([])
    await driver.close()
  })

  it('that are several of one key and time all wait, and all go with the first partner', async () => {
    const { driver, left, right, out } = await open()
    left.pipeInput('a', '1', 0)
    left.pipeInput('a', '2', 0)
    left.pipeInput('b', '1', 0)
    left.pipeInput('b', '2', 0)
    right.pipeInput('a', 'r', 5)
    expect(out()).toEqual(['a=1|r@5', 'a=2|r@5'])
    right.pipeInput('x', 'r', 11)
    expect(out()).toEqual(['b=1|-@0', 'b=2|-@0'])
    await driver.close()
  })
})

describe('one topology in two tasks of the same name', () => {
  it('keeps the time of one from the other', async () => {
    const joined = topology('leftJoin')
    const first = await open({}, joined)
    first.left.pipeInput('a', 'l', 1_000)
    const second = await open({}, joined)
    second.left.pipeInput('a', 'l', 0)
    second.right.pipeInput('a', 'r', 5)
    expect(second.out()).toEqual(['a=l|r@5'])
    await first.driver.close()
    await second.driver.close()
  })
})
