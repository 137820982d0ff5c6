import { describe, expect, test } from 'vitest'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyVersionedKeyValueStore,
  ReadOnlyWindowStore,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { Stores } from '../../stores/stores.ts'
import { StoreNotAvailableError } from '../errors.ts'
import { packError, unpackError } from './port-errors.ts'
import { type RemoteStore, remoteStore, type StoreLink } from './remote-store.ts'
import { StoreServer } from './store-server.ts'

const json = serdes.json<unknown>()
const WINDOWS = { key: serdes.string, value: json, windowSize: 10, retention: 1_000 }
type Calls = readonly unknown[][]

/** A store on the other side that answers what it is told to, and the calls that came to it. */
function overThePort(builder: unknown, answers: Record<string, unknown>, batchRows = 2) {
  const calls: unknown[][] = []
  const store = new Proxy(
    {},
    {
      get:
        (_, method: string) =>
        (...args: unknown[]) => {
          calls.push([method, ...args])
          const answer = answers[method]
          if (answer instanceof Error) throw answer
          return answer
        },
    },
  ) as never
  const read = { 'key-value': () => store, window: () => store, session: () => store, versioned: () => store }
  const server = new StoreServer(builder as StoreBuilder, 'changelog', read)
  const crossing = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return structuredClone(await work)
    } catch (error) {
      throw unpackError(structuredClone(packError(error)))
    }
  }
  const link: StoreLink = {
    read: (read) => crossing(server.read(structuredClone(read))),
    async *scan(scan) {
      for await (const rows of server.scan(structuredClone(scan), batchRows)) yield structuredClone(rows)
    },
  }
  return { remote: remoteStore(builder as StoreBuilder, 'changelog', link) as unknown, calls: calls as Calls }
}

async function* rows<R>(...list: R[]): AsyncGenerator<R> {
  yield* list
}

const collect = async <R>(scan: AsyncIterable<R>): Promise<R[]> => {
  const list: R[] = []
  for await (const row of scan) list.push(row)
  return list
}

describe('a store in another thread', () => {
  test('of keys and values', async () => {
    const entries = ['a', 'b', 'c'].map((key, i) => ({ key, value: { n: i }, timestampMs: i }))
    const builder = Stores.keyValueStore('s', { key: serdes.string, value: json })
    const { remote, calls } = overThePort(builder, {
      getEntry: { value: { n: 7 }, timestampMs: 5 },
      range: rows(...entries),
      prefix: rows(...entries.slice(0, 2)),
      approximateEntries: 3,
    })
    const store = remote as ReadOnlyKeyValueStore<string, unknown> & RemoteStore
    expect([store.name, store.type]).toEqual(['s', 'key-value'])
    expect(await store.get('a')).toEqual({ n: 7 })
    expect(await store.getEntry('a')).toEqual({ value: { n: 7 }, timestampMs: 5 })
    expect(await collect(store.range('a', undefined, { limit: 9, committedOnly: true }))).toEqual(entries)
    expect(await collect(store.prefix(Buffer.from('a'), { reverse: true }))).toEqual(entries.slice(0, 2))
    expect(await store.approximateEntries()).toBe(3)
    expect(calls).toEqual([
      ['getEntry', 'a'],
      ['getEntry', 'a'],
      ['range', 'a', undefined, { limit: 9, committedOnly: true }],
      ['prefix', Buffer.from('a'), { reverse: true }],
      ['approximateEntries'],
    ])
  })

  test('of windows', async () => {
    const windows = [1, 2, 3].map((n) => ({ key: 'a', windowStartMs: n * 10, value: n, timestampMs: n }))
    const { remote, calls } = overThePort(Stores.windowStore('s', WINDOWS), {
      getEntry: { value: 1, timestampMs: 1 },
      fetch: windows,
      fetchRange: rows(...windows),
    })
    const store = remote as ReadOnlyWindowStore<string, unknown>
    expect(await store.get('a', 10)).toBe(1)
    expect(await store.fetch('a', 0, 50)).toEqual(windows)
    expect(await collect(store.fetchRange(undefined, 'z', 0, 50, { reverse: true }))).toEqual(windows)
    expect(calls).toEqual([
      ['getEntry', 'a', 10],
      ['fetch', 'a', 0, 50, {}],
      ['fetchRange', undefined, 'z', 0, 50, { reverse: true }],
    ])
  })

  test('of sessions', async () => {
    const sessions = [1, 2].map((n) => ({ key: 'a', startMs: n, endMs: n + 1, value: `${n}`, timestampMs: n }))
    const builder = Stores.sessionStore('s', { key: serdes.string, value: json, retention: 1_000 })
    const { remote, calls } = overThePort(builder, {
      fetchSession: 'one',
      fetch: sessions,
      findSessions: [],
      fetchRange: rows(...sessions),
    })
    const store = remote as ReadOnlySessionStore<string, unknown>
    expect(await store.fetchSession('a', 1, 2)).toBe('one')
    expect(await store.fetch('a', { limit: 2 })).toEqual(sessions)
    expect(await store.findSessions('a', 3, 4)).toEqual([])
    expect(await collect(store.fetchRange('a', 'a', 0, 9))).toEqual(sessions)
    expect(calls).toEqual([
      ['fetchSession', 'a', 1, 2],
      ['fetch', 'a', { limit: 2 }],
      ['findSessions', 'a', 3, 4, {}],
      ['fetchRange', 'a', 'a', 0, 9, {}],
    ])
  })

  test('of versions', async () => {
    const version = { value: 'v', timestampMs: 3, validToMs: Number.POSITIVE_INFINITY }
    const builder = Stores.versionedKeyValueStore('s', { key: serdes.string, value: json, historyRetention: 1_000 })
    const { remote, calls } = overThePort(builder, { getEntry: version, history: [version], range: rows() })
    const store = remote as ReadOnlyVersionedKeyValueStore<string, unknown>
    expect(await store.get('a')).toBe('v')
    expect(await store.getEntry('a', 5)).toEqual(version)
    expect(await store.history('a', 0, 9, { reverse: true })).toEqual([version])
    expect(await collect(store.range(undefined, undefined))).toEqual([])
    expect(calls.slice(0, 3)).toEqual([
      ['getEntry', 'a', undefined],
      ['getEntry', 'a', 5],
      ['history', 'a', 0, 9, { reverse: true }],
    ])
  })

  test('has no answer where there is none, and the error of the other side where there is one', async () => {
    const builder = Stores.keyValueStore('s', { key: serdes.string, value: json })
    const empty = overThePort(builder, { getEntry: undefined }).remote as ReadOnlyKeyValueStore<string, unknown>
    expect(await empty.get('a')).toBeUndefined()
    const moved = overThePort(builder, { getEntry: new StoreNotAvailableError('s', 'migrated') })
    const read = async () => (moved.remote as ReadOnlyKeyValueStore<string, unknown>).get('a')
    await expect(read()).rejects.toBeInstanceOf(StoreNotAvailableError)
  })

  test('waits for a schema that this thread has not met', async () => {
    let isReady = false
    const slow: Serde<string> = {
      name: 'slow',
      serialize: (value) => Buffer.from(value),
      deserialize: (data) => {
        if (isReady) return String(data)
        throw new SerdeNotReadyError(
          'not yet',
          Promise.resolve().then(() => {
            isReady = true
          }),
        )
      },
    }
    const builder = Stores.keyValueStore('s', { key: serdes.string, value: slow })
    const { remote } = overThePort(builder, { getEntry: { value: 'v', timestampMs: 1 } })
    expect(await (remote as ReadOnlyKeyValueStore<string, unknown>).get('a')).toBe('v')
  })
})
