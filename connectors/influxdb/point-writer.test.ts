import { afterEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../common/log.ts'
import { StatusTracker } from '../status.ts'
import { Troubles } from '../troubles.ts'
import { PointWriter, type PointWriterOptions } from './point-writer.ts'
import type { WriteOutcome } from './write-outcome.ts'

const opened: PointWriter[] = []
afterEach(() => {
  for (const writer of opened.splice(0)) writer.close()
})

function setUp(options: Partial<PointWriterOptions> = {}) {
  const requests: (readonly string[])[] = []
  const told: string[] = []
  const failures: Error[] = []
  const writer = new PointWriter({
    write: async (lines): Promise<WriteOutcome> => {
      requests.push(lines)
      return { kind: 'written' }
    },
    batchPoints: 3,
    flushIntervalMs: 60_000,
    troubles: new Troubles(new StatusTracker('test'), silentLogger),
    onFailure: (error) => failures.push(error),
    backoff: { baseMs: 1, capMs: 2 },
    ...options,
  })
  opened.push(writer)
  const add = (line: string, isVoid = (): boolean => false): void =>
    writer.add({ line, isVoid, done: (problem) => told.push(problem ? `${line}: ${problem.code}` : line) })
  return { writer, requests, told, failures, add }
}

test('points wait for company until a batch is full, and are told in their order', async () => {
  const { requests, told, add, writer } = setUp()
  for (const line of ['a', 'b']) add(line)
  expect(writer.size).toBe(2)
  for (const line of ['c', 'd', 'e', 'f', 'g']) add(line)
  await vi.waitFor(() => expect(told).toEqual(['a', 'b', 'c', 'd', 'e', 'f']))
  expect(requests).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e', 'f'],
  ])
  expect(writer.size).toBe(1)
})

test('a drain sends the rest at once, and waits for it', async () => {
  const { told, add, writer } = setUp()
  add('a')
  await writer.drain()
  expect(told).toEqual(['a'])
  await writer.drain()
})

test('what nobody wants any more is not sent: somebody else may be further', async () => {
  const { requests, told, add, writer } = setUp()
  add('a', () => true)
  add('b')
  add('c', () => true)
  await vi.waitFor(() => expect(told).toEqual(['b']))
  expect(requests).toEqual([['b']])
  expect(writer.size).toBe(0)
})

test('too large a request is halved, and a point that is too large alone is refused', async () => {
  const { requests, told, add } = setUp({
    batchPoints: 4,
    write: async (lines) => {
      requests.push(lines)
      return lines.join('').length > 2 ? { kind: 'too large', reason: 'too large' } : { kind: 'written' }
    },
  })
  for (const line of ['a', 'b', 'long', 'd']) add(line)
  await vi.waitFor(() => expect(told).toEqual(['a', 'b', 'long: POINT_REFUSED', 'd']))
  expect(requests.map((lines) => lines.join())).toEqual(['a,b,long,d', 'a,b', 'long,d', 'long', 'd'])
})

test('a write that throws is told once, and nothing is lost silently', async () => {
  const { told, failures, add, writer } = setUp({ write: () => Promise.reject(new Error('no such thing')) })
  for (const line of ['a', 'b', 'c', 'd']) add(line)
  await vi.waitFor(() => expect(failures.map(({ message }) => message)).toEqual(['no such thing']))
  expect(told).toEqual([])
  add('e')
  expect(writer.size).toBe(3)
})

test('a closed writer tells nobody, and a drain of it ends', async () => {
  let answer: (outcome: WriteOutcome) => void = () => {}
  const { told, add, writer } = setUp({ write: () => new Promise((resolve) => (answer = resolve)) })
  for (const line of ['a', 'b', 'c']) add(line)
  const drained = writer.drain()
  writer.close()
  await drained
  answer({ kind: 'written' })
  await new Promise((resolve) => setImmediate(resolve))
  expect(told).toEqual([])
})
