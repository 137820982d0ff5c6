import { describe, expect, test, vi } from 'vitest'
import { SerdeNotReadyError } from '../../common/errors.ts'
import type { StoreChange, StoreListener } from '../../streams/index.ts'
import type { QueriesView } from '../streams-view.ts'
import { type FeedListener, StoreFeed } from './feed.ts'

/** A feed whose commits are made by hand. */
function make(options: { offset?: number; ringSize?: number; lingerMs?: number } = {}) {
  let told: StoreListener | undefined
  let stopped = 0
  const queries = {
    follow: (_store: string, _partition: number, listener: StoreListener) => {
      told = listener
      return {
        offset: options.offset,
        located: Promise.resolve(),
        rows: () => undefined as never,
        stop: () => stopped++,
      }
    },
  } as unknown as QueriesView
  const feed = new StoreFeed({
    queries,
    store: 's',
    partition: 3,
    ringSize: options.ringSize ?? 100,
    lingerMs: options.lingerMs ?? 1_000,
    show: (row) => String(row.value),
    onEnded: () => {},
  })
  const commit = (offset: number | undefined, ...changes: (readonly [key: string, value: unknown])[]) =>
    told?.changed(
      changes.map(([key, value]) => {
        const row = () => {
          if (value instanceof SerdeNotReadyError && !value.message.startsWith('over')) throw value
          return { key, value: value instanceof Error ? 'late' : value, timestampMs: 1 }
        }
        return { keyBytes: Buffer.from(key), timestampMs: 1, row } as unknown as StoreChange
      }),
      offset,
    )
  return { feed, commit, closed: () => told?.closed(), stopped: () => stopped }
}

function listener(key?: string) {
  const told: unknown[] = []
  const made: FeedListener = {
    keyId: key,
    committed: (_, changes, offset) => told.push([offset, ...changes.map((c) => c.data())]),
    ended: (partition) => told.push(`ended ${partition}`),
  }
  return { told, made }
}

describe('a feed', () => {
  test('tells each listener what it asked for, and the offset', () => {
    const { feed, commit } = make({ offset: 5 })
    const all = listener()
    const one = listener('a')
    feed.add(all.made)
    feed.add(one.made)
    commit(7, ['a', 'a1'], ['b', 'b1'])
    commit(8, ['b', 'b2'])
    expect(all.told).toEqual([
      [7, 'a1', 'b1'],
      [8, 'b2'],
    ])
    expect(one.told).toEqual([[7, 'a1']])
    feed.remove(all.made)
    commit(9, ['b', 'b3'])
    expect(all.told).toHaveLength(2)
  })

  test.each([
    ['where it began', 5, ['7a', '8b', '8a']],
    ['in between', 7, ['8b', '8a']],
    ['where it is', 8, []],
    ['before it began', 4, undefined],
    ['after where it is', 9, undefined],
    ['nowhere', undefined, undefined],
  ])('gives what was missed since %s', (_, since, expected) => {
    const { feed, commit } = make({ offset: 5 })
    commit(7, ['a', '7a'])
    commit(8, ['b', '8b'], ['a', '8a'])
    expect(feed.changesSince(since, undefined)?.map((c) => c.data())).toEqual(expected)
    const ofA = expected?.filter((data) => data.endsWith('a'))
    expect(feed.changesSince(since, 'a')?.map((c) => c.data())).toEqual(ofA)
  })

  test('forgets the oldest changes, and then knows that it did', () => {
    const { feed, commit } = make({ offset: 0, ringSize: 2 })
    for (let offset = 1; offset <= 4; offset++) commit(offset, ['k', offset])
    expect(feed.changesSince(1, undefined)).toBeUndefined()
    expect(feed.changesSince(2, undefined)?.map((c) => c.data())).toEqual(['3', '4'])
  })

  test('of a store that did not tell where it stands knows it from the first commit on', () => {
    const { feed, commit } = make()
    expect(feed.changesSince(0, undefined)).toBeUndefined()
    commit(7, ['a', 1])
    commit(8, ['a', 2])
    expect(feed.changesSince(6, undefined)).toBeUndefined()
    expect(feed.changesSince(7, undefined)?.map((c) => c.data())).toEqual(['2'])
  })

  test('of a store without a changelog remembers nothing', () => {
    const { feed, commit } = make()
    commit(undefined, ['a', 1])
    expect(feed.changesSince(undefined, undefined)).toBeUndefined()
  })

  test('keeps the order while a schema is fetched', async () => {
    const { feed, commit } = make({ offset: 0 })
    const all = listener()
    feed.add(all.made)
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = new SerdeNotReadyError('not yet', promise)
    commit(1, ['a', waiting])
    commit(2, ['b', 'second'])
    expect(all.told).toEqual([])
    expect(feed.head).toBe(0)
    waiting.message = 'over'
    resolve()
    await vi.waitFor(() =>
      expect(all.told).toEqual([
        [1, 'late'],
        [2, 'second'],
      ]),
    )
  })

  test('ends with its task, and some time after the last listener has gone', () => {
    vi.useFakeTimers()
    try {
      const one = make({ offset: 0 })
      const all = listener()
      one.feed.add(all.made)
      one.closed()
      expect([all.told, one.feed.isEnded, one.stopped()]).toEqual([['ended 3'], true, 1])
      const other = make({ offset: 0, lingerMs: 500 })
      other.feed.add(all.made)
      other.feed.remove(all.made)
      vi.advanceTimersByTime(499)
      other.feed.add(all.made)
      vi.advanceTimersByTime(1_000)
      expect(other.feed.isEnded).toBe(false)
      other.feed.remove(all.made)
      vi.advanceTimersByTime(500)
      expect([other.feed.isEnded, other.stopped()]).toEqual([true, 1])
    } finally {
      vi.useRealTimers()
    }
  })
})
