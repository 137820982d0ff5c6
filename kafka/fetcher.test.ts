import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../common/log.ts'
import type { Lane } from './broker-link.ts'
import { KafkaUnavailableError, OffsetOutOfRangeError } from './errors.ts'
import { Fetcher, type FetcherCluster } from './fetcher.ts'
import type { FetchedBatch } from './port.ts'
import type { Api } from './protocol/api.ts'
import type { FetchResponse } from './protocol/fetch.ts'
import { WireReader, WireWriter } from './protocol/wire.ts'
import { encodeRecordBatch } from './record-batch.ts'

interface Asked {
  readonly node: number
  readonly lane: Lane
  readonly maxWaitMs: number
  readonly partitions: readonly { readonly partition: number; readonly offset: number; readonly maxBytes: number }[]
  answer(response: FetchResponse): void
  fail(error: Error): void
}

/** A cluster whose brokers answer when the test says so. */
class FakeCluster implements FetcherCluster {
  readonly asked: Asked[] = []
  leader = 1
  refreshes = 0

  leaderOf(): number {
    return this.leader
  }

  partitionCount(): number {
    return 3
  }

  node(node: number): Promise<{ request<T>(api: Api<T>, lane: Lane): Promise<T> }> {
    const request = <T>(api: Api<T>, lane: Lane): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const { maxWaitMs, partitions } = decodeFetch(api)
        const answer = (response: FetchResponse): void => resolve(response as T)
        this.asked.push({ node, lane, maxWaitMs, partitions, answer, fail: reject })
      })
    return Promise.resolve({ request })
  }

  refresh(): Promise<void> {
    this.refreshes++
    return Promise.resolve()
  }

  keepFresh(): void {}
}

function decodeFetch(api: Api<unknown>): Pick<Asked, 'maxWaitMs' | 'partitions'> {
  const writer = new WireWriter()
  api.encode(writer)
  const r = new WireReader(writer.toBuffer())
  r.int32()
  const maxWaitMs = r.int32()
  r.int32()
  r.int32()
  r.int8()
  r.int32()
  r.int32()
  const partitions: { partition: number; offset: number; maxBytes: number }[] = []
  r.array(() => {
    r.string()
    r.array(() => {
      const partition = r.int32()
      r.int32()
      const offset = r.int64()
      r.int64()
      partitions.push({ partition, offset, maxBytes: r.int32() })
    })
  })
  return { maxWaitMs, partitions }
}

function answerOf(partition: number, values: readonly string[], from = 0, errorCode = 0): FetchResponse {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 0 }))
  const data = records.length > 0 ? encodeRecordBatch(records, { baseOffset: from }) : Buffer.alloc(0)
  const end = from + values.length
  const answer = { topic: 't', partition, errorCode, highWatermark: end, lastStableOffset: end, aborted: [], data }
  return { errorCode: 0, partitions: [answer] }
}

function values(batches: readonly FetchedBatch[]): string[] {
  return batches.flatMap((batch) => batch.records.map((record) => `${record.value}`))
}

const at = (partition: number, offset: number) => ({ topic: 't', partition, offset })
const fetchers: Fetcher[] = []
afterEach(() => {
  for (const fetcher of fetchers.splice(0)) fetcher.close()
})

function rig(): { cluster: FakeCluster; fetcher: Fetcher } {
  const cluster = new FakeCluster()
  const fetcher = new Fetcher(cluster, {
    isolationLevel: 'read_uncommitted',
    maxPartitionBytes: 1_000,
    logger: silentLogger,
  })
  fetchers.push(fetcher)
  return { cluster, fetcher }
}

async function question(cluster: FakeCluster, index: number): Promise<Asked> {
  for (const deadlineMs = Date.now() + 2_000; ; ) {
    const asked = cluster.asked[index]
    if (asked) return asked
    if (Date.now() > deadlineMs) throw new Error(`only ${cluster.asked.length} fetches, wanted ${index + 1}`)
    await sleep(1)
  }
}

describe('the fetcher', () => {
  it('asks for all partitions at once, and goes on from where each answer ended', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 5), at(1, 9)])
    const first = await question(cluster, 0)
    expect(first.partitions.map((p) => [p.partition, p.offset])).toEqual([
      [0, 5],
      [1, 9],
    ])
    first.answer(answerOf(0, ['a', 'b'], 5))
    await fetcher.wait(1_000)
    expect(values(fetcher.take())).toEqual(['a', 'b'])
    const second = await question(cluster, 1)
    expect(second.partitions.map((p) => [p.partition, p.offset]).sort()).toEqual([
      [0, 7],
      [1, 9],
    ])
  })

  it('does not ask a broker again while something of it was not handed out', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0), at(1, 0)])
    ;(await question(cluster, 0)).answer(answerOf(0, ['a']))
    await sleep(20)
    expect(cluster.asked).toHaveLength(1)
    fetcher.take()
    await question(cluster, 1)
  })

  it('drops the answer to a question from before a seek', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    const old = await question(cluster, 0)
    fetcher.seek({ topic: 't', partition: 0 }, 3)
    const beside = await question(cluster, 1)
    expect(beside.partitions).toMatchObject([{ partition: 0, offset: 3 }])
    old.answer(answerOf(0, ['old'], 0))
    beside.answer(answerOf(0, ['new'], 3))
    await fetcher.wait(1_000)
    expect(values(fetcher.take())).toEqual(['new'])
  })

  it('asks for a resumed partition beside the long poll, without making the broker wait', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0), at(1, 0)])
    ;(await question(cluster, 0)).answer(answerOf(0, []))
    fetcher.pause([{ topic: 't', partition: 1 }])
    ;(await question(cluster, 1)).answer(answerOf(0, []))
    const long = await question(cluster, 2)
    expect([long.lane, long.partitions.map((p) => p.partition)]).toEqual(['fetch', [0]])
    fetcher.resume([{ topic: 't', partition: 1 }])
    const beside = await question(cluster, 3)
    expect([beside.lane, beside.maxWaitMs, beside.partitions.map((p) => p.partition)]).toEqual(['main', 0, [1]])
    beside.answer(answerOf(1, []))
    await sleep(20)
    expect(cluster.asked).toHaveLength(4)
  })

  it('keeps what was fetched of a paused partition for later', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    const asked = await question(cluster, 0)
    fetcher.pause([{ topic: 't', partition: 0 }])
    asked.answer(answerOf(0, ['a']))
    await sleep(5)
    expect(fetcher.take()).toEqual([])
    fetcher.resume([{ topic: 't', partition: 0 }])
    expect(values(fetcher.take())).toEqual(['a'])
  })

  it('follows the leader to another broker', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    const asked = await question(cluster, 0)
    cluster.leader = 2
    asked.answer(answerOf(0, [], 0, 6))
    const next = await question(cluster, 1)
    expect([next.node, cluster.refreshes]).toEqual([2, 1])
  })

  it('tries on, with pauses, while a broker is away', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    ;(await question(cluster, 0)).fail(new KafkaUnavailableError('away'))
    ;(await question(cluster, 1)).fail(new KafkaUnavailableError('away'))
    ;(await question(cluster, 2)).answer(answerOf(0, ['back']))
    await fetcher.wait(1_000)
    expect(values(fetcher.take())).toEqual(['back'])
  })

  it('asks for more bytes when not even one batch fitted', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    const whole = answerOf(0, ['a'])
    const cut = { ...whole.partitions[0]!, data: whole.partitions[0]!.data.subarray(0, 40) }
    ;(await question(cluster, 0)).answer({ errorCode: 0, partitions: [cut] })
    await fetcher.wait(1_000)
    expect(fetcher.take()).toEqual([])
    expect((await question(cluster, 1)).partitions[0]?.maxBytes).toBe(2_000)
  })

  it.each([
    ['an offset that is not in the log', answerOf(0, [], 0, 1), OffsetOutOfRangeError],
    [
      'bytes that do not fit their checksum',
      (() => {
        const whole = answerOf(0, ['a']).partitions[0]!
        return { errorCode: 0, partitions: [{ ...whole, data: Buffer.from(whole.data).fill(0xee, 65, 66) }] }
      })(),
      /CORRUPT|t-0 at 0/,
    ],
  ])('fails the partition for %s, hands the others out first, and recovers by a seek', async (_, bad, expected) => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0), at(1, 0)])
    const good = answerOf(1, ['good'])
    ;(await question(cluster, 0)).answer({ errorCode: 0, partitions: [...bad.partitions, ...good.partitions] })
    await fetcher.wait(1_000)
    expect(values(fetcher.take())).toEqual(['good'])
    expect(() => fetcher.take()).toThrow(expected)
    expect(() => fetcher.take()).toThrow(expected)
    fetcher.seek({ topic: 't', partition: 0 }, 4)
    expect(fetcher.take()).toEqual([])
  })

  it('tells the lag from what was handed out to the end', async () => {
    const { cluster, fetcher } = rig()
    fetcher.assign([at(0, 0)])
    expect(fetcher.lag({ topic: 't', partition: 0 })).toBeUndefined()
    ;(await question(cluster, 0)).answer(answerOf(0, ['a', 'b']))
    await fetcher.wait(1_000)
    expect(fetcher.lag({ topic: 't', partition: 0 })).toBe(2)
    fetcher.take()
    expect(fetcher.lag({ topic: 't', partition: 0 })).toBe(0)
  })
})
