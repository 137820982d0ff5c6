import { describe, expect, it } from 'vitest'
import { PartitionQueue, ProducerBatch } from './producer-batch.ts'
import { recordSizeBound } from './record-batch.ts'

function filled(count: number): { batch: ProducerBatch; told: number[] } {
  const batch = new ProducerBatch(0)
  const told: number[] = []
  for (let i = 0; i < count; i++) {
    const record = { key: null, value: Buffer.from(`v${i}`), timestampMs: 0 }
    batch.add(record, () => told.push(i), recordSizeBound(record))
  }
  return { batch, told }
}

describe('the queue of a partition', () => {
  it('numbers batches one after the other, each once', () => {
    const queue = new PartitionQueue('t', 0)
    const [first, second] = [filled(3).batch, filled(2).batch]
    queue.number(first)
    queue.number(first)
    queue.number(second)
    expect([first.sequence, second.sequence, queue.nextSequence]).toEqual([0, 3, 5])
  })

  it('gives the numbers of a refused batch to the next one', () => {
    const queue = new PartitionQueue('t', 0)
    const [refused, next] = [filled(3).batch, filled(2).batch]
    queue.number(refused)
    queue.takeBack(refused)
    queue.number(next)
    expect(next.sequence).toBe(0)
  })

  it('wraps around after the largest number', () => {
    const queue = new PartitionQueue('t', 0)
    queue.nextSequence = 2 ** 31 - 1
    const { batch } = filled(2)
    queue.number(batch)
    expect([batch.sequence, queue.nextSequence]).toEqual([2 ** 31 - 1, 1])
  })

  it('starts at 0 under a new identity, with batches encoded anew', () => {
    const queue = new PartitionQueue('t', 0)
    const { batch } = filled(1)
    queue.batches.push(batch)
    queue.number(batch)
    batch.encoded = Buffer.alloc(1)
    queue.startOver({ producerId: 5, producerEpoch: 0 })
    expect([batch.sequence, batch.encoded, queue.nextSequence]).toEqual([-1, undefined, 0])
  })
})

describe('a batch', () => {
  it('splits into halves in order, and who waits for it waits for both', () => {
    const { batch, told } = filled(5)
    let isDone = false
    batch.waiters.push({
      remaining: 1,
      resolve: () => {
        isDone = true
      },
    })
    const [left, right] = batch.split()
    for (const half of [left, right]) for (const acknowledge of half.acknowledges) acknowledge?.(undefined, 0)
    expect(told).toEqual([0, 1, 2, 3, 4])
    expect([left.records.length, right.records.length]).toEqual([2, 3])
    left.done()
    expect(isDone).toBe(false)
    right.done()
    expect(isDone).toBe(true)
  })

  it('lets records go that were refused, and keeps the order of the others', () => {
    const { batch } = filled(4)
    batch.sequence = 9
    batch.remove(new Set([0, 2]))
    expect(batch.records.map((r) => r.value?.toString())).toEqual(['v1', 'v3'])
    expect(batch.sequence).toBe(-1)
  })
})
