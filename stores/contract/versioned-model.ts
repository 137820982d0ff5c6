import { expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import * as fc from '../../test/support/property.ts'
import type { VersionedEntry } from '../state-store.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { ContractStore, toArray } from './contract-support.ts'

const HISTORY_MS = 60_000

/** A versioned store as lists: what the contract says, and nothing of how it is done. */
class VersionedModel {
  readonly versions = new Map<string, { timestampMs: number; value: string | null }[]>()
  observedMs = -1

  copy(): VersionedModel {
    const copy = new VersionedModel()
    for (const [key, list] of this.versions) copy.versions.set(key, [...list])
    copy.observedMs = this.observedMs
    return copy
  }

  put(key: string, value: string | null, timestampMs: number): number | undefined {
    if (timestampMs < this.observedMs - HISTORY_MS) return undefined
    this.observedMs = Math.max(this.observedMs, timestampMs)
    const others = (this.versions.get(key) ?? []).filter((version) => version.timestampMs !== timestampMs)
    const list = [...others, { timestampMs, value }].sort((a, b) => a.timestampMs - b.timestampMs)
    this.versions.set(key, list)
    return this.#validTo(list, timestampMs)
  }

  get(key: string, asOfMs = Number.POSITIVE_INFINITY): VersionedEntry<string> | undefined {
    const list = this.versions.get(key) ?? []
    const found = list.filter((version) => version.timestampMs <= asOfMs).at(-1)
    if (found === undefined || found.value === null) return undefined
    if (asOfMs < this.observedMs - HISTORY_MS && found !== list.at(-1)) return undefined
    const { timestampMs, value } = found
    return { timestampMs, value, validToMs: this.#validTo(list, timestampMs) }
  }

  history(key: string, fromMs: number, toMs: number): VersionedEntry<string>[] {
    const oldestMs = this.observedMs - HISTORY_MS
    const list = this.versions.get(key) ?? []
    const entries: VersionedEntry<string>[] = []
    if (fromMs > toMs) return entries
    for (const { timestampMs, value } of list) {
      const validToMs = this.#validTo(list, timestampMs)
      if (value === null || timestampMs > toMs || validToMs <= fromMs) continue
      if (validToMs !== Number.POSITIVE_INFINITY && (toMs < oldestMs || validToMs <= oldestMs)) continue
      entries.push({ timestampMs, value, validToMs })
    }
    return entries
  }

  #validTo(list: readonly { timestampMs: number }[], timestampMs: number): number {
    return list.find((version) => version.timestampMs > timestampMs)?.timestampMs ?? Number.POSITIVE_INFINITY
  }
}

/** Compares a store with the model over random commands. */
export function versionedStoreModelTest(
  place: () => { keepsState: boolean; database: () => Promise<TaskDatabase> },
  cacheEntries: number,
): void {
  it(
    'does what lists of versions do, whatever is put, committed, discarded, restored and opened again',
    async () => {
      const { keepsState, database } = place()
      const key = fc.constantFrom('', 'a', 'a\0', 'b')
      const time = fc.oneof(fc.nat(30), fc.nat(60)).map((n) => n * 5_000)
      const command = fc.oneof(
        {
          weight: 10,
          arbitrary: fc.record({
            do: fc.constant('put' as const),
            key,
            time,
            value: fc.option(fc.string({ maxLength: 3 }), { freq: 2 }),
          }),
        },
        { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key, time }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('newest' as const), key }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant('history' as const),
            key,
            from: time,
            to: time,
            reverse: fc.boolean(),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('prefetch' as const), keys: fc.array(key, { maxLength: 3 }) }),
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
          const plan = Stores.versionedKeyValueStore(`store-${run++}`, {
            key: serdes.string,
            value: serdes.string,
            historyRetention: HISTORY_MS,
            segmentInterval: 20_000,
          })
          let store = new ContractStore(plan, opened, { cacheEntries })
          const changelog = store.changelog
          let committed = new VersionedModel()
          let current = committed.copy()
          for (const step of commands) {
            if (step.do === 'put')
              expect(await store.store.put(step.key, step.value, step.time)).toBe(
                current.put(step.key, step.value, step.time),
              )
            else if (step.do === 'get')
              expect(await store.store.getEntry(step.key, step.time)).toEqual(current.get(step.key, step.time))
            else if (step.do === 'newest') expect(await store.store.getEntry(step.key)).toEqual(current.get(step.key))
            else if (step.do === 'prefetch') await store.store.prefetch(step.keys)
            else if (step.do === 'history') {
              const expected = current.history(step.key, step.from, step.to)
              if (step.reverse) expected.reverse()
              expect(await store.store.history(step.key, step.from, step.to, { reverse: step.reverse })).toEqual(
                expected,
              )
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
                store.changelog.push(...changelog)
              } else store.store.discard()
              current = committed.copy()
            }
            if (store.changelog !== changelog) changelog.splice(0, changelog.length, ...store.changelog)
          }
          await store.commit()
          const restored = new ContractStore(
            Stores.versionedKeyValueStore(`restored-${run}`, { ...OPTIONS, historyRetention: HISTORY_MS }),
            opened,
            { cacheEntries },
          )
          const half = Math.floor(store.changelog.length / 2)
          await restored.restore(store.changelog.slice(0, half))
          await restored.restore(store.changelog.slice(half))
          for (const each of [store, restored]) {
            for (const k of ['', 'a', 'a\0', 'b']) {
              expect(await each.store.history(k, 0, 1e9)).toEqual(current.history(k, 0, 1e9))
              for (const n of [5, 20, 40, 60])
                expect(await each.store.getEntry(k, n * 5_000)).toEqual(current.get(k, n * 5_000))
            }
            const newest = (await toArray(each.store.range(undefined, undefined))).map((e) => [e.key, e.value])
            expect(newest).toEqual(
              ['', 'a', 'a\0', 'b'].flatMap((k) => {
                const entry = current.get(k)
                return entry === undefined ? [] : [[k, entry.value]]
              }),
            )
          }
        }),
        { numRuns: 60 },
      )
    },
    fc.limitMs(30_000),
  )
}

const OPTIONS = { key: serdes.string, value: serdes.string, segmentInterval: 20_000 } as const
