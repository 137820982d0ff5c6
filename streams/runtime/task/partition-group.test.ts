import { describe, expect, it } from 'vitest'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import { serdes } from '../../../common/serde.ts'
import type { SourceNode } from '../../topology-nodes.ts'
import { PartitionGroup } from './partition-group.ts'
import { RecordQueue } from './record-queue.ts'

const source: SourceNode = {
  kind: 'source',
  name: 'source',
  topics: ['a', 'b', 'c'],
  keySerde: serdes.string,
  valueSerde: serdes.string,
  timestampExtractor: undefined,
  offsetReset: undefined,
}

function queueOf(topic: string): RecordQueue {
  return new RecordQueue(source, topic, 0, {
    onUnreadable: (_raw, error) => {
      throw error
    },
    onDrop: () => {},
    onUnblocked: () => {},
  })
}

/** Adds records with these timestamps; offsets go on from `from`. */
function add(queue: RecordQueue, from: number, ...timestamps: number[]): void {
  const records = timestamps.map((timestampMs, i) => ({
    key: null,
    value: null,
    timestampMs,
    headers: EMPTY_HEADERS,
    offset: from + i,
  }))
  queue.add({ topic: queue.topic, partition: 0, records, nextOffset: from + records.length })
}

function group(options: { lags?: Record<string, number | undefined>; idleMs?: number; topics?: string[] } = {}) {
  const queues = (options.topics ?? ['a', 'b']).map(queueOf)
  const lags: Record<string, number | undefined> = options.lags ?? {}
  const clock = { nowMs: 0 }
  const partitions = new PartitionGroup(queues, (topic) => lags[topic], options.idleMs ?? 0)
  const next = (): string | undefined => {
    const queue = partitions.next(() => clock.nowMs)
    if (queue === undefined) return undefined
    const taken = `${queue.topic}@${queue.head?.timestampMs}`
    queue.take()
    return taken
  }
  return { queues, lags, clock, partitions, next }
}

describe('PartitionGroup', () => {
  it('takes the lowest head, in offset order within a partition', () => {
    const { queues, lags, next } = group()
    const [a, b] = queues as [RecordQueue, RecordQueue]
    add(a, 0, 1, 3, 5)
    add(b, 0, 2, 4, 1)
    lags.a = 0
    lags.b = 0
    expect(Array.from({ length: 7 }, next)).toEqual(['a@1', 'b@2', 'a@3', 'b@4', 'b@1', 'a@5', undefined])
  })

  it('takes the first partition where heads are equal', () => {
    const { queues, next } = group()
    for (const queue of queues) add(queue, 0, 7)
    expect(next()).toBe('a@7')
  })

  it.each<[what: string, lag: number | undefined, taken: string | undefined]>([
    ['waits while it is not known whether an empty partition has more', undefined, undefined],
    ['waits for what an empty partition is known to have', 3, undefined],
    ['goes on when the empty partition has nothing more', 0, 'a@1'],
  ])('%s', (_what, lag, taken) => {
    const { queues, next } = group({ lags: { b: lag } })
    add(queues[0] as RecordQueue, 0, 1)
    expect(next()).toBe(taken)
  })

  it('never waits when told not to', () => {
    const { queues, next } = group({ idleMs: -1 })
    add(queues[0] as RecordQueue, 0, 1)
    expect(next()).toBe('a@1')
  })

  it('waits beyond that for as long as it is told, counted from the first sight of nothing to fetch', () => {
    const { queues, lags, clock, next } = group({ idleMs: 10 })
    const [a, b] = queues as [RecordQueue, RecordQueue]
    add(a, 0, 1, 2, 3)
    expect(next()).toBeUndefined()
    clock.nowMs = 100
    lags.b = 0
    expect(next()).toBeUndefined()
    clock.nowMs = 109
    expect(next()).toBeUndefined()
    clock.nowMs = 110
    expect(next()).toBe('a@1')
    add(b, 0, 0)
    expect([next(), next()]).toEqual(['b@0', undefined])
    clock.nowMs = 120
    expect(next()).toBe('a@2')
  })

  it('counts the wait of each partition on its own, also while there is nothing to take', () => {
    const { queues, lags, clock, next } = group({ idleMs: 10, topics: ['a', 'b', 'c'] })
    const [a, b] = queues as [RecordQueue, RecordQueue]
    Object.assign(lags, { a: 0, b: 0, c: 0 })
    add(b, 0, 5)
    expect(next()).toBeUndefined()
    clock.nowMs = 10
    expect(next()).toBe('b@5')
    add(a, 0, 6)
    expect(next(), 'b is empty since now').toBeUndefined()
    clock.nowMs = 20
    expect(next()).toBe('a@6')
    expect(next()).toBeUndefined()
    clock.nowMs = 40
    expect(next()).toBeUndefined()
    add(a, 1, 9)
    expect(next(), 'all others have been idle for long').toBe('a@9')
  })

  it('waits for a head that waits for its schema', () => {
    const { queues, partitions, lags, next } = group()
    const blocked = queues[1] as RecordQueue
    add(queues[0] as RecordQueue, 0, 1)
    lags.b = 0
    Object.defineProperty(blocked, 'blocked', { value: true })
    expect(next()).toBeUndefined()
    expect(partitions.buffered).toBe(1)
  })

  it('knows its queues by topic and partition', () => {
    const { partitions } = group()
    expect(partitions.queue('b', 0)?.topic).toBe('b')
    expect([partitions.queue('b', 1), partitions.queue('x', 0)]).toEqual([undefined, undefined])
  })
})
