import { describe, expect, it } from 'vitest'
import { askCoordinator, askLeaders } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { errorName, kafkaError } from './protocol/codes.ts'
import { initProducerIdRequest } from './protocol/transaction.ts'

const CODES = Array.from({ length: 120 }, (_, code) => code).filter((code) => errorName(code) !== undefined)
const codeOf = (name: string): number => CODES.find((code) => errorName(code) === name) as number

/** A cluster of one broker that gives the same answer to everything. */
function answering(answer: unknown): { cluster: Cluster; asked: () => number } {
  let asked = 0
  const link = {
    request: async () => {
      asked++
      return answer
    },
  }
  const cluster: Partial<Cluster> = {
    coordinator: async () => link as never,
    forgetCoordinator: () => {},
    node: async () => link as never,
    leaderOf: () => 1,
    partitionCount: () => 1,
    refresh: async () => {},
  }
  return { cluster: cluster as Cluster, asked: () => asked }
}

const askedFor = (cluster: Cluster) =>
  askCoordinator(
    cluster,
    'transaction',
    'app-0_0',
    initProducerIdRequest('app-0_0', 1_000),
    ({ errorCode }) => [errorCode],
    {
      timeoutMs: 50,
    },
  )

describe('asking a coordinator', () => {
  it.each([
    'CONCURRENT_TRANSACTIONS',
    'COORDINATOR_LOAD_IN_PROGRESS',
    'COORDINATOR_NOT_AVAILABLE',
    'NOT_COORDINATOR',
    'UNSTABLE_OFFSET_COMMIT',
  ])('that answers %s to the end fails in a way that is to be tried again', async (name) => {
    const { cluster, asked } = answering({ errorCode: codeOf(name) })
    await expect(askedFor(cluster)).rejects.toMatchObject({ code: 'KAFKA_UNAVAILABLE', recovery: 'retry' })
    expect(asked()).toBeGreaterThan(1)
  })

  it('hands over what does not pass', async () => {
    const { cluster, asked } = answering({ errorCode: codeOf('INVALID_PRODUCER_EPOCH') })
    expect(await askedFor(cluster)).toEqual({ errorCode: codeOf('INVALID_PRODUCER_EPOCH') })
    expect(asked()).toBe(1)
  })
})

describe('asking leaders', () => {
  it('that are none to the end fails in a way that is to be tried again', async () => {
    const partition = { topic: 'readings', partition: 0 }
    const { cluster } = answering([{ ...partition, errorCode: codeOf('NOT_LEADER_OR_FOLLOWER') }])
    const asking = askLeaders(cluster, [partition], () => ({ name: 'ListOffsets' }) as never, { timeoutMs: 50 })
    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_UNAVAILABLE', recovery: 'retry' })
  })
})

describe('the error for an answer', () => {
  const recoveryOf = (name: string): unknown => kafkaError(name, 'it').recovery

  it('of a topic that does not exist does not pass, although it may still come', () => {
    expect(recoveryOf('UNKNOWN_TOPIC_OR_PARTITION')).toBe('stop')
  })

  it('of too few replicas passes, that of a wrong request does not', () => {
    expect(recoveryOf('NOT_ENOUGH_REPLICAS')).toBe('retry')
    expect(recoveryOf('INVALID_REQUEST')).toBe('stop')
  })
})
