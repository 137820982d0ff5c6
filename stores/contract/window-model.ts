import { expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import * as fc from '../../test/support/property.ts'
import type { WindowEntry } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { ContractStore, toArray } from './contract-support.ts'

const RETENTION_MS = 180_000
const INTERVAL_MS = 90_000

type Row = WindowEntry<string, string>

/** A window store as a list: what the contract says, and nothing of how it is done. */
class WindowModel {
  readonly retainDuplicates: boolean
  rows: Row[] = []
  observedMs = -1

  constructor(retainDuplicates: boolean) {
    this.retainDuplicates = retainDuplicates
  }

  copy(): WindowModel {
    const copy = new WindowModel(this.retainDuplicates)
    copy.rows = [...this.rows]
    copy.observedMs = this.observedMs
    return copy
  }

  put(row: Omit<Row, 'value'>, value: string | null): boolean {
    if (this.retainDuplicates && value === null) return true
    this.observedMs = Math.max(this.observedMs, row.windowStartMs)
    if (!this.#isVisible(row)) return false
    if (!this.retainDuplicates)
      this.rows = this.rows.filter((r) => r.key !== row.key || r.windowStartMs !== row.windowStartMs)
    if (value !== null) this.rows.push({ ...row, value })
    return true
  }

  fetch(fromKey: string | undefined, toKey: string | undefined, fromMs: number, toMs: number): Row[] {
    const compare = (a: string, b: string): number => Buffer.from(a).compare(Buffer.from(b))
    return this.rows
      .filter((r) => this.#isVisible(r) && r.windowStartMs >= fromMs && r.windowStartMs <= toMs)
      .filter((r) => fromKey === undefined || compare(r.key, fromKey) >= 0)
      .filter((r) => toKey === undefined || compare(r.key, toKey) <= 0)
      .sort((a, b) => {
        const segment = (r: Row): number => Math.floor(r.windowStartMs / INTERVAL_MS)
        return segment(a) - segment(b) || compare(a.key, b.key) || a.windowStartMs - b.windowStartMs
      })
  }

  #isVisible(row: { windowStartMs: number }): boolean {
    return row.windowStartMs >= this.observedMs - RETENTION_MS + 1
  }
}

/** Compares a store with the model over random commands. */
export function windowStoreModelTest(
  retainDuplicates: boolean,
  place: () => { keepsState: boolean; database: () => Promise<TaskDatabase> },
  cacheEntries: number,
): void {
  const kind = retainDuplicates ? 'a list with duplicates' : 'a list'
  it(
    `does what ${kind} does, whatever is put, committed, discarded and opened again`,
    async () => {
      const { keepsState, database } = place()
      const key = fc.constantFrom('', 'a', 'a\0', 'a\0\x01', 'aa', 'b')
      const start = fc.nat(60).map((n) => n * 10_000)
      const bounds = fc.record({
        from: start,
        to: start,
        reverse: fc.boolean(),
        limit: fc.option(fc.nat(5), { nil: undefined }),
        committedOnly: fc.boolean(),
      })
      const command = fc.oneof(
        {
          weight: 10,
          arbitrary: fc.record({
            do: fc.constant('put' as const),
            key,
            start,
            value: fc.option(fc.string({ maxLength: 3 }), { freq: 2 }),
          }),
        },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), key, start }) },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('fetch' as const), key, bounds }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant('range' as const),
            fromKey: fc.option(key, { nil: undefined }),
            toKey: fc.option(key, { nil: undefined }),
            bounds,
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant('prefetch' as const),
            keys: fc.array(fc.tuple(key, start), { maxLength: 4 }),
          }),
        },
        {
          weight: 3,
          arbitrary: fc.record({
            do: fc.constantFrom(
              'commit' as const,
              'commit' as const,
              'commit' as const,
              'discard' as const,
              'failed commit' as const,
              'reopen' as const,
            ),
          }),
        },
      )
      let run = 0
      let opened = await database()
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80, size: 'max' }), async (commands) => {
          const plan = Stores.windowStore(`store-${run++}`, {
            key: serdes.string,
            value: serdes.string,
            retention: RETENTION_MS,
            windowSize: 10_000,
            retainDuplicates,
          })
          let store = new ContractStore(plan, opened, { cacheEntries })
          let committed = new WindowModel(retainDuplicates)
          let current = committed.copy()
          for (const [timestampMs, step] of commands.entries()) {
            if (step.do === 'put') {
              const row = { key: step.key, windowStartMs: step.start, timestampMs }
              expect(store.store.put(step.key, step.value, step.start, timestampMs)).toBe(current.put(row, step.value))
            } else if (step.do === 'get') {
              const entry = await store.store.getEntry(step.key, step.start)
              const expected = current.fetch(step.key, step.key, step.start, step.start).at(-1)
              expect(entry?.value).toBe(expected?.value)
              expect(entry?.timestampMs).toBe(expected?.timestampMs)
            } else if (step.do === 'prefetch') await store.store.prefetch(step.keys)
            else if (step.do === 'fetch' || step.do === 'range') {
              const { from, to, limit, ...options } = step.bounds
              const scan = limit === undefined ? options : { ...options, limit }
              const [fromKey, toKey] = step.do === 'fetch' ? [step.key, step.key] : [step.fromKey, step.toKey]
              const rows =
                step.do === 'fetch'
                  ? await store.store.fetch(step.key, from, to, scan)
                  : await toArray(store.store.fetchRange(fromKey, toKey, from, to, scan))
              const model = options.committedOnly ? committed.copy() : current
              model.observedMs = current.observedMs
              const expected = model.fetch(fromKey, toKey, from, to)
              if (options.reverse) expected.reverse()
              expect(rows).toEqual(expected.slice(0, limit))
            } else if (step.do === 'commit') {
              await store.commit()
              committed = current.copy()
            } else {
              if (step.do === 'failed commit') store.store.drain()
              if (step.do === 'reopen' && keepsState) {
                store.store.close()
                await opened.close()
                opened = await database()
                store = new ContractStore(plan, opened, { cacheEntries })
              } else store.store.discard()
              current = committed.copy()
            }
          }
          await store.commit()
          expect(await toArray(store.store.fetchRange(undefined, undefined, 0, 1e9))).toEqual(
            current.fetch(undefined, undefined, 0, 1e9),
          )
        }),
        { numRuns: 60 },
      )
    },
    fc.limitMs(30_000),
  )
}
