import { expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import * as fc from '../../test/support/property.ts'
import type { ClosingSessionStore, SessionEntry } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { ContractStore, toArray } from './contract-support.ts'

const RETENTION_MS = 180_000
const INTERVAL_MS = 90_000

type Row = SessionEntry<string, string>
type Session = Pick<Row, 'key' | 'startMs' | 'endMs'>

const compare = (a: string, b: string): number => Buffer.from(a).compare(Buffer.from(b))

/** A session store as a list: what the contract says, and nothing of how it is done. */
class SessionModel {
  rows: Row[] = []
  observedMs = -1

  copy(): SessionModel {
    const copy = new SessionModel()
    copy.rows = [...this.rows]
    copy.observedMs = this.observedMs
    return copy
  }

  put({ key, startMs, endMs }: Session, value: string | null, timestampMs: number): boolean {
    this.observedMs = Math.max(this.observedMs, endMs)
    if (!this.#isVisible({ endMs })) return false
    this.rows = this.rows.filter((r) => r.key !== key || r.startMs !== startMs || r.endMs !== endMs)
    if (value !== null) this.rows.push({ key, startMs, endMs, value, timestampMs })
    return true
  }

  find(fromKey: string | undefined, toKey: string | undefined, earliestEndMs: number, latestStartMs: number): Row[] {
    const segment = (r: Row): number => Math.floor(r.endMs / INTERVAL_MS)
    return this.rows
      .filter((r) => this.#isVisible(r) && r.endMs >= earliestEndMs && r.startMs <= latestStartMs)
      .filter((r) => fromKey === undefined || compare(r.key, fromKey) >= 0)
      .filter((r) => toKey === undefined || compare(r.key, toKey) <= 0)
      .sort((a, b) => segment(a) - segment(b) || compare(a.key, b.key) || a.endMs - b.endMs || a.startMs - b.startMs)
  }

  /** Nothing is released here, so nothing is gone. */
  ended(fromEndMs: number, toEndMs: number): Row[] {
    return this.rows
      .filter((r) => r.endMs >= fromEndMs && r.endMs <= toEndMs)
      .sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs || compare(a.key, b.key))
  }

  #isVisible(row: { endMs: number }): boolean {
    return row.endMs >= this.observedMs - RETENTION_MS + 1
  }
}

const key = fc.constantFrom('', 'a', 'a\0', 'a\0\x01', 'aa', 'b')
const time = fc.nat(60).map((n) => n * 10_000)
const session = fc
  .tuple(key, time, fc.nat(8))
  .map(([k, startMs, length]) => ({ key: k, startMs, endMs: startMs + length * 10_000 }))
const bounds = fc.record({
  earliestEnd: time,
  latestStart: time,
  reverse: fc.boolean(),
  limit: fc.option(fc.nat(5), { nil: undefined }),
  committedOnly: fc.boolean(),
})
const puts = { session, value: fc.option(fc.string({ maxLength: 3 }), { freq: 2 }) }
const ends = fc.constantFrom<'commit' | 'discard' | 'failed commit' | 'reopen'>(
  'commit',
  'commit',
  'commit',
  'discard',
  'failed commit',
  'reopen',
)
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('put' as const), ...puts }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('grow' as const),
      pick: fc.nat(20),
      byMs: fc.constantFrom(0, 10_000, 50_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('again' as const), pick: fc.nat(20), value: puts.value }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), session }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('find' as const), key, bounds }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      fromKey: fc.option(key, { nil: undefined }),
      toKey: fc.option(key, { nil: undefined }),
      bounds,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ended' as const), from: time, to: time }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('prefetch' as const), keys: fc.array(key, { maxLength: 4 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: ends }) },
)

/** Compares a store with the model over random commands; `grow` is what an aggregation does to a session, `again` a put without a look. */
export function sessionStoreModelTest(
  timeOrdered: boolean,
  place: () => { keepsState: boolean; database: () => Promise<TaskDatabase> },
  cacheEntries: number,
): void {
  const kind = timeOrdered ? 'a list that is read by time' : 'a list'
  it(
    `does what ${kind} does, whatever is put, removed, committed, discarded and opened again`,
    async () => {
      const { keepsState, database } = place()
      let run = 0
      let opened = await database()
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80, size: 'max' }), async (commands) => {
          const plan = Stores.sessionStore(`store-${run++}`, {
            key: serdes.string,
            value: serdes.string,
            retention: RETENTION_MS,
            timeOrdered,
          })
          let { store, ...rest } = open()
          let committed = new SessionModel()
          let current = committed.copy()
          function open() {
            const contract = new ContractStore(plan, opened, { cacheEntries })
            return { store: contract.store, contract }
          }
          for (const [timestampMs, step] of commands.entries()) {
            if (step.do === 'put') {
              const { key: k, startMs, endMs } = step.session
              const kept = store.put(k, step.value, startMs, endMs, timestampMs)
              expect(kept).toBe(current.put(step.session, step.value, timestampMs))
            } else if (step.do === 'grow') {
              const all = current.find(undefined, undefined, 0, 1e9)
              const row = all[step.pick % Math.max(all.length, 1)]
              if (row === undefined) continue
              const { key: k, startMs, endMs } = row
              await store.findSessions(k, startMs, endMs)
              store.remove(k, startMs, endMs, timestampMs)
              current.put(row, null, timestampMs)
              store.put(k, 'grown', startMs, endMs + step.byMs, timestampMs)
              current.put({ key: k, startMs, endMs: endMs + step.byMs }, 'grown', timestampMs)
            } else if (step.do === 'again') {
              const all = current.find(undefined, undefined, 0, 1e9)
              const row = all[step.pick % Math.max(all.length, 1)]
              if (row === undefined) continue
              store.put(row.key, step.value, row.startMs, row.endMs, timestampMs)
              current.put(row, step.value, timestampMs)
            } else if (step.do === 'get') {
              const { key: k, startMs, endMs } = step.session
              const expected = current
                .find(k, k, endMs, startMs)
                .find((r) => r.startMs === startMs && r.endMs === endMs)
              expect(await store.fetchSession(k, startMs, endMs)).toBe(expected?.value)
            } else if (step.do === 'prefetch') await store.prefetch(step.keys)
            else if (step.do === 'ended') {
              const { from, to } = step
              const closing = store as ClosingSessionStore<string, string>
              if (timeOrdered) expect(await closing.findEnded(from, to)).toEqual(current.ended(from, to))
            } else if (step.do === 'find' || step.do === 'range') {
              const { earliestEnd, latestStart, limit, ...options } = step.bounds
              const scan = limit === undefined ? options : { ...options, limit }
              const [fromKey, toKey] = step.do === 'find' ? [step.key, step.key] : [step.fromKey, step.toKey]
              const rows =
                step.do === 'find'
                  ? await store.findSessions(step.key, earliestEnd, latestStart, scan)
                  : await toArray(store.fetchRange(fromKey, toKey, earliestEnd, latestStart, scan))
              const model = options.committedOnly ? committed.copy() : current
              model.observedMs = current.observedMs
              const expected = model.find(fromKey, toKey, earliestEnd, latestStart)
              if (options.reverse) expected.reverse()
              expect(rows).toEqual(expected.slice(0, limit))
            } else if (step.do === 'commit') {
              await rest.contract.commit()
              committed = current.copy()
            } else {
              if (step.do === 'failed commit') store.drain()
              if (step.do === 'reopen' && keepsState) {
                store.close()
                await opened.close()
                opened = await database()
                ;({ store, ...rest } = open())
              } else store.discard()
              current = committed.copy()
            }
          }
          await rest.contract.commit()
          const everything = current.find(undefined, undefined, 0, 1e9)
          expect(await toArray(store.fetchRange(undefined, undefined, 0, 1e9))).toEqual(everything)
        }),
        { numRuns: 60 },
      )
    },
    fc.limitMs(30_000),
  )
}
